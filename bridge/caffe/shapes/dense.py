"""Shapes of the layers that multiply by a matrix."""

from __future__ import annotations

from math import prod

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.table import (
    LayerShapes,
    axis_of,
    fields_of,
    parameters,
    require,
    shape,
    text,
)


@shape("InnerProduct")
def inner_product(layer: Layer, x: Shape) -> LayerShapes:
    """x: a ... k ...  ->  a ... num_output; weight num_output k (transposed k num_output), bias.

    Source: src/caffe/layers/inner_product_layer.cpp.
    """
    p = parameters(layer, "inner_product_param")
    require(p.num_output > 0, layer, "num_output must be positive", "> 0", p.num_output)
    axis = axis_of(layer, p.axis, x)
    weight = (p.num_output, prod(x[axis:]))
    weight = weight[::-1] if p.transpose else weight
    return LayerShapes(((*x[:axis], p.num_output),), (weight, (p.num_output,))[: 1 + p.bias_term])


@shape("Embed")
def embed(layer: Layer, x: Shape) -> LayerShapes:
    """x: indices of any shape  ->  x num_output; weight input_dim num_output, bias num_output.

    Source: src/caffe/layers/embed_layer.cpp.
    """
    p = parameters(layer, "embed_param")
    for name, size in (("num_output", p.num_output), ("input_dim", p.input_dim)):
        require(size > 0, layer, f"{name} must be positive", "> 0", size)
    weight = (p.input_dim, p.num_output)
    return LayerShapes(((*x, p.num_output),), (weight, (p.num_output,))[: 1 + p.bias_term])


@shape("MatMul", bottoms=2)
def matrix_product(layer: Layer, x: Shape, y: Shape) -> LayerShapes:
    """x: *p m k, y: *p k n  ->  *p m n; optionally transposed first, or of the sizes that are set.

    Source: matmul_layer.cpp of Synopsys's fork (transpose_a, transpose_b), of Sophgo's (dim_1 ...).
    """
    p = parameters(layer, "matmul_param")
    dims = fields_of(layer, "matmul_param").keys() & {"dim_1", "dim_2", "dim_3"}
    if dims:
        plain = len(dims) == 3 and not (p.transpose_a or p.transpose_b)
        require(
            plain, layer, "its sizes are incomplete, or set together with a transpose", "one kind"
        )
        fits = (prod(x), prod(y)) == (p.dim_1 * p.dim_2, p.dim_2 * p.dim_3)
        wanted = f"{p.dim_1} {p.dim_2} and {p.dim_3} {p.dim_2}"
        require(fits, layer, "its bottoms do not fit its sizes", wanted, f"{text(x)}, {text(y)}")
        return LayerShapes(((p.dim_1, p.dim_3),))
    fits = len(x) == len(y) >= 2 and x[:-2] == y[:-2]
    require(fits, layer, "its bottoms differ in their leading axes", text(x), text(y))
    m, k = x[-2:][::-1] if p.transpose_a else x[-2:]
    inner, n = y[-2:][::-1] if p.transpose_b else y[-2:]
    require(k == inner, layer, "its matrices do not fit", k, inner)
    return LayerShapes(((*x[:-2], m, n),))
