"""The golden cases in batches of another size and in other operator sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from bridge.caffe import read
from bridge.graph.io import to_proto
from bridge.lower import LoweredModel, lower
from tests.helpers.golden_cases import SILENCED, Case, assert_close, case, cases
from tests.helpers.keras_against_onnx import in_onnxruntime

# The batch is part of what these cases compute, so more samples change the first ones' results.
_OVER_THE_BATCH = {"bn_batch_stats", "reduction_asum_all", "reduction_default"}


def _lowered(case: Case, **options: Any) -> LoweredModel:
    shapes = {name: array.shape for name, array in case.inputs.items()}
    return lower(read(case.prototxt, case.caffemodel), input_shape=shapes, **options)


def _blob(value: str) -> str:
    """Where a layer overwrites an input in place, its value has the layer's name appended."""
    return value.partition(":")[0]


def _run(model: LoweredModel, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    proto = to_proto(model)
    onnx.checker.check_model(proto, full_check=True)
    return in_onnxruntime(proto, feeds)


def _compare(case: Case, results: Mapping[str, NDArray[Any]]) -> None:
    expected = {**case.outputs, **case.between}
    for name in results.keys() - SILENCED.get(str(case), set()):
        assert_close(results[name], expected[_blob(name)], name)


@pytest.mark.parametrize("case", cases(), ids=str)
def test_a_symbolic_batch_holds_for_other_batches(case: Case) -> None:
    model = _lowered(case)
    if not any("batch" in shape for shape in model.inputs.values()):
        assert model.warnings
        return
    feeds = {name: case.inputs[name] for name in model.inputs}
    extended = {
        name: np.concatenate([array, array[:1]]) if "batch" in model.inputs[name] else array
        for name, array in feeds.items()
    }
    expected = {**case.outputs, **case.between}
    results = _run(model, extended)
    for name in results.keys() - SILENCED.get(str(case), set()):
        value = results[name]
        if model.outputs[name][:1] == ("batch",) and str(case) not in _OVER_THE_BATCH:
            assert_close(value[:-1], expected[_blob(name)], name)
            assert_close(value[-1], expected[_blob(name)][0], name)


@pytest.mark.parametrize("opset", [13, 15, 18, 21, 24])
@pytest.mark.parametrize("name", ["net_ssd", "reduction_sumsq_last", "mvn_default", "net_segnet"])
def test_other_opsets_give_the_same(name: str, opset: int) -> None:
    net = case(name)
    model = _lowered(net, opset=opset)
    assert model.proto.opset_import[0].version == opset
    _compare(net, _run(model, net.inputs))
