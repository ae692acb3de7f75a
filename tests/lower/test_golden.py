"""Every golden case, lowered and run in onnxruntime, gives what real Caffe gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.caffe import read
from bridge.lower import LoweredModel, lower
from tests.helpers.golden_cases import Case, assert_close, cases

Run = Callable[..., dict[str, NDArray[Any]]]

# The batch is part of what these cases compute, so more samples change the first ones' results.
_OVER_THE_BATCH = {"bn_batch_stats", "reduction_asum_all", "reduction_default"}

# What Silence keeps from Caffe's own outputs is one of ours.
_SILENCED = {"silence": {"unused"}}


def _lowered(case: Case, **options: Any) -> LoweredModel:
    shapes = {name: array.shape for name, array in case.inputs.items()}
    return lower(read(case.prototxt, case.caffemodel), input_shape=shapes, **options)


def _blob(value: str) -> str:
    """Where an input is worked on in place, its last value has the writer's name behind."""
    return value.partition(":")[0]


def _compare(case: Case, results: Mapping[str, NDArray[Any]]) -> None:
    expected = {**case.outputs, **case.between}
    for name in results.keys() - _SILENCED.get(str(case), set()):
        assert_close(results[name], expected[_blob(name)], name)


@pytest.mark.parametrize("case", cases(), ids=str)
def test_outputs_are_those_of_caffe(case: Case, run: Run) -> None:
    model = _lowered(case)
    results = run(model, **{name: case.inputs[name] for name in model.inputs})
    _compare(case, results)
    if "loss" not in case.tags:
        silenced = _SILENCED.get(str(case), set())
        assert {_blob(name) for name in results} == set(case.outputs) | silenced


@pytest.mark.parametrize("case", cases(), ids=str)
def test_a_symbolic_batch_holds_for_other_batches(case: Case, run: Run) -> None:
    model = _lowered(case)
    if not any("batch" in shape for shape in model.inputs.values()):
        assert model.warnings
        return
    feeds = {name: case.inputs[name] for name in model.inputs}
    grown = {
        name: np.concatenate([array, array[:1]]) if "batch" in model.inputs[name] else array
        for name, array in feeds.items()
    }
    expected = {**case.outputs, **case.between}
    results = run(model, **grown)
    for name in results.keys() - _SILENCED.get(str(case), set()):
        value = results[name]
        if model.outputs[name][:1] == ("batch",) and str(case) not in _OVER_THE_BATCH:
            assert_close(value[:-1], expected[_blob(name)], name)
            assert_close(value[-1], expected[_blob(name)][0], name)


@pytest.mark.parametrize("opset", [13, 15, 18, 21, 24])
@pytest.mark.parametrize("name", ["net_ssd", "reduction_sumsq_last", "mvn_default", "net_segnet"])
def test_other_opsets_say_the_same(name: str, opset: int, run: Run) -> None:
    (case,) = (case for case in cases() if str(case) == name)
    model = _lowered(case, opset=opset)
    assert model.proto.opset_import[0].version == opset
    _compare(case, run(model, **case.inputs))
