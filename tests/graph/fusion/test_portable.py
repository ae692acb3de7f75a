"""What caffe-to-onnx spells for the sake of some runtimes is one operator in Keras again."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from tests.helpers.keras_against_onnx import Array, graph, raise_and_compare, seeded

X = seeded((2, 3, 4, 4))
MAP = "b,3,4,4"

CONSTANTS: dict[str, Array] = {
    "one": np.float32(1),
    "three": np.float32(3),
    "four": np.float32(4),
    "all": np.float32(48),
    "channels": np.array([1]),
    "axes": np.array([1, 2, 3]),
    "ones": np.array([0, 1, 1, 1]),
    "ends": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
    "weight": seeded((5, 3, 1, 1), 1),
    "wide": seeded((5, 3, 3, 3), 2),
    "bias": seeded((5, 1, 1), 3),
    "bias3": seeded((3, 1, 1), 4),
    "two": np.array([-1, 1]),
    "square": np.float32([[3]]),
    "row": seeded((5, 1, 1), 3).reshape(5),
}


class Pair(NamedTuple):
    """Two ways to write y, of a shape."""

    spelled: str
    plain: str
    shape: str = MAP


OTHERS = "x2 = Neg(x) x3 = Exp(x) x4 = Abs(x)"
POINTWISE = "Conv<kernel_shape=[1,1], strides=[1,1]>"
SAME = {
    "Max": Pair(
        f"{OTHERS} a = Max(x, x2) b = Max(a, x3) y = Max(b, x4)", f"{OTHERS} y = Max(x, x2, x3, x4)"
    ),
    "Min": Pair(f"{OTHERS} a = Min(x, x2) y = Min(a, x3)", f"{OTHERS} y = Min(x, x2, x3)"),
    "cube": Pair("a = Mul(x, x) y = Mul(a, x)", "y = Pow(x, three)"),
    "sum": Pair(
        "m = ReduceMean<axes=[1]>(x) y = Mul(m, three)", "y = ReduceSum(x, channels)", "b,1,4,4"
    ),
    "sum, no axes kept": Pair(
        "m = ReduceMean<axes=[1],keepdims=0>(x) y = Mul(m, three)",
        "y = ReduceSum<keepdims=0>(x, channels)",
        "b,4,4",
    ),
    "flattened": Pair(
        "f = Flatten(x) m = ReduceSumSquare<axes=[1]>(f) y = Reshape(m, ones)",
        "y = ReduceSumSquare<axes=[1,2,3]>(x)",
        "b,1,1,1",
    ),
    "flattened, no axes kept": Pair(
        "f = Flatten(x) y = ReduceMean<axes=[1],keepdims=0>(f)",
        "y = ReduceMean<axes=[1,2,3],keepdims=0>(x)",
        "b",
    ),
    "sum of all": Pair(
        "f = Flatten(x) m = ReduceMean<axes=[1]>(f) r = Reshape(m, ones) y = Mul(all, r)",
        "y = ReduceSum(x, axes)",
        "b,1,1,1",
    ),
    "Softplus": Pair(
        "r = Relu(x) a = Abs(x) n = Neg(a) e = Exp(n) s = Add(e, one) l = Log(s) y = Add(r, l)",
        "y = Softplus(x)",
    ),
    "squeezed": Pair(
        "f = Flatten(x) m = ReduceMean<axes=[1]>(f) y = Squeeze(m, channels)",
        "y = ReduceMean<axes=[1,2,3],keepdims=0>(x)",
        "b",
    ),
    "squeezed behind a factor": Pair(
        "f = Flatten(x) m = ReduceMean<axes=[1]>(f) s = Mul(m, all) t = Mul(s, three) "
        "y = Squeeze(t, channels)",
        "s = ReduceSum<keepdims=0>(x, axes) y = Mul(s, three)",
        "b",
    ),
    "padding behind": Pair(
        f"c = {POINTWISE}(x, weight) p = Pad(c, ends) y = Add(p, bias)",
        f"p = Pad(x, ends) y = {POINTWISE}(p, weight, row)",
        "b,5,6,6",
    ),
}
PADDED_LAST = "layers.Conv2D layers.ZeroPadding2D"
# What keeps its operators, and two of them that follow each other.
STAYS = {
    "another reader": (
        f"{OTHERS} a = Max(x, x2) b = Max(a, x3) y = Add(a, b)",
        MAP,
        "layers.Maximum layers.Maximum",
    ),
    "another shape": ("a = Max(x, bias3) y = Max(a, x)", MAP, "ops.maximum layers.Maximum"),
    "another number": (
        "m = ReduceMean<axes=[1]>(x) y = Mul(m, four)",
        "b,1,4,4",
        "ops.mean ops.multiply",
    ),
    "another shape of it": (
        "f = Flatten(x) m = ReduceMean<axes=[1]>(f) y = Reshape(m, two)",
        "b,1",
        "layers.Flatten ops.mean",
    ),
    "a factor of two axes": (
        "f = Flatten(x) m = ReduceMax<axes=[1]>(f) s = Mul(m, square) y = Squeeze(s, channels)",
        "b",
        "ops.max ops.multiply layers.Reshape",
    ),
    "a kernel": (
        "c = Conv<pads=[1,1,1,1]>(x, wide) p = Pad(c, ends) y = Add(p, bias)",
        "b,5,6,6",
        PADDED_LAST,
    ),
    "a stride": (
        "c = Conv<strides=[3,3]>(x, weight) p = Pad(c, ends) y = Add(p, bias)",
        "b,5,4,4",
        PADDED_LAST,
    ),
    "ones around": (
        f"c = {POINTWISE}(x, weight) p = Pad(c, ends, one) y = Add(p, bias)",
        "b,5,6,6",
        "layers.Conv2D ops.pad",
    ),
}


def functions(text: str, shape: str) -> list[str]:
    """What the plan calls, of the numbers that onnxruntime gives."""
    names = {name: array for name, array in CONSTANTS.items() if name in _words(text)}
    model = graph(f"g (float[{MAP}] x) => (float[{shape}] y) {{ {text} }}", names)
    return [call.target for call in raise_and_compare(model, {"x": X}).plan.calls]


def _words(text: str) -> set[str]:
    return set("".join(c if c.isalnum() or c == "_" else " " for c in text).split())


@pytest.mark.parametrize("pair", SAME.values(), ids=SAME)
def test_a_spelling_is_the_operator_that_it_stands_for(pair: Pair) -> None:
    assert functions(pair.spelled, pair.shape) == functions(pair.plain, pair.shape)


@pytest.mark.parametrize(("text", "shape", "kept"), STAYS.values(), ids=STAYS)
def test_what_stands_for_nothing_stays(text: str, shape: str, kept: str) -> None:
    assert kept in " ".join(functions(text, shape))
