from __future__ import annotations

from pathlib import Path

import pytest

from bridge.errors import UsageError
from bridge.folders.record import Record
from bridge.folders.tasks import Outcome, Task


def test_a_line_that_was_cut_is_left_out_and_the_next_is_whole(tmp_path: Path) -> None:
    net, path = tmp_path / "net.prototxt", tmp_path / "outcomes.jsonl"
    net.touch()
    tasks = [Task(net, None, kind, tmp_path / f"net.{kind}") for kind in ("onnx", "keras")]
    outcomes = Outcome("converted", {"bytes": 5}), Outcome("refused", error="a\nb", cause="a")
    for task, outcome in zip(tasks, outcomes, strict=True):
        with Record.of(path) as record:
            record.add(task, outcome)
        with path.open("a") as file:
            file.write('\n{"key": "killed while it wro')
        with path.open("ab") as damaged:
            damaged.write(b"\n\xff\n" + b"[" * 100_000)
    with Record.of(path) as record:
        assert record.known == {task.key: x for task, x in zip(tasks, outcomes, strict=True)}


def test_a_record_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot write it"), Record.of(tmp_path):
        pass
