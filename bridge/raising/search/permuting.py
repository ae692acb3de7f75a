"""How a stored tensor is brought to another order in Keras."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from bridge.errors import UnsupportedError
from bridge.layout import Concatenated, Layout, moves
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref
from bridge.raising.table import Shape


def rearrange(recorder: Recorder, x: Ref, have: Layout, want: Layout) -> Ref:
    """Records what turns the store `have` of a tensor into the store `want`.

    One Reshape, Permute, Reshape at most, where that can do it. A joined axis is first gathered
    into its plain order; where the atoms of the two do not fit, the way leads over ONNX's order.
    """
    if have.logical_shape != want.logical_shape:
        raise UnsupportedError(
            "the graph calls one free size by several names",
            expected=" ".join(map(str, want.logical_shape)),
            received=" ".join(map(str, have.logical_shape)),
            hint="fix the sizes of the inputs",
        )
    x, have = _unjoined(recorder, x, have)
    joined = concatenated_last(want)
    target = without_concatenated(joined)
    if moves(have, target) is None:
        plain = Layout.identity(have.logical_shape)
        x, have = _transposed(recorder, x, have, plain), plain
    x = _transposed(recorder, x, have, target)
    for axis, order in concatenated_orders(joined).items():
        x = recorder.op("take", x, order, axis=axis)
    return _regrouped(recorder, x, joined, want)


def _unjoined(recorder: Recorder, x: Ref, have: Layout) -> tuple[Ref, Layout]:
    joined = concatenated_last(have)
    x = _regrouped(recorder, x, have, joined)
    for axis, order in concatenated_orders(joined).items():
        x = recorder.op("take", x, np.argsort(order), axis=axis)
    return x, without_concatenated(joined)


def _regrouped(recorder: Recorder, x: Ref, have: Layout, want: Layout) -> Ref:
    if have.stored_shape == want.stored_shape:
        return x
    return reshape(recorder, x, have.stored_shape, want.stored_shape)


def concatenated_last(layout: Layout) -> Layout:
    """The same order of elements, each joined atom on a stored axis of its own."""
    stored: list[tuple[int, ...]] = []
    for group in layout.stored:
        runs = groupby(group, lambda i: i if isinstance(layout.atoms[i], Concatenated) else None)
        stored += [tuple(run) for _, run in runs] or [()]
    return Layout(layout.axes, tuple(stored))


def without_concatenated(layout: Layout) -> Layout:
    """The same layout, every joined atom in its plain order."""
    axes = tuple(
        tuple(atom.size if isinstance(atom, Concatenated) else atom for atom in axis)
        for axis in layout.axes
    )
    return Layout(axes, layout.stored)


def concatenated_orders(layout: Layout) -> dict[int, NDArray[np.intp]]:
    """For each stored axis that is a joined atom, which element of its plain order lies where."""
    return {
        axis: atom.order
        for axis, group in enumerate(layout.stored)
        for atom in (layout.atoms[each] for each in group)
        if isinstance(atom, Concatenated)
    }


def _transposed(recorder: Recorder, x: Ref, have: Layout, want: Layout) -> Ref:
    plan, shape = moves(have, want), have.stored_shape
    if plan is None:
        raise UnsupportedError(f"no single transpose from {have} to {want}")
    if plan.before is not None:
        x, shape = reshape(recorder, x, shape, plan.before), plan.before
    if plan.order is not None:
        x = permute(recorder, x, plan.order)
        shape = tuple(shape[axis] for axis in plan.order)
    if plan.after is not None:
        x = reshape(recorder, x, shape, plan.after)
    return x


def permute(recorder: Recorder, x: Ref, order: Sequence[int]) -> Ref:
    """A Keras Permute, or `ops.transpose` where the batch axis moves too."""
    if order[0] == 0:
        return recorder.layer("Permute", x, dims=tuple(order[1:]))
    return recorder.op("transpose", x, axes=tuple(order))


def reshape(recorder: Recorder, x: Ref, have: Shape, want: Shape) -> Ref:
    """A Keras Flatten or Reshape, or `ops.reshape` where the batch axis changes too."""
    if not want or not have or have[0] != want[0]:
        return recorder.op("reshape", x, newshape=unknown_as_rest(want))
    if len(want) == 2 and len(have) > 2:
        return recorder.layer("Flatten", x)
    return recorder.layer("Reshape", x, target_shape=unknown_as_rest(want[1:]))


def unknown_as_rest(shape: Shape) -> tuple[int, ...]:
    """Keras's spelling of a shape, where one dim may be -1, the rest."""
    symbols = [dim for dim in shape if isinstance(dim, str)]
    if len(symbols) > 1:
        raise UnsupportedError(
            "a reshape with more than one unknown size",
            received=" ".join(map(str, shape)),
            hint="fix the sizes of the inputs",
        )
    return tuple(-1 if isinstance(dim, str) else dim for dim in shape)
