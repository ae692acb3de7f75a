"""Operators on regions of interest of a feature map."""

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
from bridge.raising.table import Candidate, Node, Operand, Shape, lookup, raises


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

    The maximum of each bin of each region, whose corners are scaled and rounded; 0 for an empty
    bin.

    A bin may be of any size, but two windows of a power of 2, one at its start and one at its end,
    always cover its rows, and two its columns. So the maxima of all such windows are computed
    first, and four of them are looked up for each bin (a sparse table). Neither time nor memory
    depends on the size of the regions, nor on the product of their number and the map's size.

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
        maxima = _window_maxima(k, _window_maxima(k, x, 1, rows), 2, columns)
        maxima = k.op("reshape", maxima, newshape=(-1, channels))
        first_rows = k.op("multiply", image, _count_windows(rows))
        return _bin_maxima(k, maxima, first_rows, of_rows, of_columns, _count_windows(columns))

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

    The mean of interpolated points in each bin of each region. The sampling ratio is their number
    along an axis, or 0 for as many as the bin has pixels. The weight of a pixel in a mean is the
    product of its row's and its column's weight, so the means are products of matrices. The mode
    max is, of all points, the greatest product of a pixel and its weight.
    (onnx.ai/onnx/operators, RoiAlign; onnxruntime/core/providers/cpu/object_detection/roialign.cc)
    """
    channels, rows, columns = known_map(x)
    greatest = lookup({"avg": False, "max": True}, mode, "mode")
    if greatest and not sampling_ratio:
        raise UnsupportedError(
            "a RoiAlign of mode max over as many points as the bins have pixels",
            hint="export with a sampling_ratio above 0",
        )
    is_half = coordinate_transformation_mode == "half_pixel"

    def build(k: Recorder, x: Ref, regions: Ref, images: Ref) -> Ref:
        corners = k.op("multiply", regions, spatial_scale)
        corners = k.op("subtract", corners, 0.5) if is_half else corners
        left, top, right, bottom = (_columns(k, corners, at, at + 1) for at in range(4))
        points = _Points(sampling_ratio, is_half)
        weights = points.of_corners if greatest else points.weights
        of_rows = weights(k, top, bottom, output_height, rows)  # r down h
        of_columns = weights(k, left, right, output_width, columns)  # r across w
        of_rows = k.op("multiply", k.op("expand_dims", of_rows, axis=2), _is_image(k, x, images))
        in_rows = k.op("einsum", "rdnh,nhwc->rdwc", of_rows, x)
        result = k.op("einsum", "rdwc,raw->rdac", in_rows, of_columns)
        if not greatest:
            return result
        corners_of_bin = 2 * sampling_ratio
        shape = (-1, output_height, corners_of_bin, output_width, corners_of_bin, channels)
        return k.op("max", k.op("reshape", result, newshape=shape), axis=(2, 4))

    input_layout, output_layout = (
        image_layout(shape, inner_layout(x, 1)) for shape in (x.shape, node.shape)
    )
    return Candidate(
        (input_layout, *(Layout.identity(operand.shape) for operand in (regions, images))),
        (output_layout,),
        build,
    )


def _is_image(k: Recorder, x: Ref, images: Ref) -> Ref:
    """x: n h w c, images: r   ->   r 1 n 1, 1 for the image of the region, else 0"""
    number = arange_like(k, k.op("get_item", x, (slice(None), 0, 0, 0)), 0)
    images = k.op("expand_dims", k.op("cast", images, dtype="int32"), axis=1)
    is_image = k.op("expand_dims", k.op("equal", images, number), axis=[1, 3])
    return k.op("cast", is_image, dtype="float32")


@raises("RoiAlign", since=10)
def roi_align_from_corners(
    node: Node, x: Operand, regions: Operand, images: Operand, **attributes: Any
) -> Candidate | Sequence[Candidate]:
    """The same, without the shift by half a pixel             (onnx.ai/onnx/operators, RoiAlign)"""
    mode = {"coordinate_transformation_mode": "output_half_pixel"}
    return roi_align(node, x, regions, images, **mode, **attributes)


@dataclass(frozen=True)
class _Points:
    """The points of a bin along an axis: `ratio` is their number, or 0 for as many as the bin has
    pixels, and `is_half` whether a region may be smaller than a pixel."""

    ratio: int
    is_half: bool

    def weights(self, k: Recorder, low: Ref, high: Ref, count: int, size: int) -> Ref:
        """low, high: r 1   ->   r count size, the weight of each pixel in the mean of each bin

        The divisor is the number of its points.
        """
        weight, _, divisor = self._of_points(k, low, high, count, size)
        return k.op("divide", k.op("sum", weight, axis=2), divisor)

    def of_corners(self, k: Recorder, low: Ref, high: Ref, count: int, size: int) -> Ref:
        """low, high: r 1   ->   r (count t 2) size, the weight of the pixel before each point and
        of the one after it"""
        weight, point, _ = self._of_points(k, low, high, count, size)
        is_before = k.op("less_equal", np.arange(size, dtype=np.float32), point)
        before, after = k.op("where", is_before, weight, 0.0), k.op("where", is_before, 0.0, weight)
        both = k.op("stack", [before, after], axis=3)
        return k.op("reshape", both, newshape=(-1, count * self.ratio * 2, size))

    def _of_points(
        self, k: Recorder, low: Ref, high: Ref, count: int, size: int
    ) -> tuple[Ref, Ref, Ref]:
        """The weights of the pixels in each point, r count t size, the points, r count t 1, and
        the divisor, r 1 1.

        A point is interpolated between the two pixels next to it. Outside of the map it has no
        weight, except that up to 1 before the first or after the last pixel it counts for that.
        """
        length = k.op("subtract", high, low)
        length = length if self.is_half else k.op("maximum", length, 1.0)
        bin_ = k.op("divide", length, _opaque(k, count, length))
        number = _opaque(k, self.ratio, length) if self.ratio else k.op("ceil", bin_)
        start = add_dynamic(k, k.op("multiply", bin_, np.arange(count, dtype=np.float32)), low)
        start, bin_, number = (k.op("expand_dims", x, axis=2) for x in (start, bin_, number))
        divisor = k.op("maximum", number, 1.0)
        index = self._indices(k, start, k.op("divide", bin_, divisor), size)
        offset = k.op("divide", k.op("multiply", k.op("add", index, 0.5), bin_), divisor)
        point = add_dynamic(k, offset, start)  # r count t
        is_on = k.op(
            "logical_and", k.op("greater_equal", point, -1.0), k.op("less_equal", point, size)
        )
        is_on = k.op("logical_and", k.op("less", index, number), is_on)
        point = k.op("expand_dims", k.op("clip", point, 0.0, float(size - 1)), axis=3)
        distance = k.op("absolute", k.op("subtract", point, np.arange(size, dtype=np.float32)))
        weight = k.op("maximum", k.op("subtract", 1.0, distance), 0.0)
        weight = k.op("where", k.op("expand_dims", is_on, axis=3), weight, 0.0)
        return weight, point, divisor

    def _indices(self, k: Recorder, start: Ref, step: Ref, size: int) -> Ref:
        """start: r count 1, step: r 1 1   ->   r count t, the indices of points that may be on the
        map. If there are as many as pixels, they are more than half a pixel apart."""
        if self.ratio:
            return k.op(
                "subtract", k.op("zeros_like", start), -np.arange(self.ratio, dtype=np.float32)
            )
        before = k.op("floor", k.op("divide", k.op("subtract", -1.0, start), step))
        first = k.op("maximum", k.op("subtract", before, 1.0), 0.0)
        return k.op("subtract", first, -np.arange(2 * size + 6, dtype=np.float32))


def known_map(x: Operand) -> tuple[int, int, int]:
    """Channels, rows and columns of a map. Raises UnsupportedError if they are not known."""
    _, channels, rows, columns = x.shape
    if not (isinstance(channels, int) and isinstance(rows, int) and isinstance(columns, int)):
        raise UnsupportedError("positions in a map of unknown size", received=x.shape)
    return channels, rows, columns


def image_layout(shape: Shape, channels: Layout) -> Layout:
    """n c h w -> n h w c, with the channels in this layout"""
    identity = [Layout.identity((size,)) for size in shape]
    return Layout.product([identity[0], channels, *identity[2:]], (0, *range(2, len(shape)), 1))


def _columns(k: Recorder, x: Ref, start: int, stop: int) -> Ref:
    return sliced(k, x, 1, slice(start, stop), None)


def _rounded(k: Recorder, x: Ref) -> Ref:
    """Rounded to integers, with halves away from 0 as in C's round().

    The remainder is exact, while |x| + 0.5 might itself be rounded up.
    """
    size = k.op("absolute", x)
    down = k.op("floor", size)
    rest = k.op("subtract", size, down)
    up = k.op("cast", k.op("greater_equal", rest, 0.5), dtype="float32")
    return k.op("multiply", k.op("sign", x), add_dynamic(k, down, up))


@dataclass(frozen=True)
class _Bins:
    """The bins of each region along one axis of a map, each as two windows of a power of 2.

    first, last: r bins, the indices of the windows at the start and at the end of a bin, among
    `_window_maxima`; is_full: r bins, whether the bin is not empty.
    """

    first: Ref
    last: Ref
    is_full: Ref

    @classmethod
    def of(cls, k: Recorder, low: Ref, high: Ref, count: int, size: int) -> _Bins:
        """low, high: r 1; from ⌊low + i·bin⌋ to before ⌈low + (i + 1)·bin⌉, clipped to the map"""
        length = k.op("maximum", k.op("add", k.op("subtract", high, low), 1.0), 1.0)
        bin_ = k.op("divide", length, _opaque(k, count, length))
        number = np.arange(count, dtype=np.float32)
        first = add_dynamic(k, k.op("floor", k.op("multiply", bin_, number)), low)
        stop = add_dynamic(k, k.op("ceil", k.op("multiply", bin_, number + 1)), low)
        first, stop = (_on_map(k, index, size) for index in (first, stop))
        length = k.op("subtract", stop, first)
        # For each level the width of its windows, and the index of the first one.
        widths = 2 ** np.arange(size.bit_length(), dtype=np.int32)
        starts = np.cumsum([0, *(size - widths[:-1] + 1)], dtype=np.int32)
        fits = k.op("greater_equal", k.op("expand_dims", length, axis=-1), widths)
        level = k.op("subtract", k.op("sum", k.op("cast", fits, dtype="int32"), axis=-1), 1)
        level = k.op("maximum", level, 0)
        last = k.op("subtract", stop, k.op("take", widths, level))
        start = k.op("take", starts, level)
        first, last = (
            add_dynamic(k, k.op("clip", index, 0, size - 1), start) for index in (first, last)
        )
        return cls(first, last, k.op("greater", length, 0))


def _opaque(k: Recorder, number: float, like: Ref) -> Ref:
    """A number that no compiler recognises as a constant: TensorFlow's graphs and XLA would replace
    a division by a product with the reciprocal, which may be rounded differently."""
    return k.op("minimum", k.op("maximum", like, float(number)), float(number))


def _on_map(k: Recorder, x: Ref, size: int) -> Ref:
    """Indices on a map; 0 for NaN, so that the bins are empty."""
    return k.op("cast", k.op("clip", k.op("nan_to_num", x), 0.0, float(size)), dtype="int32")


def _window_maxima(k: Recorder, x: Ref, axis: int, size: int) -> Ref:
    """Along an axis, the maxima of all windows of 1, then of 2, of 4, ... elements."""
    maps, width = [x], 1
    while 2 * width <= size:
        one = sliced(k, maps[-1], axis, slice(0, size - 2 * width + 1), None)
        other = sliced(k, maps[-1], axis, slice(width, None), None)
        maps.append(k.op("maximum", one, other))
        width *= 2
    return k.op("concatenate", maps, axis=axis) if len(maps) > 1 else x


def _count_windows(size: int) -> int:
    """The number of windows of `_window_maxima` along an axis."""
    return sum(size - 2**level + 1 for level in range(size.bit_length()))


def _bin_maxima(
    k: Recorder, maxima: Ref, first_rows: Ref, rows: _Bins, columns: _Bins, width: int
) -> Ref:
    """maxima: (rows columns) c, first_rows: r 1   ->   r down across c

    The maximum of four of the `maxima`, whose rows have a `width`; 0 for an empty bin.
    """
    down = [
        k.op("expand_dims", k.op("multiply", add_dynamic(k, index, first_rows), width), axis=2)
        for index in (rows.first, rows.last)
    ]
    across = [k.op("expand_dims", index, axis=1) for index in (columns.first, columns.last)]
    # In pairs: Keras has no maximum along an axis if there are no regions.
    corners = [
        k.op("take", maxima, add_dynamic(k, row, column), axis=0)
        for row in down
        for column in across
    ]
    best = k.op("maximum", k.op("maximum", *corners[:2]), k.op("maximum", *corners[2:]))
    is_full = k.op(
        "logical_and",
        k.op("expand_dims", rows.is_full, axis=[2, 3]),
        k.op("expand_dims", columns.is_full, axis=[1, 3]),
    )
    return k.op("where", is_full, best, 0.0)
