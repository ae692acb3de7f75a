"""Shapes of the layers that pad or crop the border of a feature map."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.spatial.conv import positive
from bridge.caffe.shapes.table import LayerShapes, fields_of, parameters, require, shape, text


def paddings(layer: Layer, rank: int) -> list[tuple[int, int]]:
    """How much a Pad layer adds before and after each axis; negative numbers crop.

    Three forks have the layer: `paddings` is Synopsys's (two for each axis), `pad_u`, `pad_d`,
    `pad_l` and `pad_r` are inisis's (of the last two axes), and `pad` is from the branch with
    `type` (of the last two of four axes). Errors: ShapeError unless the fields are those of one.
    """
    p, names = parameters(layer, "pad_param"), fields_of(layer, "pad_param").keys()
    sides = {"pad_u", "pad_d", "pad_l", "pad_r", "pad_type", "pad_value"}
    kinds = [names & {"paddings", "constant_values"}, names & sides, names & {"pad", "type"}]
    one = sum(map(bool, kinds)) == 1
    wanted = "the fields of one: paddings ...; pad_u, pad_d, pad_l, pad_r ...; pad, type"
    require(
        one,
        layer,
        "its fields are those of no fork's Pad, or of several",
        wanted,
        ", ".join(names) or None,
    )
    if kinds[0]:
        widths: Sequence[int] = p.paddings
    elif kinds[1]:
        widths = [*[0, 0] * (rank - 2), p.pad_u, p.pad_d, p.pad_l, p.pad_r]
    else:
        widths = [0, 0, 0, 0, *[p.pad] * 4]
    require(
        len(widths) == 2 * rank,
        layer,
        "its widths do not match the axes",
        2 * rank,
        text(tuple(widths)),
    )
    return list(zip(widths[::2], widths[1::2], strict=True))


@shape("Pad")
def pad(layer: Layer, x: Shape) -> LayerShapes:
    """x: any shape  ->  longer axes. Source: pad_layer.cpp of the forks (see `paddings`)."""
    require(len(x) >= 2, layer, "its input needs 2 axes or more", "n c ...", text(x))
    widths = paddings(layer, len(x))
    flat = [width for both in widths for width in both]
    sound = min(flat) >= 0 or max(flat[-4:]) < 0
    require(sound, layer, "it both pads and crops", "one of the two", text(tuple(flat)))
    p = parameters(layer, "pad_param")
    if "REFLECT_101" in (p.type, p.pad_type) or p.pad_type == "REFLECT":
        narrow = all(max(both) < size for size, both in zip(x, widths, strict=True))
        require(narrow, layer, "it reflects more than the input has", text(x), text(tuple(flat)))
    sizes = [size + sum(both) for size, both in zip(x, widths, strict=True)]
    return LayerShapes((positive(layer, sizes, x),))


@shape("MergeCrop", bottoms=2)
def merge_crop(layer: Layer, x: Shape, y: Shape) -> LayerShapes:
    """x: n c *s, y: n c *t, not smaller  ->  n (c c) *s; or, added, n c *s.

    Source: mergecrop_layer.cpp of Caffe's OpenCL branch. (With different numbers of channels its
    kernels mix them up, so those are refused.)
    """
    p = parameters(layer, "mergecrop_param")
    fits = len(x) == len(y) > 2 and x[:2] == y[:2]
    require(fits, layer, "its inputs do not fit", f"{text(x[:2])} ...", text(y))
    larger = all(wide >= size for size, wide in zip(x[2:], y[2:], strict=True))
    require(larger, layer, "its second input is smaller than its first", text(x), text(y))
    require(len(p.forward) <= 2, layer, "forward is for two inputs", "at most 2", p.forward)
    return LayerShapes(((x[0], x[1] * (2 if p.operation == "STACK" else 1), *x[2:]),))
