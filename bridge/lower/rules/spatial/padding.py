"""Layers that frame a map, or take the frame away.

Formulas: pad_layer.cpp of Synopsys's fork, of inisis's and of a branch of Caffe's;
mergecrop_layer.cu of Caffe's OpenCL branch; https://onnx.ai/onnx/operators/onnx__Pad.html
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bridge.caffe.net import Layer
from bridge.caffe.shapes.spatial.padding import paddings
from bridge.lower.emitter import Emitter
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
    """x: *p → *p with longer axes: by one number, by the last place again, or by a reflection

    Of `type`, REFLECT repeats the last place and REFLECT_101 does not; of `pad_type` REFLECT does
    not. Widths below 0 cut places off.
    """
    before, behind = zip(*paddings(layer, x.rank), strict=True)
    if min(before + behind) < 0:
        axes = [axis for axis, width in enumerate(before) if width]
        starts, ends = ([-side[axis] for axis in axes] for side in (before, behind))
        return e.Slice(
            x, starts, [x.fixed(a) - end for a, end in zip(axes, ends, strict=True)], axes
        )
    if type == "REFLECT":
        return _mirrored(e, x, before, behind)
    modes = {"REPLICATE": "edge", "REFLECT": "reflect", "REFLECT_101": "reflect"}
    mode = modes.get(type or pad_type or "", "constant")
    value = np.float32(pad_value or constant_values) if mode == "constant" else None
    return e.Pad(x, [*before, *behind], value, mode=mode)


def _mirrored(e: Emitter, x: Value, before: Sequence[int], behind: Sequence[int]) -> Value:
    """ONNX's reflection leaves the last place out; so places are gathered, axis by axis."""
    for axis, widths in enumerate(zip(before, behind, strict=True)):
        if any(widths):
            places = np.pad(np.arange(x.fixed(axis)), widths, mode="symmetric")
            x = e.Gather(x, places, axis=axis)
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
    """x: n c *s, y: n c *t → n (c c) *s, or added n c *s: y is cut to its middle

    An input that is not to go `forward` counts as 0.
    """
    spans = [(axis, x.fixed(axis), y.fixed(axis)) for axis in range(2, x.rank)]
    cut = [(axis, (wide - size) // 2, size) for axis, size, wide in spans if wide != size]
    if cut:
        starts, ends = [first for _, first, _ in cut], [first + size for _, first, size in cut]
        y = e.Slice(y, starts, ends, [axis for axis, _, _ in cut])
    goes = [*forward, True, True][:2]
    x, y = (v if on else e.Mul(v, 0.0) for v, on in zip((x, y), goes, strict=True))
    return e.Concat(x, y, axis=1) if operation == "STACK" else e.Add(x, y)
