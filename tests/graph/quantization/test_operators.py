"""Operators on quantized tensors against their definitions, both in onnxruntime: within a step."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from bridge import ir
from bridge.graph.quantization.operators import DEFINITIONS, as_definitions
from tests.helpers.quantized_graphs import distance, floats_of, operators, quantized

SHAPE = (2, 3, 4, 4)

# The node, what it becomes, and the shape of its result.
NODES = {
    "QLinearConv": (
        "QLinearConv<pads = [1, 1, 0, 0], strides = [2, 1]>(a, as, az, w, ws, wz, ys, yz, bias)",
        "Conv",
        (2, 5, 2, 4),
    ),
    "QLinearMatMul": ("QLinearMatMul(a, as, az, m, ms, mz, ys, yz)", "MatMul", (2, 3, 4, 6)),
    "QLinearAdd": ("com.microsoft.QLinearAdd(a, as, az, b, bs, bz, ys, yz)", "Add", SHAPE),
    "QLinearMul": ("com.microsoft.QLinearMul(a, as, az, b, bs, bz, ys, yz)", "Mul", SHAPE),
    "QLinearConcat": (
        "com.microsoft.QLinearConcat<axis = 1>(ys, yz, a, as, az, b, bs, bz)",
        "Concat",
        (2, 6, 4, 4),
    ),
    "QLinearAveragePool": (
        "com.microsoft.QLinearAveragePool<kernel_shape = [2, 2]>(a, as, az, ys, yz)",
        "AveragePool",
        (2, 3, 3, 3),
    ),
    "QLinearGlobalAveragePool": (
        "com.microsoft.QLinearGlobalAveragePool(a, as, az, ys, yz)",
        "GlobalAveragePool",
        (2, 3, 1, 1),
    ),
    "QLinearLeakyRelu": (
        "com.microsoft.QLinearLeakyRelu<alpha = 0.25>(a, as, az, ys, yz)",
        "LeakyRelu",
        SHAPE,
    ),
    "QLinearSigmoid": ("com.microsoft.QLinearSigmoid(a, as, az, ys, yz)", "Sigmoid", SHAPE),
    "QLinearSoftmax": (
        "com.microsoft.QLinearSoftmax<axis = 1, opset = 17>(a, as, az, ys, yz)",
        "Softmax",
        SHAPE,
    ),
    "QLinearWhere": (
        "com.microsoft.QLinearWhere(c, a, as, az, b, bs, bz, ys, yz)",
        "Where",
        SHAPE,
    ),
}


def example(node: str, shape: tuple[int, ...], dtype: type) -> onnx.ModelProto:
    rng = np.random.default_rng(0)
    kind = np.dtype(dtype).name

    def integers(*shape: int) -> NDArray[Any]:
        info = np.iinfo(dtype)
        return rng.integers(info.min, info.max + 1, shape).astype(dtype)

    constants = {
        "as": np.float32(0.02),
        "az": dtype(100),
        "bs": np.float32(0.03),
        "bz": dtype(7),
        "ys": np.float32(0.05),
        "yz": dtype(20),
        "w": integers(5, 3, 2, 2),
        "ws": np.float32([0.01, 0.02, 0.03, 0.04, 0.05]),
        "wz": dtype(3),
        "bias": np.int32([100, -200, 3, 0, 50]),
        "m": integers(4, 6),
        "ms": np.float32(0.01),
        "mz": dtype(0),
        "c": rng.random(SHAPE) < 0.5,
    }
    sizes = ",".join(map(str, shape))
    text = f"""g ({kind}[2,3,4,4] a, {kind}[2,3,4,4] b, float[2] unused) => ({kind}[{sizes}] y) {{
        y = {node}
    }}"""
    return quantized(text, constants)


def feeds(dtype: type) -> dict[str, NDArray[Any]]:
    rng, info = np.random.default_rng(1), np.iinfo(dtype)
    draw = {n: rng.integers(info.min, info.max + 1, SHAPE).astype(dtype) for n in "ab"}
    return {**draw, "unused": np.zeros(2, np.float32)}


def test_every_definition_has_an_example() -> None:
    assert {*NODES, "QGemm"} == DEFINITIONS.keys()


@pytest.mark.parametrize("quantizes", [True, False])
def test_a_gemm_gives_steps_or_floats(quantizes: bool) -> None:
    rng = np.random.default_rng(0)
    node = "com.microsoft.QGemm<transB = 1, alpha = 0.5>(a, as, az, b, bs, bz, c{})"
    steps, kind = (", ys, yz", "uint8") if quantizes else ("", "float")
    model = quantized(
        f"g (uint8[2,7] a) => ({kind}[2,3] y) {{ y = {node.format(steps)} }}",
        {
            "as": np.float32(0.02),
            "az": np.uint8(100),
            "bs": np.float32([0.01, 0.02, 0.03]),
            "b": rng.integers(-128, 128, (3, 7)).astype(np.int8),
            "bz": np.zeros(3, np.int8),
            "c": np.int32([500, -500, 100]),
            "ys": np.float32(0.05),
            "yz": np.uint8(128),
        },
    )
    a = rng.integers(0, 256, (2, 7)).astype(np.uint8)
    assert distance(model, {"a": a}) <= (1 if quantizes else 1e-5)


@pytest.mark.parametrize(("opset", "axis"), [(12, 1), (12, 3), (13, 1)])
def test_a_softmax_of_old_is_over_all_axes_from_one_on(opset: int, axis: int) -> None:
    node = f"com.microsoft.QLinearSoftmax<axis = {axis}, opset = {opset}>(a, as, az, fs, fz)"
    model = example(node, SHAPE, np.uint8)
    for name, array in (("fs", np.float32(1 / 256)), ("fz", np.uint8(0))):
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))
    assert distance(model, feeds(np.uint8)) <= 1


@pytest.mark.parametrize(
    "node",
    [
        "com.microsoft.QLinearAdd(a, scale, az, b, bs, bz, ys, yz)",
        "com.microsoft.QLinearGlobalAveragePool<channels_last = 1>(a, as, az, ys, yz)",
        "QLinearMatMul(a, as, az, m, rows, mz, ys, yz)",
    ],
    ids=["computed scale", "channels last", "scales of several axes"],
)
def test_what_is_not_plain_stays(node: str) -> None:
    inputs = "uint8[1,2,4,4] a, uint8[1,2,4,4] b, float scale"
    text = f"g ({inputs}) => (uint8[k,l,m,n] y) {{ y = {node} }}"
    constants = {name: np.float32(0.1) for name in ("as", "bs", "ys")}
    constants |= {name: np.uint8(3) for name in ("az", "bz", "mz", "yz")}
    constants |= {"m": np.ones((4, 4), np.uint8), "rows": np.ones((1, 4), np.float32)}
    model = ir.from_proto(quantized(text, constants))
    as_definitions(model)
    assert next(iter(model.graph)).op_type.startswith("QLinear")


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize("name", NODES)
def test_a_definition_is_within_a_step(name: str, dtype: type) -> None:
    node, operator, shape = NODES[name]
    model = example(node, shape, dtype)
    floats = operators(floats_of(model))
    assert floats[-2:] == [operator, "QuantizeLinear"]
    assert {*floats[:-2]} == {"DequantizeLinear"}
    assert distance(model, feeds(dtype)) <= 1
