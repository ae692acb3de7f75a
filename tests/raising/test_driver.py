"""The layout pass: what it moves, what it does not, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from bridge import ir
from bridge.errors import UnsupportedError, UnsupportedOperatorError, UsageError
from bridge.layout import Layout
from bridge.raising import Plan, raise_model
from bridge.raising.building.candidates import is_presentable
from tests.helpers.keras_against_onnx import (
    graph,
    in_onnxruntime,
    plan_of,
    prepared,
    raise_and_compare,
    seeded,
)


def permutes(plan: Plan) -> list[str]:
    moving = ("layers.Permute", "ops.transpose")
    return [call.name for call in plan.calls if call.target in moving]


LENET = """lenet (float[batch,1,12,12] data) => (float[batch,10] prob) {
    conv1 = Conv<kernel_shape=[3,3]>(data, w1, b1)
    pool1 = MaxPool<kernel_shape=[2,2], strides=[2,2]>(conv1)
    relu1 = Relu(pool1)
    flat = Flatten(relu1)
    ip = Gemm<transB=1>(flat, w2, b2)
    prob = Softmax<axis=1>(ip)
}"""
LENET_WEIGHTS = {
    "w1": seeded((6, 1, 3, 3)),
    "b1": seeded((6,)),
    "w2": seeded((10, 150)),
    "b2": seeded((10,)),
}


def test_a_lenet_moves_nothing() -> None:
    feeds = {"data": seeded((2, 1, 12, 12))}
    for io_layout in ("channels_last", "onnx"):
        raised = raise_and_compare(graph(LENET, LENET_WEIGHTS), feeds, io_layout)
        assert permutes(raised.plan) == []
        assert raised.plan.permutations == ()


def test_flattening_relabels_and_the_dense_weights_follow() -> None:
    plan = plan_of(graph(LENET, LENET_WEIGHTS))
    assert str(plan.values["flat"].layout) == "n (c h w) -> n (h w c)"


def test_a_permute_is_counted_with_its_reason() -> None:
    text = "g (float[n,3,4,5] x) => (float[n,60] y) { y = Flatten(x) }"
    raised = raise_and_compare(graph(text), {"x": seeded((2, 3, 4, 5))}, "onnx")
    assert raised.plan.permutations == ()
    text = """g (float[n,3,4,5] x) => (float[n,3,2,3] y) {
        y = MaxPool<kernel_shape=[2,2], strides=[2,2], pads=[0,0,0,1]>(x)
    }"""
    plan = plan_of(graph(text), "onnx")
    before, after = plan.permutations
    assert (before.value, before.forced_by) == ("x", "node 'y' (MaxPool)")
    assert before.bytes == 4 * 3 * 4 * 5
    assert (after.value, after.forced_by) == ("y", "the output")
    assert str(after).endswith("n c h w -> n h w c to n c h w -> n c h w, 72 bytes, for the output")
    assert [call.id for call in plan.calls if call.name in permutes(plan)] == [
        before.call,
        after.call,
    ]


def test_a_permute_for_two_readers_is_made_once() -> None:
    text = """g (float[n,3,4,4] x) => (float[n,2,4,4] y, float[n,2,4,4] z) {
        a = Relu(x)
        y = Conv<kernel_shape=[1,1]>(a, w)
        z = Conv<kernel_shape=[1,1]>(a, w)
    }"""
    model = graph(text, {"w": seeded((2, 3, 1, 1))})
    layouts = {"x": Layout.identity(("n", 3, 4, 4))}
    raised = raise_and_compare(model, {"x": seeded((2, 3, 4, 4))}, layouts=layouts)
    assert len(permutes(raised.plan)) == 1


def test_two_values_that_share_a_tensor_are_moved_each_for_itself() -> None:
    """Found by random graphs: with equal sizes both want the same order of the same tensor."""
    text = """g (float[n,4,4,4] x) => (float[n,4,4,4] y, float[n,4,4,4] z) {
        y = Transpose<perm=[0,1,3,2]>(x)
        z = Transpose<perm=[0,2,1,3]>(x)
    }"""
    for io_layout in ("channels_last", "onnx"):
        raise_and_compare(graph(text), {"x": seeded((2, 4, 4, 4))}, io_layout)


@pytest.mark.parametrize(("large", "small"), [("x", "y"), ("y", "x")])
def test_the_order_of_the_larger_operand_wins(large: str, small: str) -> None:
    shapes = {large: "4,5,6", small: "1,5,6"}
    text = f"""g (float[{shapes["x"]}] x, float[{shapes["y"]}] y) => (float[4,5,6] z) {{
        z = Add(x, y)
    }}"""
    orders = {large: Layout.ordered((4, 5, 6), (0, 2, 1)), small: Layout.identity((1, 5, 6))}
    feeds = {large: seeded((4, 5, 6)), small: seeded((1, 5, 6))}
    plan = raise_and_compare(graph(text), feeds, layouts=orders).plan
    assert [permutation.value for permutation in plan.permutations] == [small]


def test_an_order_that_a_value_has_been_given_before_costs_nothing() -> None:
    text = """g (float[4,5,6] x, float[4,5,6] y) => (float[4,5,6] z) {
        a = Add(x, y)
        b = Mul(y, x)
        z = Sub(b, a)
    }"""
    orders = {"x": Layout.ordered((4, 5, 6), (0, 2, 1)), "y": Layout.identity((4, 5, 6))}
    feeds = {"x": seeded((4, 5, 6)), "y": seeded((4, 5, 6))}
    assert len(raise_and_compare(graph(text), feeds, layouts=orders).plan.permutations) == 1


def test_every_unsupported_operator_is_in_one_error() -> None:
    text = """g (float[n,4] x) => (float[n,4] y) {
        a = RandomNormalLike(x)
        b = Relu(a)
        y = RandomUniformLike(b)
    }"""
    with pytest.raises(UnsupportedOperatorError) as refusal:
        plan_of(graph(text))
    assert "node 'randomnormallike/0' (RandomNormalLike)" in str(refusal.value)
    assert "node 'y' (RandomUniformLike)" in str(refusal.value)
    assert "relu" not in str(refusal.value)
    assert "@bridge.raises" in str(refusal.value)


def test_every_refusal_of_a_rule_is_in_one_error() -> None:
    text = """g (float[n,4,h,w] x) => (float[n,4,c,d] y, float[n,4,e,f] z) {
        y = MaxPool<kernel_shape=[2,2], ceil_mode=1>(x)
        a = Relu(y)
        z = AveragePool<kernel_shape=[2,2], ceil_mode=1>(a)
    }"""
    with pytest.raises(UnsupportedOperatorError) as refusal:
        plan_of(graph(text))
    assert "node 'y' (MaxPool): ceil_mode over an axis of unknown size" in str(refusal.value)
    assert "node 'z' (AveragePool)" in str(refusal.value)


def test_an_attribute_that_a_rule_does_not_know_is_a_refusal() -> None:
    model = graph("g (float[n,4] x) => (float[n,4] y) { y = Relu(x) }")
    ready = prepared(model)
    ready.graph[0].attributes["sharpness"] = ir.attribute("sharpness", 3)
    with pytest.raises(UnsupportedOperatorError, match=r"'y'.*sharpness"):
        raise_model(ready)


def test_an_output_that_is_a_constant() -> None:
    text = "g (float[n,4] x) => (float[n,4] y, float[4] c) { y = Relu(x) }"
    raise_and_compare(graph(text, {"c": seeded((4,))}), {"x": seeded((3, 4))})


def test_a_constant_where_a_rule_asks_for_a_tensor() -> None:
    """In the layout that the rule asks for, and once, though two nodes read it."""
    text = """g (float[1,3,4,5] x) => (float[1,5,4,5] y, float[1,5,4,5] z) {
        a = Conv(x, w)
        y = Concat<axis=1>(a, c)
        z = Concat<axis=1>(c, a)
    }"""
    constants = {"w": seeded((3, 3, 1, 1)), "c": seeded((1, 2, 4, 5))}
    model = graph(text, constants)
    raise_and_compare(model, {"x": seeded((1, 3, 4, 5))})
    plan = plan_of(model)
    assert not permutes(plan)
    assert [call.target for call in plan.calls].count("ops.zeros_like") == 1


def test_an_unknown_io_layout_is_refused() -> None:
    model = graph("g (float[n,4] x) => (float[n,4] y) { y = Relu(x) }")
    with pytest.raises(UsageError, match="io_layout"):
        plan_of(model, "nchw")  # type: ignore[arg-type]


def test_an_input_that_is_an_output_too() -> None:
    text = """g (float[n,3,4,5] x) => (float[n,3,4,5] y, float[n,3,4,5] z) {
        y = Identity(x)
        z = Relu(x)
    }"""
    for io_layout in ("channels_last", "onnx"):
        raise_and_compare(graph(text), {"x": seeded((2, 3, 4, 5))}, io_layout)


def test_inputs_and_outputs_are_in_the_graph_s_order() -> None:
    text = """g (float[n,2] second, float[n,2] first) => (float[n,2] z, float[n,2] a) {
        a = Relu(first)
        z = Sub(second, first)
    }"""
    raised = raise_and_compare(graph(text), {"first": seeded((3, 2)), "second": seeded((3, 2), 1)})
    assert [entry.value for entry in raised.plan.inputs] == ["second", "first"]
    assert raised.plan.outputs == ("z", "a")
    assert [tensor.name for tensor in raised.model.inputs] == ["second", "first"]


def test_an_initializer_among_the_inputs_is_a_weight() -> None:
    """As IR versions below 4 wrote it."""
    text = "g (float[n,3] x, float[2,3] w) => (float[n,2] y) { y = Gemm<transB=1>(x, w) }"
    raised = raise_and_compare(graph(text, {"w": seeded((2, 3))}), {"x": seeded((4, 3))})
    assert len(raised.model.inputs) == 1


def test_onnx_layout_takes_and_gives_onnx_s_arrays() -> None:
    text = """g (float[n,3,4,5] x) => (float[n,2,4,5] y) { y = Conv<kernel_shape=[1,1]>(x, w) }"""
    model = graph(text, {"w": seeded((2, 3, 1, 1))})
    x = seeded((2, 3, 4, 5))
    images = raise_and_compare(model, {"x": x})
    arrays = raise_and_compare(model, {"x": x}, "onnx")
    last = np.asarray(images.model(x.transpose(0, 2, 3, 1)))
    np.testing.assert_allclose(np.asarray(arrays.model(x)), last.transpose(0, 3, 1, 2), atol=1e-6)


def test_outputs_of_scattered_axes_are_given_in_onnx_s_order() -> None:
    assert is_presentable(Layout.ordered((2, 3, 4), (0, 2, 1)))
    assert is_presentable(Layout(((2,), (3, 4)), ((0,), (2, 1))))
    assert not is_presentable(Layout(((2,), (3, 4)), ((0,), (2,), (1,))))
    text = "g (float[n,6,2,2] x) => (float[n,3,8] y) { y = Reshape(x, s) }"
    model = graph(text, {"s": np.array([0, 3, 8], np.int64)})
    raised = raise_and_compare(model, {"x": seeded((2, 6, 2, 2))})
    assert raised.model.output_shape == (None, 3, 8)


def test_a_product_of_free_sizes_that_the_graph_computes() -> None:
    """As TensorFlow spells a product with a tensor of which the batch is free."""
    text = """g (float[b,4,3] x) => (float[m,k] y) {
        all = Shape(x)  lead = Gather(all, first)  rows = ReduceProd<axes=[0]>(lead)
        rest = Gather(all, last)  columns = ReduceProd<axes=[0]>(rest)
        to = Concat<axis=0>(rows, columns)  y = Reshape(x, to)
    }"""
    model = graph(text, {"first": np.array([0, 1]), "last": np.array([2])})
    for batch in (1, 2):
        raise_and_compare(model, {"x": seeded((batch, 4, 3))})


def test_a_reshape_to_two_sizes_that_nobody_knows_is_refused() -> None:
    text = """g (float[b,4,3] x, int64[2] to) => (float[m,k] y) { y = Reshape(x, to) }"""
    with pytest.raises(UnsupportedError, match="more than one size is known only when"):
        plan_of(graph(text))


@pytest.mark.parametrize(
    ("node", "constants"),
    [
        ("Relu(x)", {}),
        ("Softmax<axis = 1>(x)", {}),
        ("Transpose<perm = [0, 2, 1, 3]>(x)", {}),
        ("MaxPool<kernel_shape = [1, 1]>(x)", {}),
        ("BatchNormalization(x, a, b, c, d)", dict(zip("abcd", np.eye(4, 3) + 1.5, strict=True))),
    ],
)
def test_layers_compute_in_the_graphs_double_precision(
    node: str, constants: dict[str, np.ndarray]
) -> None:
    """Left to themselves they would cast what they read to float32."""
    model = graph(f"g (double[n,3,3,4] x) => (double[n,3,3,4] y) {{ y = {node} }}", constants)
    x = {"x": np.random.default_rng(0).uniform(-1, 1, (2, 3, 3, 4))}
    received = raise_and_compare(model, x).run(x)["y"]
    assert received.dtype == np.float64
    np.testing.assert_allclose(received, in_onnxruntime(model, x)["y"], rtol=1e-9)
