"""What exporters spell out becomes one Keras layer again, with as many parameters."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.graph.fusion import canonicalize
from tests.helpers.keras_against_onnx import (
    Raised,
    graph,
    prepared,
    raise_and_compare,
    seeded,
)

CHANNELS = seeded((1, 3, 1, 1), 5)

X = seeded((2, 3, 4, 4))


def layers(raised: Raised) -> list[str]:
    return [type(operation).__name__ for operation in raised.model.operations][1:]


SPELLED_PRELU = """
g (float[b,3,4,4] x) => (float[b,3,4,4] y) {
  above = Relu(x)  minus = Neg(x)  below = Relu(minus)  scaled = Mul(%s)  y = Add(%s)
}
"""


@pytest.mark.parametrize("product", ["below, slope", "slope, below"])
@pytest.mark.parametrize("sum_", ["above, scaled", "scaled, above"])
def test_keras_prelu_is_one_again(product: str, sum_: str) -> None:
    model = graph(SPELLED_PRELU % (product, sum_), {"slope": -CHANNELS})
    raised = raise_and_compare(model, {"x": X})
    assert layers(raised) == ["PReLU"]


def test_a_prelu_whose_parts_are_read_elsewhere_stays() -> None:
    text = SPELLED_PRELU % ("below, slope", "above, scaled")
    text = text.replace("=> (float[b,3,4,4] y)", "=> (float[b,3,4,4] y, float[b,3,4,4] below)")
    raised = raise_and_compare(graph(text, {"slope": -CHANNELS}), {"x": X})
    assert "PReLU" not in layers(raised)


@pytest.mark.parametrize(("target", "left"), [((-1, 3, 4, 4), []), ((-1, 4, 4, 3), ["Reshape"])])
def test_a_reshape_to_the_same_shape_is_nothing(target: tuple[int, ...], left: list[str]) -> None:
    sizes = ",".join(map(str, target[1:]))
    text = f"g (float[b,3,4,4] x) => (float[b,{sizes}] y) {{ r = Reshape(x, to)  y = Relu(r) }}"
    model = graph(text, {"to": np.array(target)})
    names = layers(raise_and_compare(model, {"x": X}, "onnx"))
    assert [name for name in names if name == "Reshape"] == left


@pytest.mark.parametrize(
    ("shape", "ends", "nodes"),
    [
        ((8, 8, 1), ("8,8,1", "1,8,8"), "r = Reshape(x, to)  y = Relu(r)"),
        ((1, 8, 8), ("1,8,8", "8,8,1"), "r = Relu(x)  y = Reshape(r, to)"),
    ],
    ids=["to the second axis", "to the last"],
)
def test_a_reshape_that_carries_a_single_channel_is_no_layer(
    shape: tuple[int, ...], ends: tuple[str, str], nodes: str
) -> None:
    text = f"g (float[b,{ends[0]}] x) => (float[b,{ends[1]}] y) {{ {nodes} }}"
    to = np.array([-1, *map(int, ends[1].split(","))])
    raised = raise_and_compare(graph(text, {"to": to}), {"x": seeded((2, *shape))})
    assert layers(raised) == ["ReLU"]
    assert raised.model.input_shape == (None, 8, 8, 1)


@pytest.mark.parametrize("state", [0, 1], ids=["zeros", "ones"])
def test_a_recurrent_layer_begins_with_zeros_without_being_given_any(state: int) -> None:
    """tf2onnx makes as many as there are sequences, which is no constant while they may be any."""
    text = """g (float[5,b,3] x) => (float[5,1,b,4] y) {
        all = Shape(x)  batch = Slice(all, one, two)  sizes = Concat<axis=0>(one, batch, four)
        state = Expand(start, sizes)
        y = LSTM<hidden_size=4>(x, w, r, , , state, state)
    }"""
    constants = {"w": seeded((1, 16, 3)), "r": seeded((1, 16, 4)), "start": np.float32(state)}
    sizes = {"one": np.array([1]), "two": np.array([2]), "four": np.array([4])}
    model = prepared(graph(text, constants | sizes))
    canonicalize(model.graph)
    kinds = [node.op_type for node in model.graph]
    assert kinds == (["LSTM"] if state == 0 else ["Shape", "Slice", "Concat", "Expand", "LSTM"])
    assert [value is None for value in model.graph[-1].inputs[5:]] == [state == 0] * 2


def test_an_empty_roi_of_a_resize_is_left_out() -> None:
    """Opset 11 and 12 have no other way to give scales alone."""
    text = "g (float[1,2,3,3] x) => (float[1,2,6,6] y) { y = Resize(x, roi, scales) }"
    constants = {"roi": np.zeros(0, np.float32), "scales": np.array([1, 1, 2, 2], np.float32)}
    model = graph(text, constants, opset=11)
    raise_and_compare(model, {"x": seeded((1, 2, 3, 3))})
