"""Padding and cropping the ends of axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bridge.errors import UnsupportedError
from bridge.layout import Layout
from bridge.raising.building.candidates import resized, with_identity_axes
from bridge.raising.building.padding import zeros_around
from bridge.raising.building.recorder import Recorder
from bridge.raising.building.selecting import sliced
from bridge.raising.plan import Ref, Size
from bridge.raising.table import Candidate, Node, Operand, lookup, raises

Ends = tuple[int, int]  # how many elements an axis gets at its start and at its end

_MODES = {mode: mode for mode in ("constant", "edge", "reflect", "wrap")}


@raises("Pad", since=11)
def pad(
    node: Node,
    x: Operand,
    pads: Operand,
    value: Operand | None = None,
    axes: Operand | None = None,
    *,
    mode: str = "constant",
) -> Candidate:
    """Pads both ends of axes; negative pads crop them              (onnx.ai/onnx/operators, Pad)"""
    widths = [int(width) for width in pads.array()]
    logical = range(x.rank) if axes is None else [int(axis) % x.rank for axis in axes.array()]
    half, mode = len(widths) // 2, lookup(_MODES, mode, "mode")
    pairs = zip(widths[:half], widths[half:], strict=True)
    ends = {axis: pair for axis, pair in zip(logical, pairs, strict=True) if any(pair)}
    if value is not None and not value.is_constant:
        return _padded_with_tensor(node, x, ends, value, axes is not None)
    number = 0 if value is None or mode != "constant" else value.array().item()
    constants = (None,) * (1 + (value is not None) + (axes is not None))
    return padded(node, x, ends, mode, number, constants)


def padded(
    node: Node,
    x: Operand,
    ends: Mapping[int, Ends],
    mode: str,
    value: float,
    constants: Sequence[None],
) -> Candidate:
    """x with these ends, in any layout in which each of the axes has a stored axis of its own."""
    input_layout = with_identity_axes(x, [*ends])
    stored = _stored(input_layout, ends)
    return Candidate(
        (input_layout, *constants),
        (resized(input_layout, node.shape, [*ends]),),
        lambda k, x: _with_ends(k, x, stored, mode, value, input_layout.stored_shape),
    )


def _stored(layout: Layout, ends: Mapping[int, Ends]) -> list[Ends]:
    """The ends of each stored axis."""
    stored: list[Ends] = [(0, 0)] * len(layout.stored_shape)
    for axis, pair in ends.items():
        stored[layout.where(axis) or 0] = pair
    return stored


def _padded_with_tensor(
    node: Node, x: Operand, ends: Mapping[int, Ends], value: Operand, has_axes: bool
) -> Candidate:
    """With a number that the model computes, where a padded mask says so."""
    input_layout = with_identity_axes(x, [*ends])
    stored, shape = _stored(input_layout, ends), input_layout.stored_shape

    def build(k: Recorder, x: Ref, value: Ref) -> Ref:
        inside = k.op("ones_like", x, dtype="bool")
        x, inside = (
            _with_ends(k, tensor, stored, "constant", number, shape)
            for tensor, number in ((x, 0), (inside, False))
        )
        return k.op("where", inside, x, k.op("reshape", value, newshape=(1,) * len(shape)))

    layouts = (input_layout, None, Layout.identity(value.shape), None)[: 3 + has_axes]
    return Candidate(layouts, (resized(input_layout, node.shape, [*ends]),), build)


def _with_ends(
    k: Recorder, x: Ref, ends: Sequence[Ends], mode: str, value: float, shape: Sequence[Size]
) -> Ref:
    """Crops, and then pads what is left."""
    sizes = [*shape]
    for axis, (begin, end) in enumerate(ends):
        if min(begin, end) < 0:
            size = sizes[axis]
            start, stop = max(-begin, 0), min(end, 0) or None
            x = sliced(k, x, axis, slice(start, stop), None)
            sizes[axis] = size if isinstance(size, str) else len(range(size)[start:stop])
    pairs = [(max(begin, 0), max(end, 0)) for begin, end in ends]
    if not any(map(any, pairs)):
        return x
    if mode == "constant":
        if value == 0 and not isinstance(value, bool) and _has_a_layer(pairs):
            return zeros_around(k, x, pairs[1:-1])
        return k.op("pad", x, pad_width=pairs, mode=mode, constant_values=value)
    if mode == "edge":
        return _edge_padded(k, x, pairs)
    return _repeating(k, x, pairs, mode, sizes)


def _has_a_layer(pairs: Sequence[Ends]) -> bool:
    """Whether Keras has a padding layer for these stored axes: not the first or the last."""
    return 3 <= len(pairs) <= 5 and not any(pairs[0] + pairs[-1])


def _edge_padded(k: Recorder, x: Ref, pairs: Sequence[Ends]) -> Ref:
    """Repeats the first and the last index of each stored axis so many times."""
    for axis, (begin, end) in enumerate(pairs):
        if begin + end:
            edges = (slice(0, 1), slice(-1, None))
            first, last = (sliced(k, x, axis, edge, None) for edge in edges)
            x = k.layer("Concatenate", [*[first] * begin, x, *[last] * end], axis=axis)
    return x


def _repeating(k: Recorder, x: Ref, pairs: Sequence[Ends], mode: str, sizes: Sequence[Size]) -> Ref:
    """Reflected at the ends, or going round: `ops.pad` reflects less than a whole axis; otherwise
    the elements are taken one by one."""
    fits = all(
        isinstance(size, str) or max(pair) < size for pair, size in zip(pairs, sizes, strict=True)
    )
    if mode == "reflect" and fits:
        return k.op("pad", x, pad_width=pairs, mode=mode)
    for axis, (pair, size) in enumerate(zip(pairs, sizes, strict=True)):
        if not any(pair):
            continue
        if isinstance(size, str):
            raise UnsupportedError(f"Pad of mode {mode} along an axis of unknown size")
        elements = np.arange(size, dtype=np.int32)
        indices = np.pad(elements, pair, mode="wrap" if mode == "wrap" else "reflect")
        x = k.op("take", x, indices, axis=axis)
    return x


@raises("CenterCropPad", since=18)
def center_crop_pad(
    node: Node, x: Operand, shape: Operand, *, axes: Sequence[int] | None = None
) -> Candidate:
    """x cropped, or padded with zeros, around its centre to a size along each of the axes

    (onnx.ai/onnx/operators, CenterCropPad)
    """
    ends: dict[int, Ends] = {}
    named = range(x.rank) if axes is None else [axis % x.rank for axis in axes]
    for axis, new_size in zip(named, shape.array().tolist(), strict=True):
        size = x.shape[axis]
        if not isinstance(size, int):
            raise UnsupportedError("the centre of an axis of unknown size", received=x.shape)
        begin = int((new_size - size) / 2)
        if new_size != size:
            ends[axis] = (begin, new_size - size - begin)
    return padded(node, x, ends, "constant", 0, [None])
