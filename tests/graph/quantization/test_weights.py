"""Constants that onnxruntime does not dequantize for us, against ONNX's reference."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

from bridge import ir
from bridge.graph.quantization.weights import dequantize_constants
from tests.helpers.quantized_graphs import quantized

WEIGHTS = {
    "int4": np.arange(-8, 4).reshape(2, 6).astype(ml_dtypes.int4),
    "uint4": np.arange(12).reshape(2, 6).astype(ml_dtypes.uint4),
    "int16": np.arange(-600, 600, 100).reshape(2, 6).astype(np.int16),
}
STEPS = {
    "whole": ("", [0.5], [3]),
    "axis": ("axis = 1", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0, 1, 2, 3, 4, 5]),
    "blocks": ("axis = 1, block_size = 3", [[0.1, 0.2], [0.3, 0.4]], [[0, 1], [2, 3]]),
}


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("dtype", WEIGHTS)
def test_weights_become_floats(dtype: str, steps: str) -> None:
    attributes, scale, zero_point = STEPS[steps]
    w = WEIGHTS[dtype]
    node = (
        f"d = DequantizeLinear<{attributes}>(w, s, z)"
        if attributes
        else ("d = DequantizeLinear(w, s, z)")
    )
    constants = {"w": w, "s": np.squeeze(np.float32(scale)), "z": np.squeeze(np.array(zero_point))}
    constants["z"] = constants["z"].astype(w.dtype)
    text = f"g (float[2,6] x) => (float[2,6] y) {{ {node} y = Add(x, d) }}"
    proto = quantized(text, constants, opset=21)
    (expected,) = ReferenceEvaluator(proto).run(None, {"x": np.zeros((2, 6), np.float32)})
    model = ir.from_proto(proto)
    dequantize_constants(model.graph)
    assert [node.op_type for node in model.graph] == ["Add"]
    weight = model.graph.initializers["d"].const_value
    assert weight is not None
    np.testing.assert_allclose(weight.numpy(), expected, rtol=1e-6)


def test_what_is_no_constant_stays() -> None:
    text = """g (int8[2] x, int8 t) => (float[2] y, float[2] z) {
        y = DequantizeLinear(x, s)
        z = DequantizeLinear(k, s, t)
    }"""
    model = ir.from_proto(quantized(text, {"s": np.float32(1), "k": np.int8([1, 2])}))
    dequantize_constants(model.graph)
    assert len(model.graph) == 2
