"""Pairs of QuantizeLinear and DequantizeLinear: rounding goes, saturation stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from bridge import ir
from bridge.graph.quantization import to_floats
from tests.helpers.keras_against_onnx import in_onnxruntime, seeded
from tests.helpers.quantized_graphs import distance, floats_of, operators, quantized

PAIR = "q = QuantizeLinear({0}, s, z) {1} = DequantizeLinear(q, s, z)"
STEPS = {"s": np.float32(0.5), "z": np.uint8(10)}  # from -5 to 122.5


def pair_after(nodes: str, steps: dict[str, Any] | None = None) -> onnx.ModelProto:
    text = f"g (float[2,3,4,4] x) => (float[a,b,c,d] y) {{ {nodes} }}"
    return quantized(text, STEPS if steps is None else steps)


def limits(node: onnx.NodeProto, model: onnx.ModelProto) -> list[float | None]:
    arrays = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    return [float(arrays[name]) if name else None for name in node.input[1:]]


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16])
@pytest.mark.parametrize("zero_point", [0, 3, 100])
def test_a_pair_limits_as_its_integers_do(dtype: type, zero_point: int) -> None:
    steps = {"s": np.float32(0.1), "z": dtype(zero_point)}
    model = pair_after(PAIR.format("x", "y"), steps)
    model.opset_import[0].version = 21
    x = np.linspace(-8000, 8000, 96, dtype=np.float32).reshape(2, 3, 4, 4)
    assert operators(floats_of(model)) == ["Clip", "Identity"]
    assert distance(model, {"x": x}) <= 0.05001
    small = x / 800
    assert distance(model, {"x": small}) <= 0.05001


def test_a_relu_before_a_pair_is_put_together_with_its_limits() -> None:
    model = floats_of(pair_after("r = Relu(x)" + PAIR.format("r", "a") + "y = Exp(a)"))
    assert operators(model) == ["Clip", "Exp"]
    clip = model.graph.node[0]
    assert limits(clip, model) == [0.0, 122.5]
    assert (clip.name, clip.output[0]) == ("r", "a")


def test_a_relu_that_another_node_reads_stays() -> None:
    nodes = "r = Relu(x)" + PAIR.format("r", "a") + "y = Add(a, r)"
    model = floats_of(pair_after(nodes))
    assert operators(model) == ["Relu", "Clip", "Add"]
    assert limits(model.graph.node[1], model) == [None, 122.5]


@pytest.mark.parametrize(
    ("between", "kept"),
    [
        ("b = MaxPool<kernel_shape = [2, 2]>(a)", False),
        ("b = AveragePool<kernel_shape = [2, 2], pads = [1, 1, 1, 1]>(a)", False),
        ("b = GlobalAveragePool(a)", False),
        ("b = Transpose(a)", False),
        ("b = Neg(a)", True),
        ("b = Add(a, a)", True),
    ],
)
def test_limits_that_numbers_are_within_anyway_are_left_out(between: str, kept: bool) -> None:
    again = "p = QuantizeLinear(b, s, z) d = DequantizeLinear(p, s, z) y = Exp(d)"
    model = floats_of(pair_after(PAIR.format("x", "a") + between + again))
    assert operators(model).count("Clip") == 1 + kept


@pytest.mark.parametrize(("scale", "kept"), [(1 / 255, False), (1 / 256, True)])
def test_limits_after_a_sigmoid(scale: float, kept: bool) -> None:
    nodes = "b = Sigmoid(x)" + PAIR.format("b", "a") + "y = Exp(a)"
    steps = {"s": np.nextafter(np.float32(scale), np.float32(1)), "z": np.uint8(0)}
    model = floats_of(pair_after(nodes, steps))
    assert operators(model) == ["Sigmoid", *["Clip"] * kept, "Exp"]


INTEGERS = """
    q = QuantizeLinear(x, s, z)
    m = MaxPool<kernel_shape = [2, 2]>(q)
    p = Pad(m, pads)
    c = Concat<axis = 1>(p, p, k)
    t = Transpose<perm = [0, 2, 3, 1]>(c)
    a, b = Split<axis = 3>(t, sizes)
    d = DequantizeLinear(a, s, z)
    y = Exp(d)
"""


def test_integers_that_are_moved_are_floats_that_are_moved() -> None:
    """Pad's default is the integer 0, which stands for another number."""
    constants = {
        **STEPS,
        "pads": np.array([0, 0, 1, 1, 0, 0, 0, 0]),
        "k": np.full((2, 2, 4, 4), 9, np.uint8),
        "sizes": np.array([3, 5]),
    }
    model = pair_after(INTEGERS, {**constants, "s": np.float32(0.01)})
    floats = floats_of(model)
    assert operators(floats) == ["Clip", "MaxPool", "Pad", "Concat", "Transpose", "Split", "Exp"]
    assert distance(model, {"x": seeded((2, 3, 4, 4))}) <= 0.02


def test_weights_are_the_numbers_that_they_are_rounded_to() -> None:
    constants = {
        "w": np.arange(-10, 17, dtype=np.int8).reshape(3, 9, 1, 1)[:, :3],
        "ws": np.float32([0.1, 0.2, 0.4]),
        "wz": np.int8([0, 1, -1]),
        "f": np.float32([0.26, -0.31, 0.5]),
        **STEPS,
    }
    nodes = """
        d = DequantizeLinear<axis = 0>(w, ws, wz)
        bq = QuantizeLinear(f, s, z)
        b = DequantizeLinear(bq, s, z)
        y = Conv(x, d, b)
    """
    model = floats_of(pair_after(nodes, constants))
    assert operators(model) == ["Conv"]
    arrays = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    scale, zero = (constants[name].reshape(3, 1, 1, 1) for name in ("ws", "wz"))
    np.testing.assert_array_equal(arrays["d"], (constants["w"] - np.float32(zero)) * scale)
    np.testing.assert_array_equal(arrays["b"], [0.5, -0.5, 0.5])


def test_steps_of_each_channel_limit_each_channel() -> None:
    steps = {"s": np.float32([0.1, 0.2, 0.3]), "z": np.int8([0, 5, -128])}
    nodes = "q = QuantizeLinear<axis = 1>(x, s, z) y = DequantizeLinear<axis = 1>(q, s, z)"
    model = pair_after(nodes, steps)
    assert operators(floats_of(model)) == ["Max", "Min", "Identity"]
    assert distance(model, {"x": 100 * seeded((2, 3, 4, 4))}) <= 0.1501


def test_integers_of_inputs_and_outputs_stay() -> None:
    text = """g (uint8[2,8] a, float[2,8] x) => (uint8[2,8] y, float[2,8] c) {
        b = DequantizeLinear(a, s, z)
        c = Add(b, x)
        y = QuantizeLinear(c, s, z)
    }"""
    model = ir.from_proto(quantized(text, STEPS))
    assert not to_floats(model)
    assert [node.op_type for node in model.graph] == ["DequantizeLinear", "Add", "QuantizeLinear"]


def test_an_output_of_integers_that_is_read_again_is_rounded_only_as_an_output() -> None:
    text = "g (float[2,8] x) => (uint8[2,8] q, float[2,8] y) {" + PAIR.format("x", "a")
    model = quantized(text + "y = Exp(a) }", STEPS)
    floats = floats_of(model)
    assert sorted(operators(floats)) == ["Clip", "Exp", "QuantizeLinear"]
    x = {"x": seeded((2, 8))}
    np.testing.assert_array_equal(in_onnxruntime(floats, x)["q"], in_onnxruntime(model, x)["q"])


@pytest.mark.parametrize(
    "nodes",
    [
        "q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, other, z)",
        "m = ReduceMax<keepdims = 0>(x) q = QuantizeLinear(x, m, z) y = DequantizeLinear(q, m, z)",
        "q, t, o = DynamicQuantizeLinear(x) y = DequantizeLinear(q, t, o)",
        "q = QuantizeLinear(x, s, z) c = Cast<to = 1>(q) y = Exp(c)",
    ],
    ids=["other steps", "computed steps", "dynamic", "integers that are counted"],
)
def test_what_has_no_float_meaning_stays(nodes: str) -> None:
    model = ir.from_proto(pair_after(nodes, {**STEPS, "other": np.float32(0.25)}))
    before = [node.op_type for node in model.graph]
    assert not to_floats(model)
    assert [node.op_type for node in model.graph] == before


def test_a_graph_that_is_not_quantized_is_not_touched() -> None:
    proto = pair_after("y = Relu(x)")
    model = ir.from_proto(proto)
    before = str(model)
    assert not to_floats(model)
    assert str(model) == before


def test_pairs_in_functions_and_of_old_operator_sets() -> None:
    model = pair_after(PAIR.format("x", "a") + "y = Relu(a)")
    model.opset_import[0].version = 10
    x: NDArray[Any] = 100 * seeded((2, 3, 4, 4))
    assert operators(floats_of(model)) == ["Clip", "Relu"]
    assert distance(model, {"x": x}) <= 0.25
