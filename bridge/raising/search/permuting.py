"""Rearranging a tensor from one layout to another, in Keras."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from bridge.errors import UnsupportedError
from bridge.layout import Concatenated, Layout, Moves, moves
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref, Size
from bridge.raising.table import Shape


def rearrange(recorder: Recorder, x: Ref, source: Layout, target: Layout) -> Ref:
    """Records the calls that turn the physical array in layout `source` into that in `target`.

    At most one Reshape, Permute, Reshape, if that is enough. Otherwise Concatenated atoms are
    gathered to and from identity order by themselves, and layouts without common atoms are
    rearranged by way of the identity layout.
    """
    if source.logical_shape != target.logical_shape:
        raise UnsupportedError(
            "the graph calls one free size by several names",
            expected=" ".join(map(str, target.logical_shape)),
            received=" ".join(map(str, source.logical_shape)),
            hint="fix the sizes of the inputs",
        )
    steps = moves(source, target)
    if steps is not None:
        return _move(recorder, x, source.stored_shape, steps)
    if _has_concatenated(source):
        separated = _separated(source)
        x = _reshape_if_needed(recorder, x, source.stored_shape, separated.stored_shape)
        for axis, order in _gather_orders(separated).items():
            x = recorder.op("take", x, np.argsort(order), axis=axis)
        return rearrange(recorder, x, _in_identity_order(separated), target)
    if _has_concatenated(target):
        separated = _separated(target)
        x = rearrange(recorder, x, source, _in_identity_order(separated))
        for axis, order in _gather_orders(separated).items():
            x = recorder.op("take", x, order, axis=axis)
        return _reshape_if_needed(recorder, x, separated.stored_shape, target.stored_shape)
    identity = Layout.identity(source.logical_shape)
    if identity in (source, target):
        raise UnsupportedError(f"no single transpose from {source} to {target}")
    x = rearrange(recorder, x, source, identity)
    return rearrange(recorder, x, identity, target)


def _move(recorder: Recorder, x: Ref, shape: Shape, steps: Moves) -> Ref:
    if steps.before is not None:
        x, shape = reshape(recorder, x, shape, steps.before), steps.before
    if steps.order is not None:
        x = permute(recorder, x, steps.order)
        shape = tuple(shape[axis] for axis in steps.order)
    return x if steps.after is None else reshape(recorder, x, shape, steps.after)


def _has_concatenated(layout: Layout) -> bool:
    return any(isinstance(atom, Concatenated) for atom in layout.atoms)


def _separated(layout: Layout) -> Layout:
    """The same order of elements, with each Concatenated on a stored axis of its own."""
    stored: list[tuple[int, ...]] = []
    for group in layout.stored:
        runs = groupby(group, lambda i: i if isinstance(layout.atoms[i], Concatenated) else None)
        stored += [tuple(run) for _, run in runs] or [()]
    return Layout(layout.axes, tuple(stored))


def _in_identity_order(layout: Layout) -> Layout:
    """The same layout, with each Concatenated in identity order."""
    axes = tuple(
        tuple(atom.size if isinstance(atom, Concatenated) else atom for atom in axis)
        for axis in layout.axes
    )
    return Layout(axes, layout.stored)


def _gather_orders(separated: Layout) -> dict[int, NDArray[np.intp]]:
    """For each stored axis that is a Concatenated, its elements in storage order."""
    return {
        axis: atom.order
        for axis, group in enumerate(separated.stored)
        for atom in (separated.atoms[index] for index in group)
        if isinstance(atom, Concatenated)
    }


def permute(recorder: Recorder, x: Ref, order: Sequence[int]) -> Ref:
    """A Keras Permute, or `ops.transpose` if the batch axis moves too."""
    if order[0] == 0:
        return recorder.layer("Permute", x, dims=tuple(order[1:]))
    return recorder.op("transpose", x, axes=tuple(order))


def _reshape_if_needed(recorder: Recorder, x: Ref, source: Shape, target: Shape) -> Ref:
    return x if source == target else reshape(recorder, x, source, target)


def reshape(recorder: Recorder, x: Ref, source: Shape, target: Shape) -> Ref:
    """A Keras Flatten or Reshape, or `ops.reshape` if the batch axis changes too.

    Where only axes of size 1 come or go, several sizes may be unknown.
    """
    if _several_unknown(target) and _without_ones(source) == _without_ones(target):
        for name, shape in (("squeeze", source), ("expand_dims", target)):
            ones = tuple(axis for axis, size in enumerate(shape) if size == 1)
            x = recorder.op(name, x, axis=ones) if ones else x
        return x
    if not target or not source or source[0] != target[0]:
        return recorder.op("reshape", x, newshape=_keras_shape(target))
    if len(target) == 2 and len(source) > 2 and 0 not in source:
        return recorder.layer("Flatten", x)
    return recorder.layer("Reshape", x, target_shape=_keras_shape(target[1:]))


def _several_unknown(shape: Shape) -> bool:
    return sum(isinstance(size, str) for size in shape) > 1


def _without_ones(shape: Shape) -> list[Size]:
    return [size for size in shape if size != 1]


def _keras_shape(shape: Shape) -> tuple[int, ...]:
    """A shape with -1 for an unknown size. Raises UnsupportedError if there are several."""
    symbols = [size for size in shape if isinstance(size, str)]
    if len(symbols) > (0 not in shape):  # an unknown size is inferred from the number of elements
        raise UnsupportedError(
            "a reshape with more than one unknown size, or to no elements",
            received=" ".join(map(str, shape)),
            hint="fix the sizes of the inputs",
        )
    return tuple(-1 if isinstance(size, str) else size for size in shape)
