"""Shapes of the layers that multiply by a matrix."""

from __future__ import annotations

from math import prod

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.table import Demand, axis_of, parameters, require, shape


@shape("InnerProduct")
def inner_product(layer: Layer, x: Shape) -> Demand:
    """x: a ... k ...  ->  a ... num_output; weight num_output k (transposed k num_output), bias.

    Source: src/caffe/layers/inner_product_layer.cpp.
    """
    p = parameters(layer, "inner_product_param")
    require(p.num_output > 0, layer, "num_output must be positive", "> 0", p.num_output)
    axis = axis_of(layer, p.axis, x)
    weight = (p.num_output, prod(x[axis:]))
    weight = weight[::-1] if p.transpose else weight
    return Demand(((*x[:axis], p.num_output),), (weight, (p.num_output,))[: 1 + p.bias_term])


@shape("Embed")
def embed(layer: Layer, x: Shape) -> Demand:
    """x: indices of any shape  ->  x num_output; weight input_dim num_output, bias num_output.

    Source: src/caffe/layers/embed_layer.cpp.
    """
    p = parameters(layer, "embed_param")
    for name, size in (("num_output", p.num_output), ("input_dim", p.input_dim)):
        require(size > 0, layer, f"{name} must be positive", "> 0", size)
    weight = (p.input_dim, p.num_output)
    return Demand(((*x, p.num_output),), (weight, (p.num_output,))[: 1 + p.bias_term])
