"""The files of a folder are paired in a process of its own, which they may end."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bridge.errors import UsageError
from bridge.folders import reading
from bridge.folders.pairs import Pair, find_pairs
from bridge.folders.reading import pairs_within
from bridge.folders.tasks import Limits
from tests.helpers.golden_cases import case

NET = case("conv_basic_k3")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for source, name in ((NET.prototxt, "a.prototxt"), (NET.caffemodel, "a.caffemodel")):
        (tmp_path / name).write_bytes(source.read_bytes())
    return tmp_path


def test_it_finds_what_this_process_would(folder: Path) -> None:
    (folder / "broken.prototxt").write_text("layer {")
    (folder / os.fsdecode(b"\xff.prototxt")).write_text("layer {")
    pairs = pairs_within(folder, Limits())
    assert pairs == find_pairs(folder)
    assert Pair(folder / "a.prototxt", folder / "a.caffemodel") in pairs


def stand_in(monkeypatch: pytest.MonkeyPatch, folder: Path, reads: str) -> Path:
    """A process in which this code stands before the reading of a caffemodel, at `path`. Returns a
    file with a line for each process that has started, and for each caffemodel that is read."""
    program, log = folder / "process.py", folder / "log"
    program.write_text(
        "import os, sys, time\n"
        "from dataclasses import replace\n"
        "from bridge.folders import pairs, reading\n"
        "question = pairs.QUESTIONS['stored layers']\n"
        f"log = open({str(log)!r}, 'a', 1)\n"
        "def read(path):\n"
        "    print(path.name, file=log)\n"
        f"    {reads}\n"
        "    return question.read(path)\n"
        "pairs.QUESTIONS['stored layers'] = replace(question, read=read)\n"
        "print('started', file=log)\n"
        "reading.main()\n"
    )
    monkeypatch.setattr(reading, "_COMMAND", (sys.executable, str(program)))
    return log


@pytest.mark.parametrize("reads", ["os.abort()", "time.sleep(60)"])
def test_a_file_that_ends_or_keeps_it_is_one_that_cannot_be_read(
    reads: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_LEAST", 8.0)
    (folder / "evil.caffemodel").write_bytes(b"")
    stand_in(monkeypatch, folder, f"if path.stem == 'evil': {reads}")
    pairs = pairs_within(folder, Limits(seconds=1))
    assert pairs == [Pair(folder / "a.prototxt", folder / "a.caffemodel")]


def test_each_file_is_read_once_however_many_end_the_process(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [f"{kind}{number}.caffemodel" for number in range(4) for kind in ("evil", "good")]
    for name in files:
        (folder / name).write_bytes(NET.caffemodel.read_bytes())
    log = stand_in(monkeypatch, folder, "if path.stem[:4] == 'evil': os.abort()")
    assert pairs_within(folder, Limits())[0].weights == folder / "a.caffemodel"
    lines = log.read_text().splitlines()
    assert sorted(lines) == sorted(["a.caffemodel", *files, *["started"] * (1 + 4)])


def test_a_process_that_does_not_start_is_one_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_COMMAND", (sys.executable, "-c", "pass"))
    with pytest.raises(UsageError, match="has ended"):
        pairs_within(folder, Limits())
