"""What whole numbers the inputs of a graph take that says nothing of them."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper

from bridge.errors import GraphError
from bridge.graph.ranges import RANGE, ranges
from tests.helpers import keras_against_onnx

TABLE = {"table": np.zeros((9, 4), np.float32), "depth": np.array(6), "axes": np.array([0])}
TABLE |= {"labels": np.array([2, 3, 7]), "axes1": np.array([1])}
SHAPE = {"shape": np.array([2, 3])}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(int64[2,3] x) => (float[2,3,4] y) { y = Gather(table, x) }", (0, 8)),
        ("(int64[2,3] x) => (float[9,2,3] y) { y = Gather<axis=-1>(table, x) }", (0, 3)),
        ("(int32[9,2] x) => (float[9,2] y) { y = GatherElements<axis=1>(table, x) }", (0, 3)),
        ("(int64[5,2] x) => (float[5] y) { y = GatherND(table, x) }", (0, 3)),
        ("(int64[5,1] x) => (float[5,4] y) { y = GatherND(table, x) }", (0, 8)),
        (
            "(int64[5,1] x, float[5,4] u) => (float[9,4] y) { y = ScatterND(table, x, u) }",
            (0, 8),
        ),
        ("(int64[2,3] x) => (int64[2,3,6] y) { y = OneHot(x, depth, v) }", (0, 5)),
        (
            (
                "(int32[6] x) => (float[1,2,3,4] y)"
                " { a = Cast<to=7>(x) b = Reshape(a, shape) c = Unsqueeze(b, axes)"
                " y = Gather(table, c) }"
            ),
            (0, 8),
        ),
        # The numbers of an older exporter, which has no others.
        ("(float[3] x) => (float[3,4] y) { a = Cast<to=7>(x) y = Gather(table, a) }", (0, 8)),
        # A one-hot, as TensorFlow's exporter spells it.
        (
            "(int64[2,1] x) => (bool[2,3] y) { s = Tile(labels, axes1) y = Equal(x, s) }",
            (2, 7),
        ),
        # Two read it: what the smaller table has.
        (
            (
                "(int64[2] x) => (float[2,4] y, float[9,2] z)"
                " { y = Gather(table, x) z = Gather<axis=1>(table, x) }"
            ),
            (0, 3),
        ),
        (
            (
                "(int64[2] x) => (float[2,7] y)"
                " { t = Constant<value = float[3,7] {0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0}>()"
                " y = Gather(t, x) }"
            ),
            (0, 2),
        ),
        ("(int64[2,3] x, int64[2,3] a) => (int64[2,3] y) { y = Mod(a, x) }", (1, 9)),
        (
            "(int64[3] x, float[5,3,4] a) => (float[5,3,4] y) { y = ReverseSequence(a, x) }",
            (1, 5),
        ),
    ],
)
def test_what_reads_an_input_tells_its_range(text: str, expected: tuple[int, int]) -> None:
    assert ranges(graph(text))["x"] == (expected,)


@pytest.mark.parametrize(
    "text",
    [
        # A mask, sizes that are not known, what is computed, and a ratio.
        "(int64[2,3] x) => (float[2,3] y) { a = Cast<to=1>(x) y = Mul(a, a) }",
        "(int64[2] x, float[n,3] a) => (float[2,3] y) { y = Gather(a, x) }",
        "(int64[2] x, int64[d] d) => (float[2,4] y) { a = Add(x, x) y = Gather(table, a) }",
        "(float[2] x, float[2] a) => (float[2] y) { y = Div(a, x) }",
    ],
)
def test_of_other_inputs_nothing_is_known(text: str) -> None:
    assert ranges(graph(text)) == {}


def test_what_the_file_says_holds() -> None:
    model = graph("(int64[2,3] x) => (float[2,3,4] y) { y = Gather(table, x) }")
    helper.set_model_props(model, {f"{RANGE}x": "2:3"})
    assert ranges(model) == {"x": ((2, 3),)}


def graph(text: str) -> onnx.ModelProto:
    constants = {**TABLE, **SHAPE, "v": np.array([0, 1])}
    used = {name: array for name, array in constants.items() if name in text.split("{", 1)[1]}
    return keras_against_onnx.graph(f"g {text}", used)


def test_a_circle_of_nodes_that_move_is_refused() -> None:
    nodes = [
        helper.make_node("Identity", ["b"], ["a"]),
        helper.make_node("Identity", ["a"], ["b"]),
        helper.make_node("Gather", ["table", "b"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "circle", [], [])
    with pytest.raises(GraphError, match="'b' depends on itself"):
        ranges(helper.make_model(graph))
