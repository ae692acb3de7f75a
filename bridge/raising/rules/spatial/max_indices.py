"""Maxima with their indices, and what puts values back to such indices."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

from bridge.errors import UnsupportedError
from bridge.layout import Layout
from bridge.raising.building.candidates import resized
from bridge.raising.building.padding import Window, constant_padding
from bridge.raising.building.recorder import Recorder
from bridge.raising.building.selecting import arange_like, length_of
from bridge.raising.plan import Ref, Size
from bridge.raising.rules.spatial.sliding import LOWEST, every_window, pooled, pooling, slid
from bridge.raising.table import Candidate, Node, Operand, raises


def max_with_indices(node: Node, x: Operand, window: Window, column_major: bool) -> Candidate:
    """x: n c *s -> its maxima, and the index of each in the flattened x; `column_major` with the
    spatial axes in the opposite order"""
    input_layout = Layout.ordered(x.shape, (0, *range(2, x.rank), 1))
    spatial = range(1, x.rank - 1)
    axes = (x.rank - 1, *(reversed(spatial) if column_major else spatial))

    def build(k: Recorder, x: Ref) -> tuple[Ref, Ref]:
        indices, values = flat_indices(k, x, input_layout, axes), x
        if window.is_padded:
            values = constant_padding(k, x, window, LOWEST)
            indices = constant_padding(k, indices, window, -1)
        if max(window.dilations) > 1:
            best = slid(k, values, window, "maximum")
        else:
            best = pooled(k, "Max", values, window, "valid")
        index = _index_of_maximum(k, values, indices, best, window)
        return best, k.op("cast", index, dtype="int64")

    output_layout = resized(input_layout, node.shape, range(2, x.rank))
    return Candidate((input_layout,), (output_layout, output_layout), build)


def _index_of_maximum(k: Recorder, values: Ref, indices: Ref, best: Ref, window: Window) -> Ref:
    """The index of each window's maximum; the first if several are equal.

    Goes through the positions of a window from the last to the first, so that an earlier one with
    the maximum overwrites the later ones.
    """
    result = k.op("zeros_like", best, dtype="int32")
    for offsets in reversed(list(product(*map(range, window.kernel)))):
        key = every_window(offsets, window)
        is_best = k.op("equal", k.op("get_item", values, key), best)
        result = k.op("where", is_best, k.op("get_item", indices, key), result)
    return result


def flat_indices(k: Recorder, x: Ref, layout: Layout, axes: Sequence[int]) -> Ref:
    """x: n *s c, `axes` those of c and s   ->   n *s c, the index of each element of x, flattened
    in the order of n and these stored axes"""
    index = arange_like(k, x, 0)
    for axis in axes:
        size: Size | Ref = layout.stored_shape[axis]
        if isinstance(size, str):
            logical_axis = next(a for a in range(layout.rank) if layout.where(a) == axis)
            size = length_of(k, x, layout, logical_axis)
        index = k.op("add", k.op("multiply", index, size), arange_like(k, x, axis))
    return index


@raises("MaxUnpool", since=9)
def max_unpool(
    node: Node,
    x: Operand,
    indices: Operand,
    output_shape: Operand | None = None,
    *,
    kernel_shape: Sequence[int],
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Candidate:
    """x, indices: n c *s -> n c *t, zeros with x at these indices of the flattened result

    (onnx.ai/onnx/operators, MaxUnpool)
    """
    window = pooling(x, kernel_shape, strides, None, pads, "NOTSET", 0)
    sides = zip(
        window.sizes, window.kernel, window.strides, window.begins, window.ends, strict=True
    )
    channels, sizes = x.shape[1], node.shape[2:]
    if not all(isinstance(size, int) for size in (*x.shape[1:], *sizes)):
        raise UnsupportedError(
            "maxima put back to an axis of unknown size", hint="fix the sizes of the inputs"
        )
    inferred = [(int(n) - 1) * s + width - b - e for n, width, s, b, e in sides]
    if inferred != [*sizes]:
        raise UnsupportedError(
            "another output_shape than the windows give: runtimes disagree what indices mean",
            expected=inferred,
            received=sizes,
        )
    total = prod(map(int, sizes))

    def build(k: Recorder, x: Ref, indices: Ref) -> Ref:
        """An index among n c *t becomes one among n *t c."""
        indices = k.op("cast", indices, dtype="int32")
        position, image = k.op("mod", indices, total), k.op("floor_divide", indices, total)
        channel, image = k.op("mod", image, channels), k.op("floor_divide", image, channels)
        image = k.op("multiply", image, total * int(channels))
        rows = k.op("add", k.op("add", image, k.op("multiply", position, channels)), channel)
        one = k.op("get_item", x, (slice(None), *[slice(0, 1)] * window.rank))
        zeros = k.op("tile", k.op("zeros_like", one), repeats=(1, *sizes, 1))
        flat, rows, updates = (
            k.op("reshape", tensor, newshape=shape)
            for tensor, shape in ((zeros, (-1,)), (rows, (-1, 1)), (x, (-1,)))
        )
        result = k.op("scatter_update", flat, rows, updates)
        return k.op("reshape", result, newshape=(-1, *sizes, channels))

    input_layout = Layout.ordered(x.shape, (0, *range(2, x.rank), 1))
    output_layout = resized(input_layout, node.shape, range(2, x.rank))
    constants = (None,) * (output_shape is not None)
    return Candidate((input_layout, input_layout, *constants), (output_layout,), build)
