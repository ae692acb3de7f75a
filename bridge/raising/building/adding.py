"""Addition, where Keras would take for a bias what is none.

On TensorFlow `ops.add(x, y)` is a bias addition wherever y has one axis longer than 1, and that is
as long as the last axis of x, or else as its axis 1: along that axis, whichever it is in y. So
4 4 4 + 1 4 1 goes wrong. (keras/src/backend/tensorflow/numpy.py, `add`)
"""

from __future__ import annotations

from bridge.layout import Weight
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref, Size
from bridge.raising.table import Shape


def add(
    k: Recorder, x: Ref | Weight | float, y: Ref | Weight | float, x_shape: Shape, y_shape: Shape
) -> Ref:
    """x + y, of equal ranks, with broadcasting; `x - (-y)` where Keras would err either way."""
    if not may_be_mistaken(x_shape, y_shape):
        return k.op("add", x, y)
    if not may_be_mistaken(y_shape, x_shape):
        return k.op("add", y, x)
    x, y = (y, x) if isinstance(x, Ref) else (x, y)  # what is negated must be a tensor
    return k.op("subtract", x, k.op("negative", y))


def may_be_mistaken(x: Shape, y: Shape) -> bool:
    """Whether Keras may add y to x along another axis than its own, whatever free sizes become."""
    if x == y or len(x) < 2:
        return False
    long = [axis for axis, size in enumerate(y) if isinstance(size, int) and size > 1]
    free = [axis for axis, size in enumerate(y) if isinstance(size, str)]
    return len(long) < 2 and any(_axes_taken(x, y[axis]) - {axis} for axis in long or free)


def _axes_taken(x: Shape, size: Size) -> set[int]:
    """The axes of x along which Keras may add a vector of this size."""
    last = len(x) - 1
    if x[last] == size:
        return {last}
    return {axis for axis in (1, last) if _may_be_equal(x[axis], size)}


def _may_be_equal(one: Size, other: Size) -> bool:
    free = isinstance(one, str) or isinstance(other, str)
    return one == other or (free and 1 not in (one, other))


def plus(k: Recorder, x: Ref, y: Ref) -> Ref:
    """x + y with broadcasting, where a size that the data decide may be any other's, or 0."""
    return k.op("subtract", x, k.op("negative", y))
