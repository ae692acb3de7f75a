"""Shapes of the layers that keep or join shapes: activations, normalisation, Concat, Scale, ..."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.table import (
    SOME,
    Demand,
    axis_of,
    given,
    parameters,
    require,
    same,
    shape,
    text,
)


@shape("ReLU", "Dropout", "Sigmoid", "TanH")
def unchanged(_: Layer, x: Shape) -> Demand:
    """x: any shape  ->  the same. Source: src/caffe/layers/neuron_layer.cpp."""
    return Demand((x,))


@shape("Split", tops=SOME)
def split(layer: Layer, x: Shape) -> Demand:
    """x: any shape  ->  the same, for each top. Source: src/caffe/layers/split_layer.cpp."""
    return Demand((x,) * len(layer.tops))


@shape("Silence", bottoms=SOME, tops=0)
def silence(_: Layer, *__: Shape) -> Demand:
    """Makes nothing. Source: src/caffe/layers/silence_layer.cpp."""
    return Demand(())


@shape("Softmax")
def softmax(layer: Layer, x: Shape) -> Demand:
    """x: any shape  ->  the same. Source: src/caffe/layers/softmax_layer.cpp."""
    axis_of(layer, parameters(layer, "softmax_param").axis, x)
    return Demand((x,))


@shape("LRN")
def lrn(layer: Layer, x: Shape) -> Demand:
    """x: n c h w  ->  the same. Source: src/caffe/layers/lrn_layer.cpp."""
    size = parameters(layer, "lrn_param").local_size
    require(size % 2 == 1, layer, "local_size must be odd", "an odd number", size)
    require(len(x) == 4, layer, "LRN needs 4 axes", "n c h w", text(x))
    return Demand((x,))


@shape("PReLU")
def prelu(layer: Layer, x: Shape) -> Demand:
    """x: n c ...  ->  the same; slopes c, or one. Source: src/caffe/layers/prelu_layer.cpp."""
    require(len(x) >= 2, layer, "PReLU needs 2 axes or more", "n c ...", text(x))
    shared = parameters(layer, "prelu_param").channel_shared
    return Demand((x,), (() if shared else (x[1],),))


@shape("BatchNorm")
def batch_norm(_: Layer, x: Shape) -> Demand:
    """x: n c ... or n  ->  the same; mean c, variance c, scale factor 1.

    Source: src/caffe/layers/batch_norm_layer.cpp.
    """
    channels = 1 if len(x) == 1 else x[1]
    return Demand((x,), ((channels,), (channels,), (1,)))


@shape("Scale", bottoms=(1, 2))
def scale(layer: Layer, x: Shape, factor: Shape | None = None) -> Demand:
    """x: any shape  ->  the same; the factor, and a bias like it, span axes from `axis` on.

    Source: src/caffe/layers/scale_layer.cpp.
    """
    span = _span(layer, "scale_param", x, factor)
    bias = (span,) if parameters(layer, "scale_param").bias_term else ()
    return Demand((x,), bias if factor is not None else (span, *bias))


@shape("Bias", bottoms=(1, 2))
def bias(layer: Layer, x: Shape, addend: Shape | None = None) -> Demand:
    """x: any shape  ->  the same; the addend spans axes from `axis` on.

    Source: src/caffe/layers/bias_layer.cpp.
    """
    span = _span(layer, "bias_param", x, addend)
    return Demand((x,), (span,) if addend is None else ())


def _span(layer: Layer, message: str, x: Shape, operand: Shape | None) -> Shape:
    """The shape of a Scale or Bias operand, which is the second bottom's where there is one."""
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


@shape("Eltwise", bottoms=(2, None))
def eltwise(layer: Layer, x: Shape, *rest: Shape) -> Demand:
    """x, ...: equal shapes  ->  the same. Source: src/caffe/layers/eltwise_layer.cpp."""
    same(layer, x, *rest)
    p = parameters(layer, "eltwise_param")
    count = 1 + len(rest)
    require(len(p.coeff) in (0, count), layer, "coeff fits no bottoms", f"0 or {count}", p.coeff)
    summed = p.operation == "SUM" or not p.coeff
    require(summed, layer, "coeff is for SUM alone", "SUM", p.operation)
    return Demand((x,))


@shape("Concat", bottoms=SOME)
def concat(layer: Layer, x: Shape, *rest: Shape) -> Demand:
    """x, ...: equal shapes but for one axis  ->  joined there. Source: concat_layer.cpp."""
    p, fields = parameters(layer, "concat_param"), given(layer, "concat_param")
    both = "axis" in fields and "concat_dim" in fields
    require(not both, layer, "axis stands beside concat_dim", "one of the two")
    axis = axis_of(layer, p.concat_dim if "concat_dim" in fields else p.axis, x)
    for other in rest:
        fits = (*other[:axis], *other[axis + 1 :]) == (*x[:axis], *x[axis + 1 :])
        require(
            fits and len(other) == len(x),
            layer,
            f"its inputs differ in more than axis {axis}",
            text(x),
            text(other),
        )
    return Demand(((*x[:axis], x[axis] + sum(other[axis] for other in rest), *x[axis + 1 :]),))


@shape("Flatten")
def flatten(layer: Layer, x: Shape) -> Demand:
    """x: a ... b  ->  axes `axis` to `end_axis` as one. Source: flatten_layer.cpp."""
    p = parameters(layer, "flatten_param")
    start, end = axis_of(layer, p.axis, x), axis_of(layer, p.end_axis, x)
    return Demand(((*x[:start], prod(x[start : end + 1]), *x[end + 1 :]),))


@shape("Reshape")
def reshape(layer: Layer, x: Shape) -> Demand:
    """x: any shape  ->  axes from `axis`, `num_axes` of them, take the dims of `shape`.

    0 keeps the input's dim, -1 takes what is left. Source: src/caffe/layers/reshape_layer.cpp.
    """
    p = parameters(layer, "reshape_param")
    start = axis_of(layer, p.axis, x, extra=1)
    require(p.num_axes >= -1, layer, "num_axes must be -1 or more", ">= -1", p.num_axes)
    end = len(x) if p.num_axes == -1 else start + p.num_axes
    require(end <= len(x), layer, "it reshapes axes beyond the input's", text(x), end)
    wanted = p.shape["dim"] if p.shape and "dim" in p.shape else []
    top = (*x[:start], *_dims(layer, wanted, x, start), *x[end:])
    if -1 in top:
        rest = -prod(top)
        divides = rest > 0 and prod(x) % rest == 0
        require(divides, layer, "the -1 dim comes out uneven", text(x), text(top))
        top = tuple(prod(x) // rest if dim == -1 else dim for dim in top)
    require(prod(top) == prod(x), layer, "the count changes", text(x), text(top))
    return Demand((top,))


def _dims(layer: Layer, wanted: Sequence[int], x: Shape, start: int) -> Shape:
    require(list(wanted).count(-1) <= 1, layer, "more than one dim is -1", "at most one", wanted)
    for i, dim in enumerate(wanted):
        require(dim != 0 or start + i < len(x), layer, "a 0 dim has no input axis", text(x), wanted)
    return tuple(dim or x[start + i] for i, dim in enumerate(wanted))


@shape("InnerProduct")
def inner_product(layer: Layer, x: Shape) -> Demand:
    """x: a ... k ...  ->  a ... num_output; weight num_output k (transposed k num_output), bias.

    Source: src/caffe/layers/inner_product_layer.cpp.
    """
    p = parameters(layer, "inner_product_param")
    axis = axis_of(layer, p.axis, x)
    weight = (p.num_output, prod(x[axis:]))
    weight = weight[::-1] if p.transpose else weight
    return Demand(((*x[:axis], p.num_output),), (weight, (p.num_output,))[: 1 + p.bias_term])
