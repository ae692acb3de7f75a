"""Shapes of layers that are whole blocks of layers."""

from __future__ import annotations

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.table import LayerShapes, parameters, require, shape, text


@shape("DenseBlock")
def dense_block(layer: Layer, x: Shape) -> LayerShapes:
    """x: n c h w  ->  n (c + growthRate numTransition) h w.

    Blobs, one of each kind per transition: the 3x3 kernels; scale, bias, mean and variance before
    them; with bottlenecks the 1x1 kernels, and scale, bias, mean and variance after them; finally
    the factor of the means and variances. Source: DenseBlock_layer.cpp of the forks.
    """
    require(len(x) == 4, layer, "its input needs 4 axes", "n c h w", text(x))
    p = parameters(layer, "denseblock_param")
    count, growth = p.numTransition, p.growthRate
    require(min(count, growth) > 0, layer, "numTransition and growthRate must be positive", "> 0")
    widths = [x[1] + i * growth for i in range(count)]
    inner = 4 * growth
    vectors = [(1, width, 1, 1) for width in widths] * 4
    if p.use_BC:
        kernels = [(growth, inner, 3, 3)] * count
        narrow = [(inner, width, 1, 1) for width in widths]
        weights = (*kernels, *vectors, *narrow, *[(1, inner, 1, 1)] * count * 4, (1,))
    else:
        weights = (*((growth, width, 3, 3) for width in widths), *vectors, (1,))
    return LayerShapes(((x[0], x[1] + count * growth, *x[2:]),), weights)
