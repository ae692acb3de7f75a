"""Nodes to draw from: names, groups and ends of axes."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from tests.drawn.merging import _mapped
from tests.helpers.node_strategies import (
    Draw,
    Drawn,
    Operand,
    Tensor,
    image,
    row,
    shapes,
    sizes,
    tensor,
    values,
)


@row("Transpose")
@st.composite
def transpose(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(1, 5))
    perm = draw(st.permutations(range(len(shape))))
    return Drawn((operator,), (draw(image(shape)),), draw(st.sampled_from([{"perm": perm}, {}])))


@row("Flatten")
@st.composite
def flatten(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(1, 5))
    axis = draw(st.integers(-len(shape), len(shape)))
    return Drawn((operator,), (draw(tensor(shape)),), draw(st.sampled_from([{"axis": axis}, {}])))


@row("Reshape")
@st.composite
def reshape(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(1, 5))
    keeps_batch = draw(st.booleans())
    head, rest = (shape[:1], shape[1:]) if keeps_batch else ((), shape)
    new = [*head, *draw(regrouped(prod(rest)))]
    free = {0: "batch"}
    if keeps_batch and draw(st.booleans()):
        new[0] = 0
    elif draw(st.booleans()):
        new[draw(st.integers(0, len(new) - 1))] = -1
        free = {0: "batch"} if new[0] == -1 and keeps_batch else {}
    else:
        free = {}
    return Drawn((operator,), (Tensor(draw(values(shape)), free), np.array(new, np.int64)))


@st.composite
def regrouped(draw: Draw, size: int) -> list[int]:
    """Any shape of so many elements."""
    result: list[int] = []
    while size > 1:
        factor = draw(st.sampled_from([each for each in range(2, size + 1) if size % each == 0]))
        result, size = [*result, factor], size // factor
    for _ in range(draw(st.integers(0 if result else 1, 1))):
        result.insert(draw(st.integers(0, len(result))), 1)
    return result


@row("Squeeze")
@st.composite
def squeeze(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(2, 5))
    assume(1 in shape and prod(shape) > 1)
    ones = [axis for axis, size in enumerate(shape) if size == 1]
    chosen = sorted(draw(st.sets(st.sampled_from(ones), min_size=1)))
    x = draw(tensor(shape, batch=None if 0 in chosen else 0))
    if draw(st.booleans()) and 0 not in ones:
        return Drawn((operator,), (replace(x, free={}),))
    return draw(with_axes(operator, x, chosen))


@row("Unsqueeze")
@st.composite
def unsqueeze(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(1, 4))
    rank = len(shape) + draw(st.integers(1, 2))
    chosen = draw(
        st.sets(st.integers(0, rank - 1), min_size=rank - len(shape), max_size=rank - len(shape))
    )
    return draw(with_axes(operator, draw(tensor(shape)), sorted(chosen)))


@st.composite
def with_axes(draw: Draw, operator: str, x: Tensor, axes: list[int]) -> Drawn:
    """Axes were an attribute before opset 13, and are an input since."""
    if draw(st.booleans()):
        return Drawn((operator,), (x,), {"axes": axes}, opset=11)
    return Drawn((operator,), (x, np.array(axes, np.int64)))


@row("Concat")
@st.composite
def concat(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(1, 5))
    axis = draw(st.integers(0, len(shape) - 1))
    parts = draw(st.lists(sizes(), min_size=1, max_size=3))
    names = st.sampled_from(["batch", "batch", "lot"])
    operands = [
        Tensor(
            draw(values((*shape[:axis], size, *shape[axis + 1 :]))),
            {0: draw(names)} if axis else {},
        )
        for size in parts
    ]
    given = draw(st.sampled_from([axis, axis - len(shape)]))
    return Drawn((operator,), tuple(operands), {"axis": given})


@row("Pad", since=11)
@st.composite
def pad(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(1, 4))
    mode = draw(st.sampled_from(["constant", "constant", "reflect", "edge"]))
    chosen = sorted(draw(st.sets(st.integers(0, len(shape) - 1), min_size=1)))
    x = draw(tensor(shape, batch=None if 0 in chosen else 0))
    widths = np.zeros((2, len(shape)), np.int64)
    for axis in chosen:
        most = min(2, shape[axis] - 1) if mode == "reflect" else 2
        widths[:, axis] = draw(st.tuples(st.integers(0, most), st.integers(0, most)))
    operands: list[Operand] = [x, widths.reshape(-1)]
    form = draw(st.sampled_from(["plain", "valued", "integers", "axes"]))
    if form == "valued" and mode == "constant":
        operands.append(np.float32(0.5))
    if form == "integers" and mode == "constant":
        operands = [_mapped(x, lambda array: array.astype(np.int64)), operands[1], np.int64(-1)]
    if form == "axes":
        given = [axis - draw(st.sampled_from([0, len(shape)])) for axis in chosen]
        operands = [x, widths[:, chosen].reshape(-1), None, np.array(given, np.int64)]
    opset = 18 if form == "axes" else 17
    return Drawn((operator,), tuple(operands), {"mode": mode}, opset=opset)
