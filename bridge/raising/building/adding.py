"""Addition, where Keras would take an operand for a bias that is not one.

On TensorFlow `ops.add(x, y)` is a bias addition if y has one axis longer than 1 that is as long as
the last axis of x, or otherwise as its axis 1. It adds along that axis of x, whichever axis it is
in y, so 4 4 4 + 1 4 1 is wrong. (keras/src/backend/tensorflow/numpy.py, `add`)
"""

from __future__ import annotations

from bridge.layout import Weight
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref, Size
from bridge.raising.table import Shape


def add(
    k: Recorder, x: Ref | Weight | float, y: Ref | Weight | float, x_shape: Shape, y_shape: Shape
) -> Ref:
    """x + y, of equal ranks, with broadcasting; `x - (-y)` if Keras may get it wrong either way."""
    if not may_be_mistaken(x_shape, y_shape):
        return k.op("add", x, y)
    if not may_be_mistaken(y_shape, x_shape):
        return k.op("add", y, x)
    x, y = (y, x) if isinstance(x, Ref) else (x, y)  # only a tensor can be negated
    return k.op("subtract", x, k.op("negative", y))


def may_be_mistaken(x: Shape, y: Shape) -> bool:
    """Whether Keras may add y to x along the wrong axis, for any values of unknown sizes."""
    if x == y or len(x) < 2:
        return False
    long = [axis for axis, size in enumerate(y) if isinstance(size, int) and size > 1]
    unknown = [axis for axis, size in enumerate(y) if isinstance(size, str)]
    return len(long) < 2 and any(_bias_axes(x, y[axis]) - {axis} for axis in long or unknown)


def _bias_axes(x: Shape, size: Size) -> set[int]:
    """The axes of x along which Keras may add a vector of this size."""
    last = len(x) - 1
    if x[last] == size:
        return {last}
    return {axis for axis in (1, last) if _may_be_equal(x[axis], size)}


def _may_be_equal(one: Size, other: Size) -> bool:
    unknown = isinstance(one, str) or isinstance(other, str)
    return one == other or (unknown and 1 not in (one, other))


def add_dynamic(k: Recorder, x: Ref, y: Ref) -> Ref:
    """x + y with broadcasting, for a size that depends on the data: it may be any number, or 0."""
    return k.op("subtract", x, k.op("negative", y))
