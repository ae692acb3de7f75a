"""Operators that look at regions of a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bridge.errors import UnsupportedError
from bridge.layout import Layout
from bridge.raising.building.adding import add_dynamic
from bridge.raising.building.candidates import inner_layout
from bridge.raising.building.recorder import Recorder
from bridge.raising.building.selecting import arange_like, sliced
from bridge.raising.plan import Ref
from bridge.raising.table import Candidate, Node, Operand, Shape, raises


@raises("MaxRoiPool")
def max_roi_pool(
    node: Node,
    x: Operand,
    regions: Operand,
    *,
    pooled_shape: Sequence[int],
    spatial_scale: float = 1.0,
) -> Candidate:
    """x: n c h w, regions: r 5 (image, x and y of two corners)   ->   r c *pooled_shape

    The greatest of each bin of each region, whose corners are scaled and rounded; 0 for a bin
    without places.

    A bin may be of any size; but two windows of a power of 2, one at its start and one at its
    end, always cover its rows, and two its columns. So the maps of the greatest of such windows
    are made first, and in them four are looked up for each bin. Neither time nor memory depend on
    how large the regions are, and none is needed for each region and each place of the map.

    (onnx.ai/onnx/operators, MaxRoiPool; roi_pooling_layer.cpp of Fast R-CNN's Caffe)
    """
    channels, rows, columns = known_map(x)
    down, across = pooled_shape

    def build(k: Recorder, x: Ref, regions: Ref) -> Ref:
        image = k.op("cast", _columns(k, regions, 0, 1), dtype="int32")
        corners = _rounded(k, k.op("multiply", regions, spatial_scale))
        left, top, right, bottom = (_columns(k, corners, at, at + 1) for at in range(1, 5))
        of_rows = _Bins.of(k, top, bottom, down, rows)
        of_columns = _Bins.of(k, left, right, across, columns)
        every = _doubled(k, _doubled(k, x, 1, rows), 2, columns)
        every = k.op("reshape", every, newshape=(-1, channels))
        first_rows = k.op("multiply", image, _count_doubled(rows))
        return _greatest(k, every, first_rows, of_rows, of_columns, _count_doubled(columns))

    input_layout, output_layout = (
        image_layout(shape, inner_layout(x, 1)) for shape in (x.shape, node.shape)
    )
    return Candidate((input_layout, Layout.identity(regions.shape)), (output_layout,), build)


@raises("RoiAlign", since=16)
def roi_align(
    node: Node,
    x: Operand,
    regions: Operand,
    images: Operand,
    *,
    coordinate_transformation_mode: str = "half_pixel",
    mode: str = "avg",
    output_height: int = 1,
    output_width: int = 1,
    sampling_ratio: int = 0,
    spatial_scale: float = 1.0,
) -> Candidate:
    """x: n c h w, regions: r 4 (x and y of two corners), images: r   ->   r c *output

    The mean of points in each bin of each region, between the places of the map; as many along
    an axis as the sampling ratio says, or where that is 0 as many as the bin has places. What a
    place of the map counts for in a mean is a product of what its row and what its column counts
    for: so means are products of matrices.                   (onnx.ai/onnx/operators, RoiAlign)
    """
    _, rows, columns = known_map(x)
    if mode != "avg":
        raise UnsupportedError("another RoiAlign than that of means", received=mode)
    is_half = coordinate_transformation_mode == "half_pixel"

    def build(k: Recorder, x: Ref, regions: Ref, images: Ref) -> Ref:
        corners = k.op("multiply", regions, spatial_scale)
        corners = k.op("subtract", corners, 0.5) if is_half else corners
        left, top, right, bottom = (_columns(k, corners, at, at + 1) for at in range(4))
        points = _Points(sampling_ratio, is_half)
        of_rows = points.weights(k, top, bottom, output_height, rows)  # r down h
        of_columns = points.weights(k, left, right, output_width, columns)  # r across w
        of_rows = k.op("multiply", k.op("expand_dims", of_rows, axis=2), _is_image(k, x, images))
        in_rows = k.op("einsum", "rdnh,nhwc->rdwc", of_rows, x)
        return k.op("einsum", "rdwc,raw->rdac", in_rows, of_columns)

    input_layout, output_layout = (
        image_layout(shape, inner_layout(x, 1)) for shape in (x.shape, node.shape)
    )
    return Candidate(
        (input_layout, *(Layout.identity(each.shape) for each in (regions, images))),
        (output_layout,),
        build,
    )


def _is_image(k: Recorder, x: Ref, images: Ref) -> Ref:
    """x: n h w c, images: r   ->   r 1 n 1, 1 for the image that a region is of, else 0"""
    number = arange_like(k, k.op("get_item", x, (slice(None), 0, 0, 0)), 0)
    images = k.op("expand_dims", k.op("cast", images, dtype="int32"), axis=1)
    is_image = k.op("expand_dims", k.op("equal", images, number), axis=[1, 3])
    return k.op("cast", is_image, dtype="float32")


@raises("RoiAlign", since=10)
def roi_align_from_corners(
    node: Node, x: Operand, regions: Operand, images: Operand, **attributes: Any
) -> Candidate | Sequence[Candidate]:
    """The same, as it was before opset 16."""
    mode = {"coordinate_transformation_mode": "output_half_pixel"}
    return roi_align(node, x, regions, images, **mode, **attributes)


@dataclass(frozen=True)
class _Points:
    """Which points of a bin are looked at along an axis: `ratio` of them, or 0 for as many as the
    bin has places; and whether a region may be smaller than a place."""

    ratio: int
    is_half: bool

    def weights(self, k: Recorder, low: Ref, high: Ref, count: int, size: int) -> Ref:
        """low, high: r 1   ->   r count size, what each place counts for in the mean of each bin

        A point counts for the two places that it lies between; outside the map it counts for
        none, but up to 1 before its first place and behind its last one for that.
        """
        side = k.op("subtract", high, low)
        side = side if self.is_half else k.op("maximum", side, 1.0)
        bin_ = k.op("divide", side, _hidden(k, count, side))
        number = _hidden(k, self.ratio, side) if self.ratio else k.op("ceil", bin_)
        start = add_dynamic(k, k.op("multiply", bin_, np.arange(count, dtype=np.float32)), low)
        start, bin_, number = (k.op("expand_dims", each, axis=2) for each in (start, bin_, number))
        often = k.op("maximum", number, 1.0)
        index = self._indices(k, start, k.op("divide", bin_, often), size)
        away = k.op("divide", k.op("multiply", k.op("add", index, 0.5), bin_), often)
        point = add_dynamic(k, away, start)  # r count t
        is_on = k.op(
            "logical_and", k.op("greater_equal", point, -1.0), k.op("less_equal", point, size)
        )
        is_on = k.op("logical_and", k.op("less", index, number), is_on)
        point = k.op("expand_dims", k.op("clip", point, 0.0, float(size - 1)), axis=3)
        distance = k.op("absolute", k.op("subtract", point, np.arange(size, dtype=np.float32)))
        share = k.op("maximum", k.op("subtract", 1.0, distance), 0.0)
        share = k.op("where", k.op("expand_dims", is_on, axis=3), share, 0.0)
        return k.op("divide", k.op("sum", share, axis=2), often)

    def _indices(self, k: Recorder, start: Ref, step: Ref, size: int) -> Ref:
        """start: r count 1, step: r 1 1   ->   r count t, the numbers of points that may be on
        the map; of as many as there are places, two are more than half a place apart."""
        if self.ratio:
            return k.op(
                "subtract", k.op("zeros_like", start), -np.arange(self.ratio, dtype=np.float32)
            )
        before = k.op("floor", k.op("divide", k.op("subtract", -1.0, start), step))
        first = k.op("maximum", k.op("subtract", before, 1.0), 0.0)
        return k.op("subtract", first, -np.arange(2 * size + 6, dtype=np.float32))


def known_map(x: Operand) -> tuple[int, int, int]:
    """Channels, rows and columns of a map. Raises UnsupportedError where they are not known."""
    _, channels, rows, columns = x.shape
    if not (isinstance(channels, int) and isinstance(rows, int) and isinstance(columns, int)):
        raise UnsupportedError("places in a map of unknown size", received=x.shape)
    return channels, rows, columns


def image_layout(shape: Shape, channels: Layout) -> Layout:
    """n c h w -> n h w c, with channels in their own inner order"""
    plain = [Layout.identity((size,)) for size in shape]
    return Layout.product([plain[0], channels, *plain[2:]], (0, *range(2, len(shape)), 1))


def _columns(k: Recorder, x: Ref, start: int, stop: int) -> Ref:
    return sliced(k, x, 1, slice(start, stop), None)


def _rounded(k: Recorder, x: Ref) -> Ref:
    """To whole numbers, halves away from 0 as C's round() does it.

    The rest is exact, while |x| + 0.5 might itself be rounded up.
    """
    size = k.op("absolute", x)
    down = k.op("floor", size)
    rest = k.op("subtract", size, down)
    up = k.op("cast", k.op("greater_equal", rest, 0.5), dtype="float32")
    return k.op("multiply", k.op("sign", x), add_dynamic(k, down, up))


@dataclass(frozen=True)
class _Bins:
    """The bins of each region along one axis of a map, as two windows of a power of 2 each.

    first, last: r bins, the places of the windows at the start and at the end of a bin, in the
    maps of all windows one behind the other (`_doubled`); is_full: whether it has any places.
    """

    first: Ref
    last: Ref
    is_full: Ref

    @classmethod
    def of(cls, k: Recorder, low: Ref, high: Ref, count: int, size: int) -> _Bins:
        """low, high: r 1; from ⌊low + i·bin⌋ on, before ⌈low + (i + 1)·bin⌉, cut to the map"""
        side = k.op("maximum", k.op("add", k.op("subtract", high, low), 1.0), 1.0)
        bin_ = k.op("divide", side, _hidden(k, count, side))
        number = np.arange(count, dtype=np.float32)
        first = add_dynamic(k, k.op("floor", k.op("multiply", bin_, number)), low)
        behind = add_dynamic(k, k.op("ceil", k.op("multiply", bin_, number + 1)), low)
        first, behind = (_on_map(k, each, size) for each in (first, behind))
        length = k.op("subtract", behind, first)
        # Of each level the width of its windows, and where its map begins among all maps.
        widths = 2 ** np.arange(size.bit_length(), dtype=np.int32)
        starts = np.cumsum([0, *(size - widths[:-1] + 1)], dtype=np.int32)
        fits = k.op("greater_equal", k.op("expand_dims", length, axis=-1), widths)
        level = k.op("subtract", k.op("sum", k.op("cast", fits, dtype="int32"), axis=-1), 1)
        level = k.op("maximum", level, 0)
        last = k.op("subtract", behind, k.op("take", widths, level))
        start = k.op("take", starts, level)
        first, last = (
            add_dynamic(k, k.op("clip", each, 0, size - 1), start) for each in (first, last)
        )
        return cls(first, last, k.op("greater", length, 0))


def _hidden(k: Recorder, number: float, like: Ref) -> Ref:
    """A number that no compiler takes for a constant: TensorFlow's graphs and XLA would multiply
    by its reciprocal for dividing by it, and that is not always rounded to the same."""
    return k.op("minimum", k.op("maximum", like, float(number)), float(number))


def _on_map(k: Recorder, x: Ref, size: int) -> Ref:
    """Places on a map; what is no number is at its start, so that its bins are empty."""
    return k.op("cast", k.op("clip", k.op("nan_to_num", x), 0.0, float(size)), dtype="int32")


def _doubled(k: Recorder, x: Ref, axis: int, size: int) -> Ref:
    """Along an axis, the greatest of each 1, 2, 4, ... places that follow each other."""
    maps, width = [x], 1
    while 2 * width <= size:
        one = sliced(k, maps[-1], axis, slice(0, size - 2 * width + 1), None)
        other = sliced(k, maps[-1], axis, slice(width, None), None)
        maps.append(k.op("maximum", one, other))
        width *= 2
    return k.op("concatenate", maps, axis=axis) if len(maps) > 1 else x


def _count_doubled(size: int) -> int:
    """How many windows `_doubled` has along an axis."""
    return sum(size - 2**level + 1 for level in range(size.bit_length()))


def _greatest(
    k: Recorder, every: Ref, first_rows: Ref, rows: _Bins, columns: _Bins, width: int
) -> Ref:
    """every: (rows columns) c, first_rows: r 1   ->   r down across c

    Each the greatest of four of `every`, whose rows have a `width`; 0 where a bin is not full.
    """
    starts = [
        k.op("expand_dims", k.op("multiply", add_dynamic(k, each, first_rows), width), axis=2)
        for each in (rows.first, rows.last)
    ]
    across = [k.op("expand_dims", each, axis=1) for each in (columns.first, columns.last)]
    # One by one: Keras finds no maximum along an axis where there are no regions.
    found = [
        k.op("take", every, add_dynamic(k, start, place), axis=0)
        for start in starts
        for place in across
    ]
    best = k.op("maximum", k.op("maximum", *found[:2]), k.op("maximum", *found[2:]))
    is_full = k.op(
        "logical_and",
        k.op("expand_dims", rows.is_full, axis=[2, 3]),
        k.op("expand_dims", columns.is_full, axis=[1, 3]),
    )
    return k.op("where", is_full, best, 0.0)
