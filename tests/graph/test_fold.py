from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from bridge.graph.fold import SMALL, fold_constants, settle_reshapes


def graph(text: str) -> ir.Model:
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]>\n{text}')
    return ir.from_proto(onnx.shape_inference.infer_shapes(model, data_prop=True))


def constants(model: ir.Model) -> dict[str, list[float]]:
    return {
        name: value.const_value.numpy().tolist()
        for name, value in model.graph.initializers.items()
        if value.const_value is not None
    }


def test_nodes_of_constants_become_constants() -> None:
    model = graph("""
    g (float[2] x) => (float[2] y) <float[2] a = {1, 2}> {
        b = Add(a, a)
        c = Mul(b, a)
        y = Add(x, c)
    }""")
    fold_constants(model)
    assert [node.op_type for node in model.graph] == ["Add"]
    assert constants(model)["c"] == [2, 8]


def test_a_known_shape_is_a_constant() -> None:
    model = graph("g (float[2,3] x) => (int64[2] y) { s = Shape(x) y = Identity(s) }")
    fold_constants(model)
    assert [node.op_type for node in model.graph] == ["Identity"]
    assert constants(model) == {"s": [2, 3]}


@pytest.mark.parametrize(
    "text",
    [
        "g (float[n] x) => (int64[1] y) { s = Shape(x) y = Identity(s) }",
        "g (float[2] x) => (float[2] y) <float[2] a = {1, 2}> { y = Exp(a) }",
        """g (float[2] x) => (float[2] y) <int64[1] n = {2}> {
            r = RandomUniform<shape=[2]>() y = Add(x, r) }""",
        f"""g (float[2] x) => (float[2] y) <float[1] a = {{1}}, int64[1] n = {{{SMALL + 1}}}> {{
            t = Tile(a, n) s = ReduceSum<keepdims=0>(t) y = Add(x, s) }}""",
    ],
    ids=["symbolic shape", "output", "random", "large"],
)
def test_others_stay(text: str) -> None:
    model = graph(text)
    before = [node.op_type for node in model.graph]
    fold_constants(model)
    assert [node.op_type for node in model.graph] == before


def test_large_weights_are_not_copied() -> None:
    x = ir.Value(name="x", shape=ir.Shape([1]), type=ir.TensorType(ir.DataType.FLOAT))

    def unreadable() -> ir.Tensor:
        raise AssertionError("a weight was read")

    shape = ir.Shape([SMALL, 2])
    weight = ir.Value(
        name="w",
        shape=shape,
        type=ir.TensorType(ir.DataType.FLOAT),
        const_value=ir.LazyTensor(unreadable, dtype=ir.DataType.FLOAT, shape=shape, name="w"),
    )
    turned = ir.node("Transpose", [weight])
    turned.outputs[0].name = "t"
    added = ir.node("Add", [turned.outputs[0], x])
    nodes = ir.Graph(
        [x], added.outputs, nodes=[turned, added], initializers=[weight], opset_imports={"": 17}
    )
    fold_constants(ir.Model(nodes, ir_version=8))
    assert [node.op_type for node in nodes] == ["Transpose", "Add"]


def test_a_reshape_of_two_free_dims_stays() -> None:
    model = graph("""
    g (float[n,m,2] x, int64[2] t) => (float[a,b] y) { y = Reshape(x, t) }""")
    settle_reshapes(model)
    assert model.graph[0].inputs[1] is model.graph.inputs[1]


def test_a_settled_reshape_takes_no_name_that_is_taken() -> None:
    model = graph("""
    g (float[n,2,3] x, int64[2] t) => (float[n,6] y, float[1] "y.shape") {
        y = Reshape(x, t)
        "y.shape" = Constant<value: tensor = float[1] {1}>()
    }""")
    settle_reshapes(model)
    assert constants(model) == {}
    names = [value.name for node in model.graph for value in node.outputs]
    assert len(set(names)) == len(names)
    np.testing.assert_equal(model.graph[0].op_type, "Reshape")
