"""Shapes of the layers that combine values element by element."""

from __future__ import annotations

from math import prod

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.table import LayerShapes, axis_of, parameters, require, same, shape, text
from bridge.errors import ShapeError


@shape("Eltwise", bottoms=(2, None))
def eltwise(layer: Layer, x: Shape, *rest: Shape) -> LayerShapes:
    """x, ...: equal shapes  ->  the same. Source: src/caffe/layers/eltwise_layer.cpp.

    SUB, DIV and MIN are from forks (Synopsys's eltwise_layer.cpp); the first two take two inputs.
    """
    _refuse_broadcast(layer, x, *rest)
    p = parameters(layer, "eltwise_param")
    count = 1 + len(rest)
    two = count == 2 or p.operation not in ("SUB", "DIV")
    require(two, layer, f"{p.operation} takes two inputs", 2, count)
    require(
        len(p.coeff) in (0, count),
        layer,
        "coeff does not match its bottoms",
        f"0 or {count}",
        p.coeff,
    )
    summed = p.operation == "SUM" or not p.coeff
    require(summed, layer, "only SUM takes coeff", "SUM", p.operation)
    return LayerShapes((x,))


def _refuse_broadcast(layer: Layer, *bottoms: Shape) -> None:
    """Refuse unless all shapes are equal: Eltwise does not broadcast, as some exporters assume."""
    if len(set(bottoms)) > 1:
        raise ShapeError(
            "its inputs have different shapes, and Eltwise does not broadcast",
            where=layer,
            expected="equal shapes",
            received=", ".join(map(text, bottoms)),
            hint="a Scale with two bottoms, n c h w and n c, does: scale_param { axis: 0 }",
        )


@shape("Scale", bottoms=(1, 2))
def scale(layer: Layer, x: Shape, factor: Shape | None = None) -> LayerShapes:
    """x: any shape  ->  the same; the factor, and a bias like it, span axes from `axis` on.

    Source: src/caffe/layers/scale_layer.cpp.
    """
    span = _span(layer, "scale_param", x, factor)
    bias = (span,) if parameters(layer, "scale_param").bias_term else ()
    return LayerShapes((x,), bias if factor is not None else (span, *bias))


@shape("Bias", bottoms=(1, 2))
def bias(layer: Layer, x: Shape, addend: Shape | None = None) -> LayerShapes:
    """x: any shape  ->  the same; the addend spans axes from `axis` on.

    Source: src/caffe/layers/bias_layer.cpp.
    """
    span = _span(layer, "bias_param", x, addend)
    return LayerShapes((x,), (span,) if addend is None else ())


def _span(layer: Layer, message: str, x: Shape, operand: Shape | None) -> Shape:
    """The shape of a Scale or Bias operand: the second bottom's, if there is one."""
    p = parameters(layer, message)
    if operand == ():
        return operand
    axis = axis_of(layer, p.axis, x)
    length = p.num_axes if operand is None else len(operand)
    require(length >= -1, layer, "num_axes must be -1 or more", ">= -1", length)
    end = len(x) if length == -1 else axis + length
    require(end <= len(x), layer, "its operand has axes beyond the input's", text(x), end)
    span = x[axis:end]
    if operand is not None:
        require(operand == span, layer, "its bottoms do not fit", text(span), text(operand))
    return span


@shape("Axpy", bottoms=3)
def axpy(layer: Layer, a: Shape, x: Shape, y: Shape) -> LayerShapes:
    """a: n c (1 1), x: n c h w, y: n c h w  ->  n c h w. Source: axpy_layer.cpp of the forks."""
    same(layer, x, y)
    fits = a[:2] == x[:2] and all(dim == 1 for dim in a[2:])
    require(fits, layer, "its factor does not fit", f"{text(x[:2])} 1 1", text(a))
    return LayerShapes((x,))


@shape("BroadcastMul", bottoms=2)
def broadcast_mul(layer: Layer, x: Shape, y: Shape) -> LayerShapes:
    """x: n c h w, y: n c (1 1), in any order  ->  n c h w.

    Source: broadcast_mul_layer.cpp of yurikorolov/caffe, later in jolibrain's.
    """
    large, small = (x, y) if prod(x) > prod(y) else (y, x)
    fits = len(large) == 4 and large[:2] == small[:2] and all(dim == 1 for dim in small[2:])
    require(fits, layer, "its inputs do not fit", "n c h w and n c 1 1", f"{text(x)}, {text(y)}")
    return LayerShapes((large,))
