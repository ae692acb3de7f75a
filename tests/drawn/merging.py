"""Nodes to draw from: functions of several tensors, element by element."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from tests.helpers.node_strategies import (
    Array,
    Draw,
    Drawn,
    Operand,
    Shape,
    Tensor,
    image,
    row,
    shapes,
    values,
)


@st.composite
def broadcast(draw: Draw, shape: Shape) -> Shape:
    """A shape that broadcasts to a larger one."""
    kept = draw(st.integers(0, len(shape)))
    return tuple(draw(st.sampled_from([1, size])) for size in shape[len(shape) - kept :])


@st.composite
def merged(
    draw: Draw, least: int, most: int, low: float = -2, high: float = 2
) -> tuple[Operand, ...]:
    """Operands for one result: of its shape, or broadcast to it; one at least is computed."""
    shape = draw(shapes(1, 5))
    count = draw(st.integers(least, most))
    free = draw(st.booleans())
    operands: list[Operand] = []
    for index in range(count):
        own = draw(st.one_of(st.just(shape), broadcast(shape)))
        array = draw(values(own, low, high))
        batched = len(own) == len(shape) and own[0] == shape[0]
        constant = index > 0 and draw(st.booleans()) and not (free and batched and own[0] > 1)
        if constant or not own:
            operands.append(array)
        else:
            name = draw(st.sampled_from(["batch", "batch", "lot"]))
            operands.append(Tensor(array, {0: name} if free and batched else {}))
    assume(any(isinstance(operand, Tensor) for operand in operands))
    return tuple(draw(st.permutations(operands)))


@row("Add", "Sub", "Mul", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")
@st.composite
def binary(draw: Draw, operator: str) -> Drawn:
    return Drawn((operator,), draw(merged(2, 2)))


@row("Pow")
@st.composite
def binary_above_zero(draw: Draw, operator: str) -> Drawn:
    return Drawn((operator,), draw(merged(2, 2, low=0.5)))


@row("Div")
@st.composite
def division(draw: Draw, operator: str) -> Drawn:
    if draw(st.booleans()):
        return Drawn((operator,), draw(merged(2, 2, low=0.5)))
    numbers = (_mapped(each, _without_zero) for each in draw(merged(2, 2, low=-9, high=9)))
    return Drawn((operator,), tuple(numbers))


@row("And", "Or", "Xor")
@st.composite
def logical(draw: Draw, operator: str) -> Drawn:
    operands = draw(merged(2, 2))
    return Drawn((operator,), tuple(_mapped(each, lambda array: array > 0) for each in operands))


@row("Mod")
@st.composite
def mod(draw: Draw, operator: str) -> Drawn:
    operands = draw(merged(2, 2, low=-9, high=9))
    numbers = tuple(_mapped(each, _without_zero) for each in operands)
    return Drawn((operator,), numbers, draw(st.sampled_from([{}, {"fmod": 1}])))


def _without_zero(array: Array) -> Array:
    numbers = np.asarray(array).astype(np.int32)
    return np.where(numbers == 0, 5, numbers).astype(np.int32)


def _mapped(operand: Operand, function: Callable[[Array], Array]) -> Operand:
    if isinstance(operand, Tensor):
        return replace(operand, values=function(operand.values))
    return None if operand is None else function(operand)


@row("Max", "Min", "Sum")
@st.composite
def several(draw: Draw, operator: str) -> Drawn:
    return Drawn((operator,), draw(merged(1, 3)))


@st.composite
def factors(draw: Draw, shape: Shape) -> Array:
    """A constant over some axes of a tensor, the batch not among them."""
    padded = (1, *(draw(st.sampled_from([1, size])) for size in shape[1:]))
    least = next((axis for axis, size in enumerate(padded) if size != 1), len(padded))
    start = draw(st.integers(0, least))
    return draw(values(padded[start:]))


@row("bridge::Affine")
@st.composite
def affine(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(2, 5))
    scale = draw(factors(shape))
    return Drawn(("Mul", "Add"), (draw(image(shape)), scale, draw(values(scale.shape))))


@row("PRelu")
@st.composite
def prelu(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(2, 5))
    return Drawn((operator,), (draw(image(shape)), draw(factors(shape))))
