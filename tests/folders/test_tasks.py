from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bridge.folders.tasks import Limits, Outcome, Task, run
from tests.helpers.golden_cases import case

CONV = case("conv_basic_k3")


def task(folder: Path) -> Task:
    return Task(CONV.prototxt, CONV.caffemodel, "onnx", folder / "net.onnx", check=False)


def test_one_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    outcome = run(task(tmp_path), Limits(seconds=0.01))
    assert (outcome.status, outcome.cause) == ("stopped", "it was stopped after 0.01 s")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits another process")
def test_one_that_takes_too_much_memory_fails_alone(tmp_path: Path) -> None:
    outcome = run(task(tmp_path), Limits(memory=60 * 2**20))
    assert outcome.status == "failed"
    assert "its process ended" in outcome.cause


def test_a_refusal_has_its_problem_as_its_cause(tmp_path: Path) -> None:
    outcome = run(Task(tmp_path / "a.prototxt", None, "keras", tmp_path / "a.keras"), Limits())
    assert (outcome.status, outcome.cause) == ("refused", "cannot read the prototxt")
    assert outcome == Outcome.of(outcome.as_dict())


def test_the_key_is_another_for_other_contents(tmp_path: Path) -> None:
    net = tmp_path / "net.prototxt"
    net.write_text("a")
    one = Task(net, None, "onnx", tmp_path / "net.onnx")
    before = one.key
    assert one.key == before
    net.write_text("ab")
    assert one.key != before
