"""Upsample, and Resize before opset 11.

Which pixel is the nearest was left open. As onnxruntime has it: that at floor(x / scale) where an
axis grows, at ceil(x / scale) where it shrinks.
(onnx.ai/onnx/operators, Resize; onnxruntime/core/providers/cpu/tensor/upsamplebase.h)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bridge import ir
from bridge.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.graph.lifting.writer import Writer


def upsample(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """`scales` are an input from opset 9 on, an attribute from 7 on, and two numbers before."""
    of = node.attributes
    if "scales" in of:
        return _resized(w, node, of.get_floats("scales"))
    if "height_scale" in of:
        return _resized(w, node, [1, 1, of.get_float("height_scale"), of.get_float("width_scale")])
    return resize(w, node)


def resize(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    scales = node.inputs[1]
    if scales is not None and scales.const_value is not None:
        return _resized(w, node, scales.const_value.numpy().tolist())
    if _mode(node) == "nearest":
        raise UnsupportedError(
            f"{node.op_type} to the nearest by scales that are computed",
            hint="which pixel is the nearest depends on them: make the scales constants",
        )
    return w.op("Resize", node.inputs[0], None, scales, **_RULE, mode=_mode(node))


_RULE = {"coordinate_transformation_mode": "asymmetric"}


def _resized(w: Writer, node: ir.Node, scales: Sequence[float]) -> Sequence[ir.Value]:
    x, mode = node.inputs[0], _mode(node)
    if mode != "nearest":
        factors = w.constant(np.asarray(scales, np.float32))
        return w.op("Resize", x, None, factors, **_RULE, mode=mode)
    grown = [max(scale, 1) for scale in scales]
    shrunk = [min(scale, 1) for scale in scales]
    results: Sequence[ir.Value] = []
    for sizes, nearest in ((grown, "floor"), (shrunk, "ceil")):
        if any(size != 1 for size in sizes) or (nearest == "ceil" and not results):
            factors = w.constant(np.asarray(sizes, np.float32))
            results = w.op("Resize", x, None, factors, **_RULE, mode=mode, nearest_mode=nearest)
            x = results[0]
    return results


def _mode(node: ir.Node) -> str:
    mode = node.attributes.get_string("mode", "nearest")
    return {"bilinear": "linear"}.get(mode, mode)  # opset 1 has the longer name
