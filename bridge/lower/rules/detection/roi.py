"""Layers that pool regions of a feature map, or look around points of it.

Formulas: psroi_pooling_layer.cu of R-FCN's fork; roi_align_layer.cpp of the forks that have
Caffe2's; sub_region_layer.cpp and hotspot_layer.cpp of happynear's fork;
https://onnx.ai/onnx/operators/onnx__RoiAlign.html
"""

from __future__ import annotations

from math import pi

import numpy as np

from bridge.caffe.net import Layer
from bridge.errors import UnsupportedLayerError
from bridge.lower.emitter import Emitter
from bridge.lower.rules.detection.boxes import arange_like, rounded
from bridge.lower.table import layer
from bridge.lower.values import FLOAT, INT64, Value


@layer("PSROIPooling", params="psroi_pooling_param")
def position_sensitive(
    e: Emitter,
    layer: Layer,
    x: Value,
    regions: Value,
    *,
    spatial_scale: float,
    output_dim: int,
    group_size: int,
) -> Value:
    """x: n (d g g) h w, regions: r 5 (image, x and y of two corners) → r d g g

    The mean over each bin of each region, in the bin's own channel; 0 for an empty bin. The corners
    are rounded first and scaled then. A bin is an outer product of rows and columns, 0 or 1 for
    each region, so sums over bins are matrix products.
    """
    n, groups, rows, columns = x.shape[0], group_size, x.fixed(2), x.fixed(3)
    regions = e.reshape(regions, (regions.shape[0], 5))
    image, corners = e.op("Split", regions, [1, 4], outputs=2, axis=1)
    with e.dynamic():
        low, high = e.op("Split", rounded(e, corners), [2, 2], outputs=2, axis=1)
        low = e.Mul(low, float(spatial_scale))
        high = e.Mul(e.Add(high, 1.0), float(spatial_scale))
        bin_ = e.Div(e.Max(e.Sub(high, low), 0.1), float(groups))
        in_columns = _is_in_bin(e, low, bin_, 0, groups, columns)  # g w r
        in_rows = _is_in_bin(e, low, bin_, 1, groups, rows)  # g h r
        maps = e.reshape(x, (n, output_dim, groups, groups, rows, columns))
        sums = e.MatMul(maps, in_columns)  # n d g g h r
        is_image = e.Equal(e.Unsqueeze(arange_like(e, x), [1]), e.Transpose(image, perm=[1, 0]))
        is_image = e.Unsqueeze(e.Cast(is_image, to=FLOAT), [1, 2, 3, 4])  # n 1 1 1 1 r
        mask = e.Mul(e.Unsqueeze(in_rows, [0, 1, 3]), is_image)
        sums = e.reduce("ReduceSum", e.Mul(sums, mask), [0, 4], keepdims=False)  # d g g r
        area = e.Mul(
            e.Unsqueeze(e.reduce("ReduceSum", in_rows, [1], keepdims=False), [1]),
            e.reduce("ReduceSum", in_columns, [1], keepdims=False),
        )
        means = e.Div(sums, e.Max(area, 1.0))
        top = (regions.shape[0], output_dim, groups, groups)
        return e.declared(e.Transpose(means, perm=[3, 0, 1, 2]), top)


def _is_in_bin(e: Emitter, low: Value, bin_: Value, axis: int, bins: int, size: int) -> Value:
    """low, bin_: r 2 → g size r: 1 for positions from ⌊low + i bin⌋ to ⌈low + (i + 1) bin⌉ - 1"""
    start, step = (e.Transpose(e.Gather(v, [axis], axis=1), perm=[1, 0]) for v in (low, bin_))
    number = np.arange(bins, dtype=np.float32)[:, None]
    first = e.Floor(e.Add(e.Mul(step, number), start))
    end = e.Ceil(e.Add(e.Mul(step, number + 1), start))
    positions = np.arange(size, dtype=np.float32)[:, None]
    is_inside = e.And(
        e.GreaterOrEqual(positions, e.Unsqueeze(first, [1])),
        e.Less(positions, e.Unsqueeze(end, [1])),
    )
    return e.Cast(is_inside, to=FLOAT)


@layer("ROIAlign", params="roi_align_param")
def aligned(
    e: Emitter,
    layer: Layer,
    x: Value,
    regions: Value,
    *,
    pooled_h: int,
    pooled_w: int,
    spatial_scale: float = 1.0,
    sampling_ratio: int | None = None,
) -> Value:
    """x: n c h w, regions: r 5 (image, x and y of two corners) → r c pooled_h pooled_w

    The mean of sampling_ratio² interpolated points of each bin (0 or less: one per position). Other
    forks, without this field, take the maximum of a few points.
    """
    if sampling_ratio is None:
        raise UnsupportedLayerError(
            "several forks have a ROIAlign, and this one could be any of them",
            where=layer,
            expected="a roi_align_param with sampling_ratio, like the layer of Caffe2",
            hint="define it with --plugin FILE; -1 is that layer's default sampling_ratio",
        )
    regions = e.reshape(regions, (regions.shape[0], 5))
    image, corners = e.op("Split", regions, [1, 4], outputs=2, axis=1)
    half_pixel = {"coordinate_transformation_mode": "output_half_pixel"} if e.opset >= 16 else {}
    return e.RoiAlign(
        x,
        corners,
        e.Cast(e.Squeeze(image, [1]), to=INT64),
        output_height=pooled_h,
        output_width=pooled_w,
        spatial_scale=spatial_scale,
        sampling_ratio=max(sampling_ratio, 0),
        **half_pixel,
    )


@layer("SubRegion", params="sub_region_param")
def sub_region(
    e: Emitter,
    layer: Layer,
    x: Value,
    points: Value,
    truth: Value,
    *,
    region_height: int,
    region_width: int,
    data_height: int,
    data_width: int,
    as_dim: bool = True,
) -> tuple[Value, ...]:
    """x: n c h w, points, truth: n (p 2) → x around each point, 0 outside; and two n (p 2)

    n (p c) H W, or (p n) c H W; then truth relative to the regions' centres, and these centres.
    Points are x and y from the centre of data_width · data_height. A region is cropped by products
    with matrices that have one 1 in each row.
    """
    n, rows, columns = x.shape[0], x.fixed(2), x.fixed(3)
    count = points.fixed(1) // 2
    sizes = np.array([columns, rows], np.float32)
    data = np.array([data_width, data_height], np.float32)
    region = np.array([region_width, region_height], np.float32)
    pairs = e.reshape(points, (n, count, 2))
    centre = e.Mul(e.Add(e.Div(pairs, data), 0.5), sizes)
    first = e.Floor(e.Sub(centre, region // 2))  # n p 2
    with e.dynamic():
        regions = _cropped(e, x, first, region_height, region_width)
        if not as_dim:
            regions = e.Transpose(regions, perm=[1, 0, 2, 3, 4])
        regions = e.reshape(regions, e.tops[0])
    if len(e.tops) == 1:
        return (regions,)
    middle = e.Mul(e.Div(e.Add(first, region / 2 + np.float32(0.5)), sizes), data)
    own = e.Add(e.reshape(truth, (n, count, 2)), data // 2)
    offsets = (e.reshape(value, points.shape) for value in (e.Sub(own, middle), middle))
    return (regions, *offsets)


def _cropped(e: Emitter, x: Value, first: Value, height: int, width: int) -> Value:
    """x: n c h w, first: n p 2 (x and y of the first corner) → n p c height width"""
    left, top = e.op("Split", first, [1, 1], outputs=2, axis=2)
    row_mask = _one_hot_from(e, top, height, x.fixed(2))  # n p H h
    column_mask = _one_hot_from(e, left, width, x.fixed(3))  # n p W w
    rows = e.MatMul(e.Unsqueeze(row_mask, [2]), e.Unsqueeze(x, [1]))  # n p c H w
    columns = e.Unsqueeze(e.Transpose(column_mask, perm=[0, 1, 3, 2]), [2])
    return e.MatMul(rows, columns)  # n p c H W


def _one_hot_from(e: Emitter, first: Value, count: int, size: int) -> Value:
    """first: n p 1 → n p count size: row i is 1 at position first + i, else 0"""
    wanted = e.Unsqueeze(e.Add(first, np.arange(count, dtype=np.float32)), [3])
    return e.Cast(e.Equal(wanted, np.arange(size, dtype=np.float32)), to=FLOAT)


@layer("Hotspot", params="hotspot_param")
def hotspot(
    e: Emitter,
    layer: Layer,
    points: Value,
    like: Value | None = None,
    *,
    gaussian_std: float = 1.0,
    data_height: int = 0,
    data_width: int = 0,
    mean_removed: bool = True,
    output_height: int = 0,
    output_width: int = 0,
) -> Value:
    """points: n (p 2) (x and y, of data_width · data_height) → n p h w: a Gaussian at each point

    exp(-d² / 2 std²) / 2π std², 0 where that is at most 0.0001; d is the distance from the point,
    which is relative to the data's centre (`mean_removed`) or to its corner.
    """
    rows, columns = e.top_size(2), e.top_size(3)
    count = points.fixed(1) // 2
    pairs = e.Div(
        e.reshape(points, (points.shape[0], count, 2)),
        np.array([data_width, data_height], np.float32),
    )
    pairs = e.Mul(e.Add(pairs, 0.5 if mean_removed else 0.0), np.array([columns, rows], np.float32))
    x, y = e.op("Split", e.Unsqueeze(pairs, [3]), [1, 1], outputs=2, axis=2)  # n p 1 1
    across = e.Sub(x, np.arange(columns, dtype=np.float32))
    down = e.Sub(y, np.arange(rows, dtype=np.float32)[:, None])
    distances = e.Add(e.Mul(across, across), e.Mul(down, down))
    gaussian = e.Mul(e.Exp(e.Mul(distances, -0.5 / gaussian_std**2)), 0.5 / gaussian_std**2 / pi)
    return e.Mul(gaussian, e.Cast(e.Greater(gaussian, 1e-4), to=FLOAT))
