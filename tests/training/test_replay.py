from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bridge
from bridge.check.report import Report
from bridge.errors import UsageError
from tests.training.training_runs import run

CASE = run("two_losses")


def report_of(folder: Path, change: dict[str, Any] | None = None, solver: str = "") -> Report:
    """Of the recorded run, with other arrays or another solver."""
    record = folder / "io.npz"
    np.savez(record, **{**CASE.arrays, **(change or {})})
    text = CASE.file("solver.prototxt").read_text()
    (folder / "solver.prototxt").write_text(text + solver)
    files = (CASE.file("train.prototxt"), CASE.file("init.caffemodel"))
    return bridge.check_training(*files, folder / "solver.prototxt", record)


def test_a_record_of_caffes_is_equal_step_by_step(tmp_path: Path) -> None:
    report = report_of(tmp_path)
    assert report.ok
    assert [row.name for row in report.rows[:3]] == [
        "step 1: aux",
        "step 1: loss",
        "step 1: gradient of g[1]",
    ]
    assert report.rows[-1].name == "step 8: g[1] after the update"


@pytest.mark.parametrize(
    ("key", "first", "layer"),
    [
        ("out/aux", "step 4: aux", "aux"),
        ("grad/f/0", "step 1: gradient of f[0]", "f"),
        ("final/c/1", "step 8: c[1] after the update", "c"),
    ],
)
def test_loss_gradient_and_update_are_told_apart(
    tmp_path: Path, key: str, first: str, layer: str
) -> None:
    changed = CASE.arrays[key].copy()
    changed[(3,) if key.startswith("out") else ...] += 0.01
    report = report_of(tmp_path, {key: changed})
    assert report.verdict == "differs"
    assert report.first is not None
    assert (report.first.name, report.first.layers) == (first, (layer,))


def test_another_solver_differs_at_the_first_update(tmp_path: Path) -> None:
    """Where the record has the weights after each step."""
    training, weights = CASE.training(), []
    for step in range(8):
        training.step(CASE.batch(step))
        weights.append(training.blobs()["c", 0])
    after = {"after/c/0": np.array(weights)}
    assert report_of(tmp_path, after).ok
    first = report_of(tmp_path, after, solver="\nclip_gradients: 0.01").first
    assert first is not None
    assert first.name == "step 1: c[0] after the update"


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not the record of a training"):
        report_of(tmp_path, {"in/label": np.zeros((3, 6))})
    with pytest.raises(UsageError, match="the record has what the net has not"):
        report_of(tmp_path, {"out/other": np.zeros(8)})
    with pytest.raises(UsageError, match=r"not an .npz of arrays"):
        bridge.check_training(
            CASE.file("train.prototxt"),
            CASE.file("init.caffemodel"),
            CASE.file("solver.prototxt"),
            CASE.file("train.prototxt"),
        )
