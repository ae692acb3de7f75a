"""In which order outputs are returned."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.layout import Layout
from bridge.raising.plan import Plan
from bridge.raising.search.output_layouts import OutputLayouts
from tests.helpers.keras_against_onnx import graph, plan_of, raise_and_compare, seeded

Shape = tuple[int | str, ...]


def stored(plan: Plan, name: str) -> Shape:
    return plan.values[name].layout.stored_shape


@pytest.mark.parametrize("batch", ["1", "2", "n"])
def test_the_batch_of_what_the_graph_transposes_stays_first(batch: str) -> None:
    """The head of a detector: n c h w -> n (h w) c."""
    text = f"""g (float[{batch},3,4,4] x) => (float[{batch},16,5] y) {{
        a = Conv<kernel_shape=[1,1]>(x, k)
        b = Reshape(a, shape)
        y = Transpose<perm=[0,2,1]>(b)
    }}"""
    constants = {"k": seeded((5, 3, 1, 1)), "shape": np.array([0, 5, 16])}
    plan = plan_of(graph(text, constants))
    size = int(batch) if batch.isdigit() else batch
    assert stored(plan, "y") == (size, 16, 5)
    assert not plan.permutations


def test_axes_that_only_save_a_transpose_are_moved_to_onnx_order() -> None:
    text = """g (float[2,3,4,5] x) => (float[2,5,4,6] y) {
        a = Conv<kernel_shape=[1,1]>(x, k)
        y = Transpose<perm=[0,3,2,1]>(a)
    }"""
    model = graph(text, {"k": seeded((6, 3, 1, 1))})
    raised = raise_and_compare(model, {"x": seeded((2, 3, 4, 5))})
    assert stored(raised.plan, "y") == (2, 5, 4, 6)
    assert [permutation.forced_by for permutation in raised.plan.permutations] == ["the output"]


def test_images_come_out_channels_last_even_where_the_graph_wants_them_first() -> None:
    """What has the shape of an input has its order of axes too."""
    text = """g (float[n,3,4,4] x) => (float[n,3,4,4] y, float[n,4,4,3] z) {
        t = Transpose<perm=[0,2,3,1]>(x)
        m = MatMul(t, w)
        y = Transpose<perm=[0,3,1,2]>(m)
        z = Relu(m)
    }"""
    raised = raise_and_compare(graph(text, {"w": seeded((3, 3))}), {"x": seeded((2, 3, 4, 4))})
    assert raised.plan.inputs[0].shape == ("n", 4, 4, 3)
    assert stored(raised.plan, "y") == stored(raised.plan, "z") == ("n", 4, 4, 3)
    assert not raised.plan.permutations


def test_the_batch_of_another_input_is_not_looked_for_further_back() -> None:
    """Where nothing is recurrent the first axis is the batch, whatever sizes the others have."""
    text = """g (float[2,3,2,4] x, float[1,1] z) => (float[2,2,1,6] y, float[1,1] w) {
        a = Conv<strides=[2,2], kernel_shape=[2,2]>(x, k)
        y = Transpose<perm=[0,3,2,1]>(a)
        w = Neg(z)
    }"""
    plan = plan_of(graph(text, {"k": seeded((6, 3, 2, 2))}))
    assert plan.values["y"].layout.where(0) == 0


def test_of_equal_arrays_the_batch_is_first() -> None:
    """A mean over images leaves a batch of 1, which no data moves to."""
    layout = Layout.ordered((1, 1, 6, 6), (1, 2, 3, 0))
    returned = OutputLayouts().layout("y", layout)
    assert (returned.where(0), returned.same_array(layout)) == (0, True)


def lstm(steps: Shape, state: Shape, directions: int = 1) -> Plan:
    """A plan of an LSTM whose states go in and come out, of these sizes (t n c, d n h)."""
    (t, n, _), (d, m, h) = steps, state
    direction = "forward" if directions == 1 else "bidirectional"
    text = f"""g (float[{t},{n},3] x, float[{d},{m},{h}] h0, float[{d},{m},{h}] c0)
        => (float[{t},{d},{n},{h}] y, float[{d},{m},{h}] hn, float[{d},{m},{h}] cn) {{
        y, hn, cn = LSTM<hidden_size={h}, direction="{direction}">(x, w, r, , , h0, c0)
    }}"""
    size = 4 * int(h)
    constants = {"w": seeded((directions, size, 3)), "r": seeded((directions, size, int(h)))}
    return plan_of(graph(text, constants))


@pytest.mark.parametrize(
    ("steps", "state", "sequence", "states"),
    [
        ((5, "n", 3), (2, "n", 4), ("n", 5, 3), ("n", 2, 4)),
        ((5, "n", 3), (1, "n", 4), ("n", 5, 3), ("n", 1, 4)),
        (("t", "n", 3), (2, "n", 4), ("n", "t", 3), ("n", 2, 4)),
        ((5, 2, 3), (2, 2, 4), (2, 5, 3), (2, 2, 4)),
        ((1, 1, 3), (1, 1, 4), (1, 1, 3), (1, 1, 4)),
        ((1, 1, 3), (2, 1, 4), (1, 1, 3), (1, 2, 4)),
        ((1, 16, 3), (1, 16, 4), (1, 16, 3), (1, 16, 4)),  # a batch of one, or one step
        (("t", 1, 3), (1, 1, 4), ("t", 1, 3), (1, 1, 4)),  # what is free is the batch
    ],
)
def test_states_come_out_as_they_go_in(
    steps: Shape, state: Shape, sequence: Shape, states: Shape
) -> None:
    plan = lstm(steps, state, int(state[0]))
    assert [entry.shape for entry in plan.inputs] == [sequence, states, states]
    assert stored(plan, "hn") == stored(plan, "cn") == states
    assert not plan.permutations


def test_both_directions_of_a_sequence_have_their_batch_first() -> None:
    assert stored(lstm((5, "n", 3), (2, "n", 4), 2), "y") == ("n", 5, 2, 4)


def test_states_in_one_input_come_out_as_they_go_in() -> None:
    text = """g (float[n,3] x, float[2,n,4] s) => (float[1,n,4] y, float[2,n,4] sn) {
        t = Unsqueeze(x, zero)
        h = Slice(s, zero, one, zero)
        c = Slice(s, one, two, zero)
        z, hn, cn = LSTM<hidden_size=4>(t, w, r, , , h, c)
        y = Squeeze(z, zero)
        sn = Concat<axis=0>(hn, cn)
    }"""
    numbers = {"zero": np.array([0]), "one": np.array([1]), "two": np.array([2])}
    model = graph(text, {"w": seeded((1, 16, 3)), "r": seeded((1, 16, 4)), **numbers})
    raised = raise_and_compare(model, {"x": seeded((3, 3)), "s": seeded((2, 3, 4))})
    assert stored(raised.plan, "s") == stored(raised.plan, "sn") == ("n", 2, 4)


def test_cached_keys_come_out_as_they_go_in() -> None:
    text = """g (float[n,2,past,4] k, float[n,2,1,4] q)
        => (float[n,2,total,4] present, float[n,2,1,total] y) {
        present = Concat<axis=2>(k, q)
        t = Transpose<perm=[0,1,3,2]>(present)
        y = MatMul(q, t)
    }"""
    raised = raise_and_compare(
        graph(text), {"k": seeded((3, 2, 5, 4)), "q": seeded((3, 2, 1, 4), 1)}
    )
    assert stored(raised.plan, "k") == ("n", 2, "past", 4)
    assert raised.plan.values["present"].layout.is_identity


def test_onnx_order_is_onnx_order() -> None:
    layout = Layout.ordered((1, 2, 3), (0, 2, 1))
    assert OutputLayouts("onnx").layout("y", layout).is_identity
    assert OutputLayouts().layout("y", layout) == layout


@pytest.mark.parametrize("order", [(1, 0), (2, 1, 0), (2, 0, 1), (0, 1, 3, 2), (3, 0, 1, 2)])
def test_an_odd_order_is_no_order_to_read(order: tuple[int, ...]) -> None:
    sizes = (2, 3, 4, 5)[: len(order)]
    assert OutputLayouts().layout("y", Layout.ordered(sizes, order)).is_identity


def test_a_batch_of_one_moves_to_the_front_by_a_reshape() -> None:
    layout = Layout.ordered((1, 4, 5), (2, 0, 1))
    returned = OutputLayouts().layout("y", layout)
    assert returned.stored_shape == (1, 5, 4)
    assert returned.same_element_order(layout)
