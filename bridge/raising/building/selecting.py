"""Selecting elements along one logical axis of a tensor, in any layout."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from bridge.layout import Concatenated, Layout, Weight
from bridge.raising.building.adding import add_dynamic
from bridge.raising.building.candidates import replaced
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref, Size


def can_select(layout: Layout, axis: int) -> bool:
    """Whether elements along an axis can be selected in this layout: the axis has a stored axis of
    its own, and if its size is unknown, is in identity layout."""
    if layout.where(axis) is None:
        return False
    return isinstance(layout.logical_shape[axis], int) or layout.axis(axis).is_identity


def part(layout: Layout, axis: int, start: int, stop: int) -> tuple[Layout, list[int]]:
    """The part `start` to `stop` of an axis of known size: the layout of the result, and the
    positions of its elements along the stored axis.

    The part keeps the inner layout if it is contiguous. Otherwise it has to be gathered anyway, and
    is gathered into the identity layout, which later layers can concatenate.
    """
    inner, size = layout.axis(axis).canonical(), int(layout.logical_shape[axis])
    if (start, stop) == (0, size):
        return layout, list(range(size))
    order = inner.apply(np.arange(size))
    positions = np.flatnonzero((start <= order) & (order < stop))
    contiguous = start < stop and positions[-1] - positions[0] == stop - start - 1
    for own in _layouts_of_part(inner, start, stop) if contiguous else ():
        if np.array_equal(own.apply(np.arange(stop - start)), order[positions] - start):
            return replaced(layout, axis, own), positions.tolist()
    identity = replaced(layout, axis, Layout.identity((stop - start,)))
    return identity, np.argsort(order)[start:stop].tolist()


def _layouts_of_part(inner: Layout, start: int, stop: int) -> list[Layout]:
    """The layouts that a part of a one-axis layout may have if its elements stay in order."""
    outer, *others = inner.axes[0]
    if isinstance(outer, Concatenated) and not others:
        borders = np.cumsum([0, *(part.logical_shape[0] for part in outer.parts)]).tolist()
        if start in borders and stop in borders:
            return [Layout.concatenated(outer.parts[borders.index(start) : borders.index(stop)])]
    rest = int(inner.logical_shape[0]) // outer if isinstance(outer, int) else 0
    if rest and start % rest == stop % rest == 0:
        return [Layout((((stop - start) // rest, *others),), inner.stored)]
    return []


def positions_of(layout: Layout, axis: int) -> list[int]:
    """For each index along an axis of known size, its position along the stored axis."""
    order = layout.axis(axis).apply(np.arange(int(layout.logical_shape[axis])))
    return [int(position) for position in np.argsort(order)]


def select(k: Recorder, x: Ref, axis: int, positions: Sequence[int], size: int | None) -> Ref:
    """The elements at these positions of a stored axis: a slice if they are equally spaced.

    PyTorch has no slices with a negative step, so these are flipped afterwards.
    """
    steps = {after - before for before, after in pairwise(positions)} or {1}
    if len(steps) > 1 or 0 in steps:
        return k.op("take", x, np.asarray(positions, np.int32), axis=axis)
    (step,) = steps
    if not positions:
        return sliced(k, x, axis, slice(0, 0), size)
    if step < 0:
        return k.op("flip", select(k, x, axis, positions[::-1], size), axis=axis)
    return sliced(k, x, axis, slice(positions[0], positions[-1] + 1, step), size)


def sliced(k: Recorder, x: Ref, axis: int, key: slice, size: int | None) -> Ref:
    """A slice along one stored axis; no call if it is the whole axis."""
    if size is not None and range(size)[key] == range(size):
        return x
    return k.op("get_item", x, (*[slice(None)] * axis, key))


def arange_like(k: Recorder, like: Ref, axis: int) -> Ref:
    """0, 1, 2, … along an axis, in the shape of a tensor, whose sizes may be unknown."""
    ones = k.op("ones_like", like, dtype="int32")
    return k.op("subtract", k.op("cumsum", ones, axis=axis), 1)


def nonzero(k: Recorder, x: Ref) -> Ref:
    """The flat indices of the elements of the physical array that are not 0.

    All backends agree on `nonzero` of one axis only, except that PyTorch adds an axis.
    """
    indices = k.ops("nonzero", k.op("reshape", x, newshape=(-1,)), outputs=1)[0]
    return k.op("reshape", indices, newshape=(-1,))


def index_of(k: Recorder, like: Ref, axis: int, flat_indices: Ref) -> Ref:
    """The index along one axis of each of these flat indices of a tensor."""
    return k.op("take", k.op("reshape", arange_like(k, like, axis), newshape=(-1,)), flat_indices)


def along(axis: int, rank: int, size: int = -1) -> tuple[int, ...]:
    """The shape of a vector along one of so many axes."""
    return tuple(size if index == axis else 1 for index in range(rank))


def counted(k: Recorder, number: Ref) -> Ref:
    """0, 1, 2, … up to below a whole number that the model computes.

    What of `keras.ops` gives as many elements as a number says is only the count of a number's
    occurrences, which has an element for every smaller number too.
    """
    counts = k.op("bincount", k.op("reshape", number, newshape=(1,)))
    return arange_like(k, k.op("get_item", counts, (slice(0, -1),)), 0)


def length_of(k: Recorder, x: Ref, layout: Layout, axis: int) -> Ref:
    """The length of an axis that has a stored axis of its own, counted at index 0 of all others."""
    stored_axis = layout.where(axis)
    key = tuple(slice(None) if i == stored_axis else 0 for i in range(len(layout.stored_shape)))
    return k.op("sum", k.op("ones_like", k.op("get_item", x, key), dtype="int32"))


def zeros_of_shape(k: Recorder, shape: Ref, layout: Layout) -> Ref:
    """Zeros in a shape that the model computes, of which some sizes are known; each axis of the
    layout has a stored axis of its own."""
    zeros: Ref | None = None
    for axis, size in enumerate(layout.logical_shape):
        vector = _zeros(k, shape, axis, size)
        vector = k.op("reshape", vector, newshape=along(layout.where(axis) or 0, layout.rank))
        zeros = vector if zeros is None else add_dynamic(k, zeros, vector)
    if zeros is None:
        raise ValueError("a shape without axes")
    return zeros


def _zeros(k: Recorder, shape: Ref, axis: int, size: Size) -> Ref:
    if isinstance(size, int):
        known = np.zeros(size, np.int64)
        return k.constant(Weight((size,), lambda: known, dtype=known.dtype))
    return k.op(
        "zeros_like", k.op("cast", counted(k, k.op("get_item", shape, (axis,))), dtype="int64")
    )
