"""Half precision at the borders of a graph, single within."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

from bridge import ir
from bridge.graph.passes import run_passes, simplify
from bridge.graph.precision.single import is_half, may_be_half, to_single
from tests.helpers.keras_against_onnx import graph, in_onnxruntime, raise_and_compare, seeded

TEXT = """g (float16[n,3] x) => (float16[n,4] y, float16[n,3] z) {
    z = Relu(x)
    e = Exp(z)
    y = MatMul(e, w)
}"""


def half(*shape: int) -> NDArray[Any]:
    return seeded(shape).astype(np.float16)


def widened(
    text: str, constants: dict[str, NDArray[Any]] | None = None, opset: int = 17
) -> ir.Model:
    model = simplify(ir.from_proto(graph(text, constants, opset)))
    to_single(model)
    return model


def kinds(model: ir.Model) -> list[str]:
    return [node.op_type for node in model.graph]


def dtypes(model: ir.Model) -> set[str]:
    values = [value for node in model.graph for value in (*node.inputs, *node.outputs) if value]
    return {value.dtype.name for value in values if value.dtype is not None}


def test_only_what_goes_in_and_comes_out_is_half() -> None:
    model = widened(TEXT, {"w": half(3, 4)})
    assert kinds(model) == ["Cast", "Relu", "Exp", "MatMul", "Cast", "Cast"]
    assert [value.name for value in model.graph.outputs] == ["y", "z"]
    ends = [*model.graph.inputs, *model.graph.outputs]
    assert [value.dtype for value in ends] == [ir.DataType.FLOAT16] * 3
    inner = [value for node in list(model.graph)[1:4] for value in node.outputs]
    assert {value.dtype for value in inner} == {ir.DataType.FLOAT}
    weight = model.graph.initializers["w"].const_value
    assert weight is not None
    np.testing.assert_array_equal(weight.numpy(), half(3, 4).astype(np.float32))
    assert not is_half(model)


def test_the_numbers_are_onnxruntimes() -> None:
    """On a CPU it computes in single precision."""
    proto = graph(TEXT, {"w": half(3, 4)})
    model = ir.from_proto(proto)
    simplify(model)
    to_single(model)
    x = {"x": half(2, 3)}
    expected, received = in_onnxruntime(proto, x), in_onnxruntime(ir.to_proto(model), x)
    for name, array in expected.items():
        assert received[name].dtype == np.float16
        np.testing.assert_allclose(received[name], array, rtol=2**-10)


def test_casts_between_the_two_are_none() -> None:
    model = widened("""g (float[n,3] x) => (float[n,3] y) {
        a = Cast<to = 10>(x)
        b = Exp(a)
        c = Cast<to = 1>(b)
        d = Relu(c)
        e = Cast<to = 10>(d)
        y = Cast<to = 1>(e)
    }""")
    assert kinds(model) == ["Exp", "Relu", "Identity"]
    assert dtypes(model) == {"FLOAT"}


def test_dtypes_that_attributes_name() -> None:
    model = widened("""g (float16[3] x, int64[1] s) => (float16[3] y, float16[a] z) {
        c = ConstantOfShape<value: tensor = float16[1] {15872}>(s)
        z = Exp(c)
        i = Cast<to = 7>(x)
        f = Cast<to = 10>(i)
        y = Mul(x, f)
    }""")
    assert dtypes(model) == {"FLOAT", "FLOAT16", "INT64"}
    assert {value.name for value in model.graph.outputs} == {"y", "z"}


def test_bits_are_those_of_halves() -> None:
    text = """g (float16[3] x) => (uint16[3] y, float16[3] z) {
        a = Exp(x)
        y = BitCast<to = 4>(a)
        b = BitCast<to = 10>(y)
        z = Relu(b)
    }"""
    model = widened(text, opset=26)
    order = ["Cast", "Exp", "Cast", "BitCast", "BitCast", "Cast", "Relu", "Cast"]
    assert kinds(model) == order


def test_an_input_that_is_an_output_stays() -> None:
    model = widened("g (float16[3] x) => (float16[3] x, float16[3] y) { y = Exp(x) }")
    assert kinds(model) == ["Cast", "Exp", "Cast"]
    assert model.graph.outputs[0] is model.graph.inputs[0]


@pytest.mark.parametrize(
    ("text", "may_be"),
    [
        ("g (float[3] x) => (float[3] y) { y = Exp(x) }", False),
        ("g (float[3] x) => (float16[3] y) { y = Cast<to = 10>(x) }", True),
    ],
)
def test_a_graph_that_only_casts_is_not_touched(text: str, may_be: bool) -> None:
    model = ir.from_proto(graph(text))
    before = str(model)
    to_single(model)
    assert str(model) == before
    assert (may_be_half(model), is_half(model)) == (may_be, False)


def test_keras_takes_and_gives_halves() -> None:
    """Transposed outputs too: a layer casts whatever it reads to its own dtype."""
    text = """g (float16[n,3,4,4] x) => (float16[n,2,4,4] y) {
        c = Conv<pads = [1, 1, 1, 1]>(x, w)
        y = Exp(c)
    }"""
    proto, x = graph(text, {"w": half(2, 3, 3, 3)}), half(2, 3, 4, 4)
    for io_layout in ("channels_last", "onnx"):
        raised = raise_and_compare(proto, {"x": x}, io_layout)
        assert raised.run({"x": x})["y"].dtype == np.float16
        assert [tensor.dtype for tensor in raised.model.inputs] == ["float16"]


def test_bfloat16() -> None:
    """Which onnxruntime lacks on a CPU."""
    proto = graph("g (float[n,3] x) => (float[n,3] y) { y = Mul(x, w) }", {"w": seeded((3,))})
    del proto.graph.value_info[:]
    w = proto.graph.initializer[0]
    for value in (proto.graph.input[0], proto.graph.output[0]):
        value.type.tensor_type.elem_type = 16
    w.data_type, w.raw_data = 16, seeded((3,)).astype(ml_dtypes.bfloat16).tobytes()
    model = run_passes(ir.from_proto(proto))
    assert kinds(model) == ["Cast", "Mul", "Cast"]
    assert dtypes(model) == {"BFLOAT16", "FLOAT"}
