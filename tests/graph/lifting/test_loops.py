"""Loops of a known number of steps become what their steps compute."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from bridge.errors import UnsupportedOperatorError
from bridge.graph.lifting import loops
from tests.helpers.keras_against_onnx import Raised, in_onnxruntime, plan_of, prepared, seeded

WEIGHT = ", ".join(map(str, seeded((9,), 1)))
LOOP = f"""g (float[b,3] x) => (float[b,3] y, float[s,b,3] all)
    <int64 n = {{4}}, bool true = {{1}}, float[3,3] weight = {{{WEIGHT}}}> {{
    y, all = Loop(n, true, x) <body = step (int64 i, bool c, float[b,3] h)
            => (bool c_out, float[b,3] h_out, float[b,3] out) {{
        c_out = Identity(c)
        p = MatMul(h, weight)
        k = Cast<to=1>(i)
        h_out = Add(p, k)
        out = Tanh(h_out)
    }}>
}}"""

SCAN = """g (float[3] h, float[3,4] x) => (float[3] last, float[%s] all) {
    last, all = Scan<num_scan_inputs=1, scan_input_axes=[1]%s, body =
            step (float[3] state, float[3] next) => (float[3] state_out, float[3] out) {
        half = Constant<value_float=0.5>()
        m = Mul(state, half)
        state_out = Add(m, next)
        out = Identity(state_out)
    }>(h, x)
}"""


def model_of(text: str, opset: int = 17) -> onnx.ModelProto:
    return onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["":{opset}]>\n{text}')


def raised_right(model: onnx.ModelProto, feeds: dict[str, object]) -> Raised:
    from bridge.keras.build import build

    plan = plan_of(model)
    raised = Raised(plan, build(plan))
    expected, received = in_onnxruntime(model, feeds), raised.run(feeds)
    for name, array in expected.items():
        np.testing.assert_allclose(received[name], array, atol=1e-5)
    return raised


@pytest.mark.parametrize("steps", [1, 4])
def test_a_loop_is_unrolled_and_shares_its_weights(steps: int) -> None:
    model = model_of(LOOP.replace("{4}", f"{{{steps}}}"))
    raised = raised_right(model, {"x": seeded((2, 3))})
    assert {node.op_type for node in prepared(model).graph}.isdisjoint({"Loop"})
    assert raised.plan.outputs == ("y", "all")
    assert raised.model.count_params() == 9


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ("4,3", ""),
        ("4,3", ", scan_input_directions=[1], scan_output_directions=[1]"),
        ("3,4", ", scan_output_axes=[1]"),
        ("3,4", ", scan_output_axes=[-1], scan_output_directions=[1]"),
    ],
)
def test_a_scan_is_unrolled_along_any_axis_and_both_ways(shape: str, options: str) -> None:
    feeds = {"h": seeded((3,)), "x": seeded((3, 4), 1)}
    raised_right(model_of(SCAN % (shape, options)), feeds)


def test_a_loop_within_a_loop_is_unrolled_too() -> None:
    text = """g (float[2] x) => (float[2] y) <int64 n = {2}, int64 m = {3}, bool true = {1}> {
        y = Loop(n, true, x) <body = outer (int64 i, bool c, float[2] h) => (bool d, float[2] g) {
            d = Identity(c)
            z = Loop(m, true, h) <body = inner (int64 j, bool e, float[2] a)
                    => (bool f, float[2] b) { f = Identity(e) s = Add(i, j) k = Cast<to=1>(s)
                b = Add(a, k) }>
            g = Mul(z, z)
        }>
    }"""
    raised_right(model_of(text), {"x": seeded((2,))})


def test_a_state_may_stay_or_be_another_ones() -> None:
    text = """g (float[2] x, float[2] z) => (float[2] y, float[2] w, float[2] v)
        <int64 n = {3}, bool true = {1}> {
        y, w, v = Loop(n, true, x, z, x) <body =
                step (int64 i, bool c, float[2] a, float[2] b, float[2] k)
                => (bool c, float[2] b, float[2] s, float[2] k) { s = Add(a, b) }>
    }"""
    raised_right(model_of(text), {"x": seeded((2,)), "z": seeded((2,), 1)})


def test_a_loop_of_no_steps_gives_what_it_begins_with() -> None:
    text = """g (float[2] x) => (float[2] y) <int64 n = {0}, bool true = {1}> {
        h = Neg(x)
        y = Loop(n, true, h) <body = step (int64 i, bool c, float[2] a) => (bool c, float[2] b) {
            b = Exp(a) }>
    }"""
    raised_right(model_of(text), {"x": seeded((2,))})


def test_an_old_loop_is_lifted_with_its_body() -> None:
    text = """g (float[2] x) => (float[2] y) <int64 n = {2}, bool true = {1}> {
        y = Loop(n, true, x) <body = step (int64 i, bool c, float[2] a) => (bool c, float[2] b) {
            u = Unsqueeze<axes=[0]>(a) s = ReduceSum<axes=[0], keepdims=0>(u) b = Neg(s) }>
    }"""
    raised_right(model_of(text, opset=11), {"x": seeded((2,))})


@pytest.mark.parametrize(
    ("ends", "initial"),
    [
        ("int64 n, float[2] x", "n, true"),
        ("int64 n, float[2] x", "'', true"),
        ("bool true_, float[2] x", "m, true_"),
    ],
    ids=["steps by an input", "steps without end", "a condition by an input"],
)
def test_what_the_data_decide_is_refused(ends: str, initial: str) -> None:
    text = f"""g ({ends}) => (float[2] y) <int64 m = {{2}}, bool true = {{1}}> {{
        y = Loop({initial}, x) <body = step (int64 i, bool c, float[2] a) => (bool c, float[2] b) {{
            b = Neg(a) }}>
    }}""".replace("'", '"')
    with pytest.raises(UnsupportedOperatorError, match=r"Loop[\s\S]*number of steps"):
        plan_of(model_of(text))


def test_a_condition_that_the_steps_compute_is_refused() -> None:
    text = LOOP.replace("c_out = Identity(c)", "s = ReduceMax<keepdims=0>(h) c_out = Less(s, s)")
    with pytest.raises(UnsupportedOperatorError, match="Loop"):
        plan_of(model_of(text))


def test_too_many_nodes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "MAX_NODES", 10)
    with pytest.raises(UnsupportedOperatorError, match="Loop"):
        plan_of(model_of(LOOP))
