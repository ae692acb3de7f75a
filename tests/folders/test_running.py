"""Who runs the conversions of a folder. On a Dask cluster all is as it is here."""

from __future__ import annotations

import os
import re
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

import bridge
from bridge.folders import running
from bridge.folders.tasks import Limits, Status, Task
from tests.folders.cluster import distributed, two_workers
from tests.helpers.golden_cases import case

CONV = case("conv_basic_k3")


@pytest.fixture
def nets(tmp_path: Path) -> Path:
    folder = tmp_path / "nets"
    folder.mkdir()
    for number in range(4):
        shutil.copy(CONV.prototxt, folder / f"good{number}.prototxt")
    shutil.copy(CONV.caffemodel, folder / "any.caffemodel")
    (folder / "bad.prototxt").write_text('layer { name: "a" type: "Nobody" top: "x" }')
    return folder


def test_each_task_here_has_its_outcome(tmp_path: Path) -> None:
    tasks = [
        Task(tmp_path / f"{name}.prototxt", None, "onnx", tmp_path / f"{name}.onnx")
        for name in ("a", "b")
    ]
    ended = dict(running.locally(tasks, 2, Limits(seconds=0.01)))
    assert ended.keys() == set(tasks)
    assert {outcome.status for outcome in ended.values()} == {"stopped"}


def statuses(folder: Any) -> dict[str, Status]:
    return {task.net.name: outcome.status for task, outcome in folder.outcomes.items()}


def page(folder: Any, output: Path) -> str:
    """Without what differs from run to run: the folder's name, and seconds."""
    text = folder.index.read_text(encoding="utf-8").replace(str(output), "OUT")
    return re.sub(r'(data-head="seconds">)[\d.]+', r"\1SECONDS", text)


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_writes_the_same_index(nets: Path, tmp_path: Path) -> None:
    here = bridge.convert_folder(nets, tmp_path / "here", jobs=2)
    with two_workers() as address:
        there = bridge.convert_folder(nets, tmp_path / "there", scheduler=address)
    assert statuses(there) == statuses(here)
    assert sorted(statuses(here).values()) == ["converted"] * 4 + ["refused"]
    assert page(there, tmp_path / "there") == page(here, tmp_path / "here")
    for number in range(4):
        one, other = (tmp_path / name / f"good{number}.onnx" for name in ("here", "there"))
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore")
def test_a_worker_that_dies_costs_a_retry(nets: Path, tmp_path: Path) -> None:
    killed = list[int]()
    with two_workers() as address, distributed().Client(address, set_as_default=False) as client:

        def kill_one(done: int, total: int, name: str) -> None:
            """The process of a worker that has a task, after the first has ended."""
            busy = [worker for worker, tasks in client.processing().items() if tasks]
            if busy and not killed:
                killed.extend(client.run(os.getpid, workers=busy[:1]).values())
                os.kill(killed[0], signal.SIGKILL)

        result = bridge.convert_folder(nets, tmp_path / "out", scheduler=address, done=kill_one)
    assert killed
    assert sorted(statuses(result).values()) == ["converted"] * 4 + ["refused"]
