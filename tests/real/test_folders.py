"""The trained nets and 100 public prototxts as one folder, which is converted by a command that is
killed half-way and run once more: on this machine, and on a Dask cluster."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from bridge.folders.api import KINDS
from tests.folders.cluster import two_workers
from tests.real.nets import ALL, Net

PUBLIC = 100
# Seconds for one net, which takes two minutes at most on a machine that does nothing else.
TIMEOUT = 3600
RECORD, PAGE = "outcomes.jsonl", "index.html"


def folder_of_nets(folder: Path, trained: Path, public: Path) -> int:
    """Copies the nets, and says how many there are."""
    for name in ALL:
        net = Net(trained / name)
        (folder / name).mkdir(parents=True)
        for file in (net.prototxt, net.caffemodel):
            shutil.copy(file, folder / name)
    prototxts = sorted(public.glob("*.prototxt"))[:PUBLIC]
    for file in prototxts:
        shutil.copy(file, folder)
    return len(ALL) + len(prototxts)


def converting(nets: Path, output: Path, options: Sequence[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bridge", "convert", str(nets), "-o", str(output)]
    command += ["--timeout", str(TIMEOUT)]
    return subprocess.Popen([*command, *options], text=True, stdout=subprocess.PIPE)


def ended(output: Path) -> int:
    """How many conversions the record has."""
    record = output / RECORD
    return len(record.read_text().split("\n")) - 1 if record.exists() else 0


def killed_half_way(nets: Path, output: Path, total: int, options: Sequence[str]) -> None:
    process = converting(nets, output, options)
    while ended(output) < total // 2:
        assert process.poll() is None, "it ended by itself"
        time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (output / PAGE).exists()


def digests(output: Path) -> Mapping[str, str]:
    """Of the files that were written; which are removed, since they are large."""
    contents = {}
    for kind in KINDS:
        for file in sorted(output.rglob(f"*.{kind}")):
            with file.open("rb") as opened:
                digest = hashlib.file_digest(opened, "sha256").hexdigest()
            contents[str(file.relative_to(output))] = digest
            file.unlink()
    return contents


def page(output: Path) -> str:
    """Without what differs from run to run: the folder's name, and seconds."""
    text = (output / PAGE).read_text(encoding="utf-8").replace(str(output), "OUT")
    return re.sub(r'(data-head="seconds">)[\d.]+', r"\1SECONDS", text)


def converted(
    nets: Path, output: Path, total: int, options: Sequence[str]
) -> tuple[str, Mapping[str, str], Mapping[str, int]]:
    """The page, what the files hold, and the counts, of a run that is killed and of the next."""
    killed_half_way(nets, output, total, options)
    process = converting(nets, output, [*options, "--json"])
    printed, _ = process.communicate()
    return page(output), digests(output), json.loads(printed)["counts"]


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore")
def test_a_folder_is_the_same_here_and_on_a_cluster(
    real_models: Path, zoo: Path, tmp_path: Path, record_property: Callable[[str, str], None]
) -> None:
    nets = tmp_path / "nets"
    total = folder_of_nets(nets, real_models, zoo)
    seconds = time.perf_counter()
    here = converted(nets, tmp_path / "here", total, ["--jobs", str(min(2, os.cpu_count() or 1))])
    half = time.perf_counter()
    with two_workers() as address:
        there = converted(nets, tmp_path / "there", total, ["--scheduler", address])
    assert there[0] == here[0]
    assert there[1:] == here[1:]
    times = f"{half - seconds:.0f} s here, {time.perf_counter() - half:.0f} s on two workers"
    record_property("A folder of nets", f"{total} nets: {here[2]}; {times}")
    assert {*here[2]} == {"converted", "refused"}, "some ended by accident, or differ"
    assert sum(here[2].values()) == total
    assert here[2]["converted"] == len(here[1]) > PUBLIC
