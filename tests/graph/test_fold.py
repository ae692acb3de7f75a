from __future__ import annotations

import re

import numpy as np
import onnx
import pytest

from bridge import ir
from bridge.errors import GraphError
from bridge.graph.constants import SMALL
from bridge.graph.fold import fold_constants, settle_reshapes


def graph(text: str) -> ir.Model:
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]>\n{text}')
    return ir.from_proto(onnx.shape_inference.infer_shapes(model, data_prop=True))


def constants(model: ir.Model) -> dict[str, list[float]]:
    return {
        name: value.const_value.numpy().tolist()
        for name, value in model.graph.initializers.items()
        if value.const_value is not None
    }


def constant(model: ir.Model, name: str) -> object:
    tensor = model.graph.initializers[name].const_value
    assert tensor is not None
    return tensor.numpy().tolist()


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
    ],
    ids=["symbolic shape", "output", "random"],
)
def test_others_stay(text: str) -> None:
    model = graph(text)
    before = [node.op_type for node in model.graph]
    fold_constants(model)
    assert [node.op_type for node in model.graph] == before


def folded(text: str, opset: int = 17) -> ir.Model:
    """A graph of constants, folded; what it gives is added to the input."""
    header = f'<ir_version: 8, opset_import: ["" : {opset}]>'
    model = ir.from_proto(onnx.parser.parse_model(f"{header}\n{text}"))
    fold_constants(model)
    return model


def test_large_results_are_computed_whenever_they_are_read() -> None:
    reads = []

    def numbers() -> ir.Tensor:
        reads.append(1)
        return ir.Tensor(np.arange(2 * SMALL, dtype=np.float32).reshape(SMALL, 2), name="w")

    shape = ir.Shape([SMALL, 2])
    weight = ir.Value(
        name="w",
        shape=shape,
        type=ir.TensorType(ir.DataType.FLOAT),
        const_value=ir.LazyTensor(numbers, dtype=ir.DataType.FLOAT, shape=shape, name="w"),
    )
    x = ir.Value(name="x", shape=ir.Shape([1]), type=ir.TensorType(ir.DataType.FLOAT))
    turned = ir.node("Transpose", [weight])
    turned.outputs[0].name = "t"
    added = ir.node("Add", [turned.outputs[0], x])
    nodes = ir.Graph(
        [x], added.outputs, nodes=[turned, added], initializers=[weight], opset_imports={"": 17}
    )
    fold_constants(ir.Model(nodes, ir_version=8))
    assert [node.op_type for node in nodes] == ["Add"]
    assert not reads
    tensor = nodes.initializers["t"].const_value
    assert tensor is not None
    assert tensor.shape == ir.Shape([2, SMALL])
    np.testing.assert_array_equal(tensor.numpy(), numbers().numpy().T)


def test_large_results_lead_to_small_ones() -> None:
    model = folded(f"""
    g (float[2] x) => (float[2] y) <float[1] a = {{1}}, int64[1] n = {{{SMALL + 1}}}> {{
        t = Tile(a, n)
        s = ReduceSum<keepdims=0>(t)
        y = Add(x, s)
    }}""")
    assert [node.op_type for node in model.graph] == ["Add"]
    assert constant(model, "s") == SMALL + 1


@pytest.mark.parametrize("shared", [True, False])
def test_long_chains_of_large_results_are_read_once_each(shared: bool) -> None:
    """Node by node: as calls within calls they would be too deep, and shared ones too many."""
    other = "t{0}" if shared else "one"
    nodes = "\n".join(f"t{i + 1} = Add(t{i}, {other.format(i)})" for i in range(500))
    model = folded(f"""
    g (float[2] x) => (float y) <float one = {{1}}, int64[1] n = {{{2 * SMALL}}}> {{
        t0 = Expand(one, n)
        {nodes}
        s = ReduceMax<keepdims=0>(t500)
        y = Add(x, s)
    }}""")
    assert [node.op_type for node in model.graph] == ["Add"]
    assert constant(model, "s") == (float("inf") if shared else 501)


def test_constants_mean_what_the_opset_says() -> None:
    """Before opset 13 a Softmax went over all axes from its own on."""
    text = """
    g (float[1,1,2] x) => (float[1,1,2] y) <float[1,2,2] a = {0, 0, 0, 0}> {
        b = Softmax<axis=1>(a)
        y = Add(x, b)
    }"""
    assert constant(folded(text, opset=11), "b") == [[[0.25, 0.25], [0.25, 0.25]]]
    assert constant(folded(text, opset=13), "b") == [[[0.5, 0.5], [0.5, 0.5]]]


@pytest.mark.parametrize(
    ("nodes", "problem"),
    [
        ("t = Expand(a, huge)", "would take too much memory"),
        ("t = ConstantOfShape(huge)", "would take too much memory"),
        ("t = Tile(a, huge2)", "would take too much memory"),
        ("t = Range(zero, far, one)", "would take too much memory"),
        ("r = Expand(a, large)\ns = Exp(r)\nq = Exp(s)\nt = Exp(q)", "would take too much memory"),
        ("t = Expand(a, negative)", "it gives a negative size"),
        ("t = ConstantOfShape(negative)", "the node does not fit its inputs"),
        ("t = Reshape(a, large)", "'t' (Reshape): it cannot be computed from its inputs"),
        ("t = Div(one, zero)", "'t' (Div): it divides whole numbers by 0"),
        ("t = Concat<axis=0>(a, pair)", "'t' (Concat): the node does not fit its inputs"),
    ],
)
def test_nodes_that_cannot_be_computed_are_refused(nodes: str, problem: str) -> None:
    text = f"""
    g (float[2] x) => (float[2] y) <
        float[1] a = {{1}}, int64[2] huge = {{100000, 100000}}, int64[1] huge2 = {{10000000000}},
        int64[1] large = {{100000000}}, int64[1] negative = {{-3}}, int64[1,1] pair = {{1}},
        int64 zero = {{0}}, int64 one = {{1}}, int64 far = {{1000000000000}}
    > {{
        {nodes}
        c = Cast<to=1>(t)
        m = ReduceMax<keepdims=0>(c)
        y = Add(x, m)
    }}"""
    with pytest.raises(GraphError, match=re.escape(problem)):
        folded(text)


def test_dtypes_that_onnxruntime_does_not_take_from_numpy_stay() -> None:
    model = folded("""
    g (float[2] x) => (float[2] y) <bfloat16[1] a = {1}> { c = Cast<to=1>(a) y = Add(x, c) }""")
    assert [node.op_type for node in model.graph] == ["Cast", "Add"]


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
