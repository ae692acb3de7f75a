"""`--portable`: what a rule writes by arithmetic of floats, for runtimes that have nothing else.

Comparisons, indices and look-ups cost more so, and one number that is not finite makes NaN of all
that are computed with it; hence it is an option.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

import numpy as np

from bridge.lower.emitter import Emitter
from bridge.lower.values import Value
from bridge.types import Array

MOST_GREATEST = 16  # that are looked for one after the other
MOST_FACTORS = 16
MOST_PIECES = 64
_EXACT = 2**24  # whole numbers that float32 holds
_GREATEST = np.finfo(np.float32).max


def above_zero(e: Emitter, x: Value) -> Value:
    """1 where x > 0, else 0"""
    return e.Relu(e.Sign(x))


def looked_up(e: Emitter, table: Value, index: Value) -> Value:
    """table[index]    table: k n, index: *p (whole numbers as floats) → *p n"""
    with e.dynamic():  # a free batch times other axes has no name
        flat = e.Reshape(e.Floor(index), [-1, 1])
        rows = e.MatMul(_one_hot(e, flat, np.arange(table.fixed(0))), table)
    return e.reshape(rows, (*index.shape, *table.shape[1:]))


def gathered(e: Emitter, x: Value, positions: Array, axis: int) -> Value:
    """x at these constant positions of an axis; of one of the last two by a product with ones."""
    if not e.portable or axis < x.rank - 2:
        return e.Gather(x, positions, axis=axis)
    ones = np.eye(x.fixed(axis), dtype=np.float32)[positions]
    return e.MatMul(ones, x) if axis == x.rank - 2 else e.MatMul(x, np.ascontiguousarray(ones.T))


def backwards(e: Emitter, x: Value, axis: int) -> Value:
    """x in reverse along an axis, piece by piece: OpenCV 4 refuses a Slice that goes backwards."""
    count = x.fixed(axis)
    if count == 1:
        return x
    pieces = e.op("Split", x, [1] * count, outputs=count, axis=axis)
    return e.Concat(*reversed(pieces), axis=axis)


def last_greatest(e: Emitter, x: Value, count: int, axis: int) -> tuple[Value, Value]:
    """The `count` greatest numbers along an axis, and their indices as floats; of equal ones the
    last comes first."""
    positions = _along(np.arange(x.fixed(axis)), x.rank, axis)
    values, indices = [], []
    for number in range(count):
        values.append(e.reduce("ReduceMax", x, [axis]))
        is_less = e.Sign(e.Sub(values[-1], x))
        index = e.reduce("ReduceMax", e.Mul(e.Sub(1.0, is_less), positions), [axis])
        indices.append(index)
        if number < count - 1:  # this one is the lowest from now on
            bound = e.Mul(e.Sub(0.5, _one_hot(e, index, positions)), 2.0)
            x = e.Min(x, e.Mul(bound, _GREATEST))
    return _side_by_side(e, values, axis), _side_by_side(e, indices, axis)


def has_exact_indices(x: Value, axis: int) -> bool:
    return x.fixed(axis) <= _EXACT


def product_of(e: Emitter, x: Value, power: int) -> Value:
    """x to a whole power, by products: a runtime may take the logarithm of a negative base."""
    if power == 0:
        return e.Clip(x, 1.0, 1.0)
    if power < 0:
        return e.Div(1.0, product_of(e, x, -power))
    squares = [x]
    while 2 ** len(squares) <= power:
        squares.append(e.Mul(squares[-1], squares[-1]))
    bits = [square for bit, square in enumerate(squares) if power >> bit & 1]
    return reduce(e.Mul, bits)


def computed(e: Emitter, value: Value, bottoms: Sequence[Value]) -> Value:
    """A result of the net as that of an operator: pnnx takes out what computes nothing, and ends if
    an output is then an input, another output or a constant."""
    if value in bottoms:
        return e.Neg(e.Neg(value))
    if value.name not in e.weights or not bottoms:
        return value
    last = value.rank - 1
    with e.dynamic():
        row = e.Reshape(e.Abs(bottoms[0]), [*[1] * last, -1])
        zero = e.Relu(e.Neg(e.reduce("ReduceMax", row, [last])))
    return e.Add(value, zero)


def _one_hot(e: Emitter, index: Value, positions: Array) -> Value:
    """1 where a position is the index, else 0"""
    return e.Relu(e.Sub(1.0, e.Abs(e.Sub(index, positions.astype(np.float32)))))


def _along(positions: Array, rank: int, axis: int) -> Array:
    shape = [-1 if i == axis else 1 for i in range(rank)]
    return positions.astype(np.float32).reshape(shape)


def _side_by_side(e: Emitter, parts: Iterable[Value], axis: int) -> Value:
    first, *others = parts
    return e.Concat(first, *others, axis=axis) if others else first
