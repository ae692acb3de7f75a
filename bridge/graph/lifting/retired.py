"""Operators that ONNX has no more, or that became others.

The experimental ones of opset 1 no schema describes any more; onnxruntime still has most.
(onnxruntime/core/graph/contrib_ops/contrib_defs.cc)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bridge import ir
from bridge.errors import UnsupportedError
from bridge.graph.lifting.broadcasting import rank_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.graph.lifting.writer import Writer


def scatter(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    return w.again(node, kind="ScatterElements")


def scan(_w: Writer, _node: ir.Node) -> Sequence[ir.Value]:
    """Refused: it runs over another axis."""
    raise UnsupportedError(
        "a Scan of opset 8, over the second axis of each of its inputs",
        hint="export the graph with opset 9 or newer",
    )


def affine(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """alpha · x + beta"""
    x, of = node.inputs[0], node.attributes
    scaled = w.one("Mul", x, w.like(x, of.get_float("alpha", 1.0)))
    return w.op("Add", scaled, w.like(x, of.get_float("beta", 0.0)))


def scale(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """scale · x"""
    x = node.inputs[0]
    return w.op("Mul", x, w.like(x, node.attributes.get_float("scale", 1.0)))


def image_scaler(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """scale · x + bias, a bias for each channel"""
    x, of = node.inputs[0], node.attributes
    bias = np.asarray(of.get_floats("bias"), np.float32).reshape(-1, 1, 1)
    return w.op("Add", w.one("Mul", x, w.like(x, of.get_float("scale", 1.0))), w.constant(bias))


def parametric_softplus(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """alpha · log(1 + exp(beta · x))"""
    x, of = node.inputs[0], node.attributes
    softplus = w.one("Softplus", w.one("Mul", x, w.like(x, of.get_float("beta", 1.0))))
    return w.op("Mul", softplus, w.like(x, of.get_float("alpha", 1.0)))


def scaled_tanh(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """alpha · tanh(beta · x)"""
    x, of = node.inputs[0], node.attributes
    tanh = w.one("Tanh", w.one("Mul", x, w.like(x, of.get_float("beta", 1.0))))
    return w.op("Mul", tanh, w.like(x, of.get_float("alpha", 1.0)))


def crop(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """An image without a border, or a window of a size from the border's corner on"""
    of = node.attributes
    left, top, right, bottom = of.get_ints("border")
    size = of.get_ints("scale", None)
    ends = [top + size[0], left + size[1]] if size else [-bottom or 2**31, -right or 2**31]
    keys = ([top, left], ends, [2, 3])
    return w.op("Slice", node.inputs[0], *(w.constant(key) for key in keys))


def mean_variance_normalization(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """(x - mean) / deviation over height and width, and over the channels too; opset 9 has axes"""
    of, x = node.attributes, node.inputs[0]
    axes = [*([1] if of.get_int("across_channels", 0) else []), *range(2, rank_of(x))]
    if not of.get_int("normalize_variance", 1):
        return w.op("Sub", x, w.one("ReduceMean", x, axes=axes))
    return w.op("MeanVarianceNormalization", x, axes=axes)
