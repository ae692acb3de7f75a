from __future__ import annotations

import pytest

from bridge import ir
from bridge.graph.lifting.bodies import body_of
from bridge.graph.passes import expand
from tests.helpers.keras_against_onnx import (
    graph,
    in_onnxruntime,
    prepared,
    raise_and_compare,
    seeded,
)

TEXTS = {
    "a body for all nodes": (18, "g (float[2,3] x) => (float[2,3] y) { y = Softplus(x) }"),
    "an attribute by its default": (
        18,
        "g (float[2,3] x) => (float[2,3] y) { y = ThresholdedRelu(x) }",
    ),
    "a body for this node": (
        20,
        'g (float[2,3] x) => (float[2,3] y) { y = Gelu<approximate="tanh">(x) }',
    ),
    "the newest body of an older operator": (
        23,
        """g (float[2,3,4] x, float[4] w) => (float[2,3,4] y) { y = LayerNormalization(x, w) }""",
    ),
    "outputs that the node omits, and one that it has": (
        17,
        """g (float[2,3] x, float[3] w, float[3] b) => (float[2,3] y, float[2,1] s) {
            y, , s = LayerNormalization(x, w, b) }""",
    ),
    "bodies within bodies": (
        13,
        """g (float[2,3,4] x, int64[2,4] t) => (float l) {
            l = SoftmaxCrossEntropyLoss<reduction="sum">(x, t) }""",
    ),
    "two nodes of one operator": (
        18,
        "g (float[2,3] x) => (float[2,3] y) { a = Elu<alpha=0.5>(x) y = Elu<alpha=2.0>(a) }",
    ),
}


@pytest.mark.parametrize("case", TEXTS)
def test_a_node_computes_what_its_body_does(case: str) -> None:
    opset, text = TEXTS[case]
    original = graph(text, opset=opset)
    model = prepared(original)
    operators = {node.op_type for node in model.graph}
    while expand(model, [node for node in model.graph if node.op_type in {*operators, *NESTED}]):
        pass
    assert not operators & {node.op_type for node in model.graph}
    feeds = {
        value.name: seeded(tuple(d.dim_value for d in value.type.tensor_type.shape.dim), index)
        for index, value in enumerate(original.graph.input)
    }
    if "t" in feeds:
        feeds["t"] = abs(2.9 * feeds["t"]).astype("int64")
    received = in_onnxruntime(ir.to_proto(model), feeds)
    for name, expected in in_onnxruntime(original, feeds).items():
        assert received[name] == pytest.approx(expected, abs=1e-5)


NESTED = {"CastLike", "NegativeLogLikelihoodLoss"}


def test_the_shapes_of_a_body_are_known_where_the_node_omits_outputs() -> None:
    """ONNX's inference stops at a node without the name of a result."""
    text = """g (float[1,2,3,4] x) => (float[1,2,3,4] y, float[1,2,3,3] s) {
        y, , , s = Attention(x, x, x)
    }"""
    raise_and_compare(graph(text, opset=23), {"x": seeded((1, 2, 3, 4))})


def test_its_nodes_are_named_after_it() -> None:
    text = "g (float[2,3] x) => (float[2,3] y) { y = Mish(x) }"
    model = prepared(graph(text, opset=18))
    assert expand(model, list(model.graph))
    assert {node.name.rpartition("/")[0] for node in model.graph if node.name} == {"y"}
    assert model.graph.outputs[0].name == "y"


def test_what_onnx_defines_by_nothing_else_stays() -> None:
    model = prepared(graph("g (float[2,3] x) => (float[2,3] y) { y = Exp(x) }"))
    assert not expand(model, list(model.graph))


def test_an_input_of_unknown_type_leaves_a_node_as_it_is() -> None:
    node = ir.node("CastLike", [ir.Value(name="a"), ir.Value(name="b")])
    assert body_of(node, 19) is None


def test_a_variant_that_its_rule_refuses_falls_back_to_the_body() -> None:
    text = """g (float[2,3] x, float[3] w) => (float[2,3] y, float[2,1] mean) {
        y, mean = LayerNormalization(x, w) }"""
    raise_and_compare(graph(text), {"x": seeded((2, 3)), "w": seeded((3,), 1)})
