from __future__ import annotations

import numpy as np
import onnx
import pytest

from bridge import ir
from tests.helpers.keras_against_onnx import in_onnxruntime, prepared, seeded


def graph(text: str) -> onnx.ModelProto:
    """Without ONNX's strict inference, which refuses branches with the same names within them."""
    return onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["":17]>\n{text}')


BRANCHES = {
    "nodes": """
        then_branch = yes () => (float[2] t) { b = Neg(x) t = Mul(b, b) },
        else_branch = no () => (float[2] t) { b = Abs(x) t = Sqrt(b) }""",
    "a constant": """
        then_branch = yes () => (float[2] t) { k = Constant<value_float=2.0>() t = Mul(x, k) },
        else_branch = no () => (float[2] t) { t = Constant<value_floats=[3.0, 4.0]>() }""",
    "another If": """
        then_branch = yes () => (float[2] t) {
            d = Not(c)
            t = If(d) <
                then_branch = a () => (float[2] s) { s = Identity(x) },
                else_branch = b () => (float[2] s) { s = Neg(x) }>
        },
        else_branch = no () => (float[2] t) { t = Exp(x) }""",
}


@pytest.mark.parametrize("condition", [0, 1])
@pytest.mark.parametrize("branches", BRANCHES)
def test_a_known_condition_leaves_one_branch(branches: str, condition: int) -> None:
    """Twice, so that two branches have the same names within them."""
    text = f"""g (float[2] x) => (float[2] y, float[2] z) <bool c = {{{condition}}}> {{
        y = If(c) <{BRANCHES[branches]}>
        again = If(c) <{BRANCHES[branches]}>
        z = Add(again, x)
    }}"""
    original = graph(text)
    model = prepared(original)
    assert "If" not in {node.op_type for node in model.graph}
    feeds = {"x": seeded((2,))}
    received = in_onnxruntime(ir.to_proto(model), feeds)
    for name, expected in in_onnxruntime(original, feeds).items():
        np.testing.assert_allclose(received[name], expected, rtol=1e-6)


def test_one_value_may_be_two_results() -> None:
    text = """g (float[2] x) => (float[2] y, float[2] z) <bool c = {1}> {
        y, z = If(c) <
            then_branch = yes () => (float[2] t, float[2] t) { t = Neg(x) },
            else_branch = no () => (float[2] t, float[2] u) { t = Abs(x) u = Exp(x) }>
    }"""
    model = prepared(graph(text))
    assert [value.name for value in model.graph.outputs] == ["y", "z"]


def test_a_branch_keeps_its_initializers() -> None:
    original = graph("""g (float[2] x) => (float[2] y) <bool c = {1}, float[2] k = {5, 6}> {
        a = Add(x, k)
        y = If(c) <
            then_branch = yes () => (float[2] t) { t = Mul(a, a) },
            else_branch = no () => (float[2] t) { t = Neg(a) }>
    }""")
    branch = original.graph.node[1].attribute[0].g
    branch.initializer.append(onnx.numpy_helper.from_array(np.float32([3, 4]), "k"))
    branch.node[0].input[1] = "k"
    model = prepared(original)
    received = in_onnxruntime(ir.to_proto(model), {"x": np.float32([1, 2])})
    np.testing.assert_array_equal(received["y"], [18, 32])


@pytest.mark.parametrize("condition", [False, True])
@pytest.mark.parametrize("branches", ["nodes", "a constant"])
def test_a_computed_condition_selects_among_both(branches: str, condition: bool) -> None:
    """Twice, so that the branches have the same names within them."""
    text = f"""g (float[2] x, bool c) => (float[2] y, float[2] z) {{
        y = If(c) <{BRANCHES[branches]}>
        again = If(c) <{BRANCHES[branches]}>
        z = Add(again, x)
    }}"""
    original = graph(text)
    model = prepared(original)
    assert "If" not in {node.op_type for node in model.graph}
    feeds = {"x": seeded((2,)), "c": np.array(condition)}
    received = in_onnxruntime(ir.to_proto(model), feeds)
    for name, expected in in_onnxruntime(original, feeds).items():
        np.testing.assert_allclose(received[name], expected, rtol=1e-6)


def test_branches_of_other_shapes_stay() -> None:
    text = """g (float[2] x, bool c) => (float[n] y) {
        y = If(c) <
            then_branch = yes () => (float[2] t) { t = Neg(x) },
            else_branch = no () => (float[4] t) { t = Concat<axis=0>(x, x) }>
    }"""
    model = prepared(graph(text))
    assert [node.op_type for node in model.graph] == ["If"]
