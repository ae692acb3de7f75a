"""Taking elements of one logical axis out of a stored tensor, in whatever order it lies there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from bridge.layout import Concatenated, Layout
from bridge.raising.building.candidates import replaced
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref


def can_select(layout: Layout, axis: int) -> bool:
    """Whether elements along an axis can be taken out of the store as it is: the axis lies whole,
    and if its size is free, in its plain order."""
    if layout.where(axis) is None:
        return False
    return isinstance(layout.logical_shape[axis], int) or layout.axis(axis).is_identity


def part(layout: Layout, axis: int, start: int, stop: int) -> tuple[Layout, list[int]]:
    """Of an axis of known size, `start` to `stop`: how that part is stored, and at which places
    of the store its elements lie.

    The part keeps the inner order where it lies in one piece. Out of several pieces it has to be
    gathered anyway, and is then gathered into its plain order, which later layers can join.
    """
    inner, size = layout.axis(axis).canonical(), int(layout.logical_shape[axis])
    if (start, stop) == (0, size):
        return layout, list(range(size))
    order = inner.apply(np.arange(size))
    kept = np.flatnonzero((start <= order) & (order < stop))
    in_one_piece = kept[-1] - kept[0] == stop - start - 1
    for own in _like(inner, start, stop) if in_one_piece else ():
        if np.array_equal(own.apply(np.arange(stop - start)), order[kept] - start):
            return replaced(layout, axis, own), kept.tolist()
    plain = replaced(layout, axis, Layout.identity((stop - start,)))
    return plain, np.argsort(order)[start:stop].tolist()


def _like(inner: Layout, start: int, stop: int) -> list[Layout]:
    """Layouts that a part of a one-axis layout may have, if it keeps its inner order."""
    outer, *others = inner.axes[0]
    if isinstance(outer, Concatenated) and not others:
        ends = np.cumsum([0, *(each.logical_shape[0] for each in outer.parts)]).tolist()
        if start in ends and stop in ends:
            return [Layout.concatenated(outer.parts[ends.index(start) : ends.index(stop)])]
    rest = int(inner.logical_shape[0]) // outer if isinstance(outer, int) else 0
    if rest and start % rest == stop % rest == 0:
        return [Layout((((stop - start) // rest, *others),), inner.stored)]
    return []


def places_of(layout: Layout, axis: int) -> list[int]:
    """For each index along an axis of known size, its place along the stored axis."""
    order = layout.axis(axis).apply(np.arange(int(layout.logical_shape[axis])))
    return [int(place) for place in np.argsort(order)]


def select(k: Recorder, x: Ref, axis: int, places: Sequence[int], size: int | None) -> Ref:
    """What lies at these places of a stored axis: a slice where they have equal distances.

    Torch has no slices with a negative step, so these are turned round afterwards.
    """
    steps = {after - before for before, after in pairwise(places)} or {1}
    if len(steps) > 1 or 0 in steps:
        return k.op("take", x, np.asarray(places, np.int32), axis=axis)
    (step,) = steps
    if step < 0:
        return k.op("flip", select(k, x, axis, places[::-1], size), axis=axis)
    return sliced(k, x, axis, slice(places[0], places[-1] + 1, step), size)


def sliced(k: Recorder, x: Ref, axis: int, key: slice, size: int | None) -> Ref:
    """A slice along one stored axis; nothing where it is all of it."""
    if size is not None and range(size)[key] == range(size):
        return x
    return k.op("get_item", x, (*[slice(None)] * axis, key))


def counted(k: Recorder, like: Ref, axis: int) -> Ref:
    """0, 1, 2, … along an axis, in the shape of a tensor, whose sizes may be free"""
    ones = k.op("ones_like", like, dtype="int32")
    return k.op("subtract", k.op("cumsum", ones, axis=axis), 1)


def nonzero(k: Recorder, x: Ref) -> Ref:
    """Where a tensor is not 0, as places of the whole, gone through in the order of its store.

    Only of one axis is that the same on all backends, but for an axis that PyTorch adds.
    """
    places = k.ops("nonzero", k.op("reshape", x, newshape=(-1,)), outputs=1)[0]
    return k.op("reshape", places, newshape=(-1,))


def index_of(k: Recorder, like: Ref, axis: int, places: Ref) -> Ref:
    """Along an axis, the index of each of these places of a whole tensor."""
    return k.op("take", k.op("reshape", counted(k, like, axis), newshape=(-1,)), places)
