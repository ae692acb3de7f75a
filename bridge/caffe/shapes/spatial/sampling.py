"""Shapes of the layers that sample between the positions of a feature map."""

from __future__ import annotations

from math import prod

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.spatial.conv import positive, spatial
from bridge.caffe.shapes.table import LayerShapes, fields_of, parameters, require, shape, text

THETA = ("theta_1_1", "theta_1_2", "theta_1_3", "theta_2_1", "theta_2_2", "theta_2_3")


@shape("SpatialTransformer", bottoms=2)
def spatial_transformer(layer: Layer, x: Shape, theta: Shape) -> LayerShapes:
    """x: n c h w, theta: n 6, without those that are set  ->  n c output_H output_W.

    Source: st_layer.cpp of daerduoCarey/SpatialTransformerLayer.
    """
    require(len(x) == 4, layer, "its input needs 4 axes", "n c h w", text(x))
    fields = fields_of(layer, "st_param")
    count = 6 - sum(name in fields for name in THETA)
    fits = theta[:1] == x[:1] and prod(theta[1:]) == count > 0
    require(fits, layer, "its theta does not fit", f"{x[0]} {count}", text(theta))
    sizes = (fields.get("output_H", x[2]), fields.get("output_W", x[3]))
    require(min(sizes) > 0, layer, "output_H and output_W must be positive", "> 0", text(sizes))
    return LayerShapes(((*x[:2], *sizes),))


@shape("DeformableConvolution", bottoms=2)
def deformable_convolution(layer: Layer, x: Shape, offset: Shape) -> LayerShapes:
    """x: n c h w, offset: n (deformable_group kh kw 2) H W  ->  n num_output H W; weight
    num_output c/group kh kw, bias num_output.

    Source: deformable_conv_layer.cpp and util/deformable_im2col.cu of
    unsky/Deformable-ConvNets-caffe.
    """
    require(len(x) == 4, layer, "its input needs 4 axes", "n c h w", text(x))
    p = parameters(layer, _DEFORMABLE)
    require(p.axis == 1, layer, "the channels are on another axis", 1, p.axis)
    kernel, stride, pad, dilation = deformable_windows(layer)
    for name, values in (("kernel", kernel), ("stride", stride), ("dilation", dilation)):
        require(min(values) > 0, layer, f"{name} must be positive", "> 0", text(values))
    even = p.num_output > 0 and p.group > 0 and x[1] % p.group == p.num_output % p.group == 0
    whole = f"num_output and {x[1]} channels in {p.group} groups"
    require(even, layer, "its channels do not divide into groups", whole, p.num_output)
    sizes = [
        (size + 2 * q - (d * (k - 1) + 1)) // s + 1
        for size, k, s, q, d in zip(x[2:], kernel, stride, pad, dilation, strict=True)
    ]
    top = (x[0], p.num_output, *positive(layer, sizes, x))
    groups = offset[1] // (2 * prod(kernel)) if len(offset) == 4 else 0
    wanted = p.deformable_group or groups or 1
    fits = offset == (x[0], 2 * wanted * prod(kernel), *top[2:]) and x[1] % wanted == 0
    expected = f"{x[0]} {2 * wanted * prod(kernel)} {text(top[2:])}, {wanted} groups of {x[1]}"
    require(fits, layer, "its offsets do not fit", expected, text(offset))
    weights = ((p.num_output, x[1] // p.group, *kernel), (p.num_output,))
    return LayerShapes((top,), weights[: 1 + p.bias_term])


_DEFORMABLE = "deformable_convolution_param"


def deformable_windows(layer: Layer) -> tuple[Shape, Shape, Shape, Shape]:
    """Kernel, stride, pad and dilation, vertical and horizontal."""
    kernel = spatial(layer, _DEFORMABLE, "kernel", 2, None)
    rest = (("stride", 1), ("pad", 0), ("dilation", 1))
    stride, pad, dilation = (spatial(layer, _DEFORMABLE, name, 2, d) for name, d in rest)
    return kernel, stride, pad, dilation
