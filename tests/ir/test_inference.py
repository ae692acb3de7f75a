"""Shapes and dtypes, as ONNX infers them."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from bridge import ir
from bridge.ir import inference
from bridge.ir.inference import MOST_BYTES


def shapes(model: ir.Model) -> dict[str, object]:
    nodes = model.graph.all_nodes()
    return {str(v.name): v.shape and str(v.shape) for node in nodes for v in node.outputs}


def test_types_are_filled_in_of_branches_too() -> None:
    model = ir.from_proto(
        onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]>
        g (bool c, float[n,6] x) => (y) <int64[2] k = {2, -1}> {
            a = Reshape(x, k)
            y = If (c) <then_branch = t () => (p) { b = Abs(a) p = Exp(b) },
                        else_branch = e () => (q) { q = Neg(a) }>
        }""")
    )
    ir.infer_shapes(model)
    assert shapes(model) == {
        "a": "[2,unk__0]",
        "y": "[2,unk__0]",
        "b": "[2,unk__0]",
        "p": "[2,unk__0]",
        "q": "[2,unk__0]",
    }
    assert model.graph.outputs[0].dtype is ir.DataType.FLOAT


def test_large_constants_are_not_read() -> None:
    """That of a graph are read as little as its weights."""

    def read() -> ir.Tensor:
        raise AssertionError("it was read")

    size = MOST_BYTES // 4 + 1
    lazy = ir.LazyTensor(read, dtype=ir.DataType.FLOAT, shape=ir.Shape([size, 2]), name="w")
    w = ir.Value("w", shape=lazy.shape, type=ir.TensorType(lazy.dtype), const_value=lazy)
    x = ir.Value("x", shape=ir.Shape([3, size]), type=ir.TensorType(ir.DataType.FLOAT))
    node = ir.node("MatMul", [x, w])
    graph = ir.Graph([x], node.outputs, nodes=[node], initializers=[w], opset_imports={"": 17})
    ir.infer_shapes(ir.Model(graph, 8))
    assert node.outputs[0].shape == (3, 2)
    assert list(graph.inputs) == [x]
    assert w.const_value is lazy


def test_what_cannot_be_inferred_stays() -> None:
    model = ir.from_proto(
        onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]>
        g (float[2] x) => (float[2] y) { a = own.Unknown(x) y = Relu(a) }""")
    )
    before = shapes(model)
    ir.infer_shapes(model)
    assert shapes(model) == before
    model.opset_imports[""] = 10**6  # ONNX refuses the whole model
    ir.infer_shapes(model)
    assert np.equal(shapes(model)["y"], "[2]")


def test_a_long_vector_is_not_spelled_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX makes a message for each number of one that may say a shape: without these, a shape
    that the graph computes is not known."""
    text = """
        <ir_version: 8, opset_import: ["": 17]> g (float[2, 3] x, float[4] v) => (y, w)
        <int64[1] last = {-1}, int64[1] zero = {0}, int64[1] times = {8}>
        { s = Shape(x) h = Gather(s, zero) t = Concat<axis=0>(h, last) y = Reshape(x, t)
          w = Tile(v, times) }
    """
    for long, known in ((32, True), (31, False)):
        monkeypatch.setattr(inference, "_LONG", long)
        model = ir.from_proto(onnx.parser.parse_model(text))
        ir.infer_shapes(model)
        y = model.graph.outputs[0].shape
        assert y is not None
        assert all(isinstance(size, int) for size in y) is known, long
