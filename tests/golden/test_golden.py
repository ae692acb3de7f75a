"""Every golden case of real Caffe, in onnxruntime and in Keras.

A case tagged `exotic` or `alias` may be refused, with a clear error; none may give other numbers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

import bridge
from bridge.check.runners import KerasRunner, OnnxRunner
from bridge.convert import raise_caffe
from bridge.graph.io import save, to_ir, to_proto
from bridge.graph.passes import run_passes
from bridge.lower.model import LoweredModel
from tests.helpers.golden_cases import CASES, Case, assert_outputs, feeds, lowered

MAY_BE_REFUSED = frozenset(("exotic", "alias"))


def lowered_or_refused(case: Case) -> LoweredModel:
    """The same; where it is refused and may be, the test ends here, with the reason."""
    try:
        return lowered(case)
    except bridge.BridgeError as refusal:
        if not case.tags & MAY_BE_REFUSED or refusal.where is None:
            raise
        pytest.skip(f"refused, as {', '.join(case.tags & MAY_BE_REFUSED)} may be: {refusal}")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_onnxruntime_gives_what_caffe_gives(case: Case, tmp_path: Path) -> None:
    model = lowered_or_refused(case)
    onnx.checker.check_model(to_proto(model), full_check=True)
    path = save(model, tmp_path / "net.onnx")
    assert_outputs(case, OnnxRunner(path).run(feeds(case, model)))


@pytest.mark.parametrize("io_layout", ["channels_last", "onnx"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_keras_gives_what_caffe_gives(case: Case, io_layout: str) -> None:
    from bridge.keras.build import build
    from bridge.raising import raise_model

    model = lowered_or_refused(case)
    plan = raise_model(run_passes(to_ir(model)), io_layout)
    results = KerasRunner(build(plan), plan).run(feeds(case, model))
    assert_outputs(case, {name: np.asarray(result) for name, result in results.items()})


@pytest.mark.nightly
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_conversion_s_own_check_finds_no_fault(case: Case) -> None:
    """It compares every value that the graph and the model have under one name, and raises
    CheckError; of what no rounding can tell apart it says so."""
    lowered_or_refused(case)
    trained = case.caffemodel if case.caffemodel.is_file() else None
    assert raise_caffe(case.prototxt, trained).report is not None
