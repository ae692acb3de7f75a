"""Crop layers that compute their own offset: those of the first FCNs, and RCF's AutoCrop.

Each layer between a crop's two inputs and their common origin maps positions of its input to
positions of its output. If the two maps differ only by a shift, that is the offset.

Formulas: crop_layer.cpp and util/coords.hpp of longjon/caffe's FCN branch; auto_crop_layer.cpp of
yun-liu/RCF, which is the same; Caffe's own python/caffe/coord_map.py
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from bridge.caffe.net import Layer, Net
from bridge.caffe.shapes.spatial.conv import dilation, spatial
from bridge.errors import ShapeError, UnsupportedLayerError


def with_offsets(net: Net) -> Net:
    """The net with the offset of each AutoCrop layer in its `crop_param`.

    Raises ShapeError where Caffe would abort, UnsupportedLayerError where a layer on the path has
    no such map.
    """
    if all(layer.type != "AutoCrop" for layer in net.layers):
        return net
    producers: dict[str, Layer] = {}
    layers = []
    for layer in net.layers:
        if layer.type == "AutoCrop":
            offset = _offset(layer, producers)
            layer = replace(layer, params={"crop_param": {"axis": 2, "offset": offset}})
        layers.append(layer)
        producers.update(dict.fromkeys(layer.tops, layer))
    return replace(net, layers=tuple(layers))


@dataclass(frozen=True)
class _Map:
    """Along one axis, position i of one value is position scale · i + shift of another."""

    scale: Fraction = Fraction(1)
    shift: Fraction = Fraction(0)

    def after(self, first: _Map) -> _Map:
        return _Map(self.scale * first.scale, self.scale * first.shift + self.shift)

    def inverse(self) -> _Map:
        return _Map(1 / self.scale, -self.shift / self.scale)


_Maps = tuple[_Map, _Map]


def _offset(crop: Layer, producers: Mapping[str, Layer]) -> list[int]:
    """The number of rows and columns to skip in the first bottom."""
    x, like = crop.bottoms
    computed_from = set(_origins(x, producers))
    common = next((value for value in _origins(like, producers) if value in computed_from), None)
    if common is None:
        raise ShapeError(
            "it cannot compute an offset, since its inputs have no common origin",
            where=crop,
            expected="two values computed, through first inputs, from the same one",
            received=f"{x} and {like}",
        )
    to_x, to_like = (_between(common, value, producers) for value in crop.bottoms)
    shifts = [b.after(a.inverse()) for a, b in zip(to_x, to_like, strict=True)]
    return [_whole(crop, shift) for shift in shifts]


def _origins(value: str, producers: Mapping[str, Layer]) -> Iterator[str]:
    """The value and, one by one, its ancestors through first inputs."""
    yield value
    while value in producers and producers[value].bottoms:
        value = producers[value].bottoms[0]
        yield value


def _between(origin: str, value: str, producers: Mapping[str, Layer]) -> _Maps:
    """The maps of rows and columns from an ancestor to the value."""
    down, across = _Map(), _Map()
    while value != origin:
        layer = producers[value]
        own_down, own_across = _maps(layer)
        down, across = down.after(own_down), across.after(own_across)
        value = layer.bottoms[0]
    return down, across


def _maps(layer: Layer) -> _Maps:
    """The layer's own maps of rows and columns, from its first bottom to its top."""
    if layer.type in _UNMOVED:
        return _Map(), _Map()
    if layer.type in ("Crop", "AutoCrop"):
        offset = _explicit_offset(layer)
        return _Map(shift=Fraction(-offset[0])), _Map(shift=Fraction(-offset[1]))
    if layer.type not in _FILTERS or layer.params.get("pooling_param", {}).get("global_pooling"):
        raise UnsupportedLayerError(
            "this layer does not map positions, so a Crop after it cannot compute its offset",
            where=layer,
            expected=", ".join(sorted(_FILTERS)),
            hint="write the offset: type 'Crop' with crop_param { axis: 2 offset: ... }",
        )
    message = _FILTERS[layer.type]
    kernel = spatial(layer, message, "kernel", 2, None)
    stride, pad = (spatial(layer, message, n, 2, d) for n, d in (("stride", 1), ("pad", 0)))
    extents = [(k - 1) * d for k, d in zip(kernel, dilation(layer, message, 2), strict=True)]
    windows = [
        _Map(Fraction(s), Fraction(reach, 2) - p)
        for s, reach, p in zip(stride, extents, pad, strict=True)
    ]
    down, across = windows if layer.type == "Deconvolution" else [w.inverse() for w in windows]
    return down, across


def _explicit_offset(layer: Layer) -> list[int]:
    """A Crop's offset of rows and columns, in an image with four axes."""
    fields = layer.params.get("crop_param", {})
    axes = 4 - fields.get("axis", 2) % 4
    offset: list[int] = list(fields.get("offset", [])) or [0]
    offset = offset * axes if len(offset) == 1 else offset
    return [0, 0, *offset][-2:]


def _whole(crop: Layer, map_: _Map) -> int:
    if map_.scale != 1:
        raise ShapeError(
            "it cannot compute an offset, since its inputs have different scales",
            where=crop,
            expected="a first input as large as the second, except for a border",
            received=f"{float(map_.scale):g} to 1",
        )
    offset = -map_.shift
    if offset < 0 or offset.denominator != 1:
        raise ShapeError(
            "its offset is not one that Caffe can crop by: Caffe aborts",
            where=crop,
            expected="a whole number, 0 or more",
            received=f"{float(offset):g}",
            hint="write the intended offset: type 'Crop' with crop_param { axis: 2 offset: ... }",
        )
    return int(offset)


_FILTERS: Mapping[str, str] = {
    "Convolution": "convolution_param",
    "ConvolutionDepthwise": "convolution_param",
    "DepthwiseConvolution": "convolution_param",
    "Deconvolution": "convolution_param",
    "Im2col": "convolution_param",
    "Pooling": "pooling_param",
}

# Layers whose tops have every position where their bottoms have it.
_UNMOVED = frozenset(
    {"AbsVal", "BatchNorm", "Bias", "BN", "BNLL", "Concat", "Dropout", "Eltwise", "ELU", "Exp"}
    | {"Log", "LRN", "MVN", "Normalize", "Power", "PReLU", "ReLU", "ReLU6", "Scale", "Sigmoid"}
    | {"Slice", "Softmax", "Split", "TanH", "Threshold"}
)
