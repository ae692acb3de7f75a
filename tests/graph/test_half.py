"""Half precision: nearly the same numbers, half the bytes, the same inputs and outputs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from bridge.caffe import read
from bridge.check.runners import OnnxRunner
from bridge.errors import UnsupportedError
from bridge.graph.half import to_half
from bridge.graph.io import save, to_proto
from bridge.layout import Weight
from bridge.lower import lower
from tests.helpers.golden_cases import case

HALF = 2**-10  # float16 has 10 bits behind the point
# Not net_segnet: where two values round to one number, its maxima lie elsewhere.
NETS = ["net_lenet", "net_mobilenet", "net_squeezenet", "net_densenet", "net_vgg"]


@pytest.mark.parametrize("name", NETS)
def test_a_golden_net_in_half_precision(name: str, tmp_path: Path) -> None:
    net = case(name)
    model = to_half(lower(read(net.prototxt, net.caffemodel)))
    onnx.checker.check_model(to_proto(model), full_check=True)
    runner = OnnxRunner(save(model, tmp_path / "net.onnx"))
    for output, result in runner.run(net.inputs).items():
        expected = net.outputs[output]
        assert result.dtype == np.float32
        assert result.shape == expected.shape
        assert np.abs(result - expected).max() < 20 * HALF * (1 + np.abs(expected).max())


def test_the_weights_are_half_as_large() -> None:
    net = case("net_lenet")
    model = lower(read(net.prototxt, net.caffemodel))
    kinds = {weight.dtype for weight in to_half(model).weights.values()}
    assert np.dtype("float16") in kinds
    assert np.dtype("float32") not in kinds


def test_a_weight_beyond_the_range_is_refused() -> None:
    net = case("net_lenet")
    model = lower(read(net.prototxt, net.caffemodel))
    huge = Weight((1,), lambda: np.float32([1e6]))
    with pytest.raises(UnsupportedError, match=r"conv1\.bias.*half precision"):
        to_half(replace(model, weights={**model.weights, "conv1.bias": huge}))
