"""Layers that pad or crop the border of a feature map.

Formulas: pad_layer.cpp of Synopsys's fork, of inisis's and of a branch of Caffe's;
mergecrop_layer.cu of Caffe's OpenCL branch; https://onnx.ai/onnx/operators/onnx__Pad.html
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bridge.caffe.net import Layer
from bridge.caffe.shapes.spatial.padding import paddings
from bridge.lower.emitter import Emitter
from bridge.lower.rules.arithmetic import gathered
from bridge.lower.table import layer
from bridge.lower.values import Value


@layer("Pad", params="pad_param")
def pad(
    e: Emitter,
    layer: Layer,
    x: Value,
    *,
    type: str | None = None,
    pad_type: str | None = None,
    pad_value: float = 0.0,
    constant_values: float = 0.0,
    **widths: object,
) -> Value:
    """x: *p → *p with longer axes: padded with a constant, the edge, or a reflection

    `type: REFLECT` repeats the edge, REFLECT_101 and `pad_type: REFLECT` do not. Negative widths
    crop.
    """
    before, after = zip(*paddings(layer, x.rank), strict=True)
    if min(before + after) < 0:
        axes = [axis for axis, width in enumerate(before) if width]
        starts, ends = ([-widths_[axis] for axis in axes] for widths_ in (before, after))
        return e.Slice(
            x, starts, [x.fixed(a) - end for a, end in zip(axes, ends, strict=True)], axes
        )
    if type == "REFLECT":
        return _mirrored(e, x, before, after)
    modes = {"REPLICATE": "edge", "REFLECT": "reflect", "REFLECT_101": "reflect"}
    mode = modes.get(type or pad_type or "", "constant")
    value = np.float32(pad_value or constant_values) if mode == "constant" else None
    return e.Pad(x, [*before, *after], value, mode=mode)


def _mirrored(e: Emitter, x: Value, before: Sequence[int], after: Sequence[int]) -> Value:
    """ONNX's reflection does not repeat the edge, so positions are gathered, axis by axis."""
    for axis, widths in enumerate(zip(before, after, strict=True)):
        if any(widths):
            positions = np.pad(np.arange(x.fixed(axis)), widths, mode="symmetric")
            x = gathered(e, x, positions, axis)
    return x


@layer("MergeCrop", params="mergecrop_param")
def merge_crop(
    e: Emitter,
    layer: Layer,
    x: Value,
    y: Value,
    *,
    operation: str = "STACK",
    forward: Sequence[bool] = (),
    backward: Sequence[bool] = (),
) -> Value:
    """x: n c *s, y: n c *t → n (c c) *s, or added n c *s: y is cropped to its centre

    An input that is not passed `forward` counts as 0.
    """
    spans = [(axis, x.fixed(axis), y.fixed(axis)) for axis in range(2, x.rank)]
    crops = [(axis, (wide - size) // 2, size) for axis, size, wide in spans if wide != size]
    if crops:
        starts, ends = [first for _, first, _ in crops], [first + size for _, first, size in crops]
        y = e.Slice(y, starts, ends, [axis for axis, _, _ in crops])
    passed = [*forward, True, True][:2]
    x, y = (v if on else e.Mul(v, 0.0) for v, on in zip((x, y), passed, strict=True))
    return e.Concat(x, y, axis=1) if operation == "STACK" else e.Add(x, y)
