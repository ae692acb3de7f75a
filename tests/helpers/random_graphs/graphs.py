"""Random small graphs: chains and branches of the operators that nets are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np
import onnx
from hypothesis import strategies as st

from tests.helpers.keras_against_onnx import OPSET
from tests.helpers.random_graphs.builder import Array, Graph, Shape
from tests.helpers.random_graphs.nodes import OTHER_OPSETS, any_rule

Grow = Callable[[Graph, str, Shape], bool]


def pointwise(g: Graph, x: str, shape: Shape) -> bool:
    g.node(g.draw(st.sampled_from(["Relu", "Sigmoid", "Identity", "Dropout"])), [x], shape)
    return True


def softmax(g: Graph, x: str, shape: Shape) -> bool:
    axis = g.draw(st.integers(0, len(shape) - 1))
    if shape[axis] == 1 or g.opset < 13:  # Keras warns of the former; the latter flatten
        return False
    g.node("Softmax", [x], shape, axis=axis)
    return True


def normalised(g: Graph, x: str, shape: Shape) -> bool:
    if len(shape) < 2:
        return False
    vectors = [g.constant(g.values(shape[1]) + shift) for shift in (0, 0, 0, 1.5)]
    g.node("BatchNormalization", [x, *vectors], shape)
    return True


def scaled(g: Graph, x: str, shape: Shape) -> bool:
    operator = g.draw(st.sampled_from(["Mul", "Add", "PRelu"]))
    if len(shape) < 2:
        return False
    vector = g.constant(g.values(shape[1], *(1,) * (len(shape) - 2)))
    g.node(operator, [x, vector], shape)
    return True


def convolved(g: Graph, x: str, shape: Shape) -> bool:
    if len(shape) != 4:
        return False
    channels, stride = shape[1], g.draw(st.integers(1, 2))
    filters, group = g.draw(st.sampled_from([(3, 1), (4, 1), (channels, channels)]))
    w = g.constant(g.values(filters, channels // group, 3, 3))
    sizes = tuple(-(-size // stride) for size in shape[2:])
    attributes = {"group": group, "pads": [1, 1, 1, 1], "strides": [stride] * 2}
    g.node("Conv", [x, w, g.constant(g.values(filters))], (shape[0], filters, *sizes), **attributes)
    return True


def pooled(g: Graph, x: str, shape: Shape) -> bool:
    if len(shape) != 4:
        return False
    operator = g.draw(st.sampled_from(["MaxPool", "AveragePool", "GlobalAveragePool"]))
    if operator == "GlobalAveragePool":
        g.node(operator, [x], (*shape[:2], 1, 1))
    elif min(shape[2:]) > 1:
        sizes = tuple(size // 2 for size in shape[2:])
        g.node(operator, [x], shape[:2] + sizes, kernel_shape=[2, 2], strides=[2, 2])
    return True


def flattened(g: Graph, x: str, shape: Shape) -> bool:
    g.node("Flatten", [x], (shape[0], prod(shape[1:])))
    return True


def dense(g: Graph, x: str, shape: Shape) -> bool:
    if len(shape) != 2:
        return False
    units = g.draw(st.integers(1, 4))
    w, b = g.constant(g.values(units, shape[1])), g.constant(g.values(units))
    g.node("Gemm", [x, w, b], (shape[0], units), transB=1)
    return True


def transposed(g: Graph, x: str, shape: Shape) -> bool:
    """The batch stays first: reshapes and concatenations rely on it."""
    perm = [0, *g.draw(st.permutations(range(1, len(shape))))]
    g.node("Transpose", [x], tuple(shape[axis] for axis in perm), perm=perm)
    return True


def reshaped(g: Graph, x: str, shape: Shape) -> bool:
    left, sizes = prod(shape[1:]), []
    for _ in range(g.draw(st.integers(0, 2))):
        sizes.append(g.draw(st.sampled_from([n for n in (1, 2, 3, 4) if left % n == 0])))
        left //= sizes[-1]
    sizes.insert(g.draw(st.integers(0, len(sizes))), left)
    target = g.constant(np.array([0, *sizes], np.int64))
    g.node("Reshape", [x, target], (shape[0], *sizes))
    return True


def concatenated(g: Graph, x: str, shape: Shape) -> bool:
    axis = g.draw(st.integers(1, max(1, len(shape) - 1)))
    others = [name for name, other in g.shapes.items() if _equal_but_for(other, shape, axis)]
    if axis >= len(shape) or not others:
        return False
    other = g.draw(st.sampled_from(others))
    size = shape[axis] + g.shapes[other][axis]
    operands = [x, other] if g.draw(st.booleans()) else [other, x]
    g.node("Concat", operands, (*shape[:axis], size, *shape[axis + 1 :]), axis=axis)
    return True


def _equal_but_for(one: Shape, other: Shape, axis: int) -> bool:
    """Whether two shapes differ in no axis but one."""
    return len(one) == len(other) and all(
        a == b for i, (a, b) in enumerate(zip(one, other, strict=True)) if i != axis
    )


def merged(g: Graph, x: str, shape: Shape) -> bool:
    others = [name for name, other in g.shapes.items() if other == shape]
    other = g.draw(st.sampled_from(others))
    g.node(g.draw(st.sampled_from(["Add", "Mul", "Max"])), [x, other], shape)
    return True


GROWTHS: Sequence[Grow] = (
    *[any_rule] * 20,
    pointwise,
    softmax,
    normalised,
    scaled,
    *[convolved] * 2,
    pooled,
    flattened,
    *[dense] * 2,
    *[transposed] * 2,
    *[reshaped] * 2,
    *[concatenated] * 3,
    *[merged] * 3,
)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[onnx.ModelProto, dict[str, Array]]:
    """A graph of up to ten steps, each from one of the latest values, and what to feed it."""
    opset = draw(st.sampled_from([*[OPSET] * 2 * len(OTHER_OPSETS), *OTHER_OPSETS]))
    free_batch = opset == OPSET and draw(st.integers(0, 3)) == 0
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    g = Graph(draw, generator, opset, free_batch)
    batch = draw(st.integers(1, 3))
    shape = st.sampled_from([(4, 4, 4), (3, 3, 3), (2, 4, 4), (3, 4, 5), (1, 6, 6), (6, 2, 3)])
    for _ in range(draw(st.integers(1, 2))):
        g.input(g.values(batch, *draw(shape)))
    pointwise(g, *next(iter(g.shapes.items())))
    for _ in range(draw(st.integers(4, 10))):
        x = draw(st.sampled_from(list(g.shapes)[-4:]))
        draw(st.sampled_from(GROWTHS))(g, x, g.shapes[x])
    return g.model(), g.feeds
