"""What whole numbers an input takes that is no image: indices, regions, sizes and flags.

Numbers from elsewhere tell nothing about a net: an index past its table is refused, and a region
beside the image is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from bridge.caffe.net import Layer, Net

if TYPE_CHECKING:
    from bridge.graph.ranges import Columns

_MOVES = frozenset({"Flatten", "Reshape", "Split"})


def input_ranges(net: Net) -> dict[str, Columns]:
    """The ranges of those inputs that a layer reads as such numbers."""
    makers = {top: layer for layer in net.layers for top in layer.tops}
    found: dict[str, Columns] = {}
    for layer in net.layers:
        for index, columns in _KINDS.get(layer.type, {}).items():
            if index >= len(layer.bottoms):
                continue
            name = layer.bottoms[index]
            while name in makers and makers[name].type in _MOVES:
                name = makers[name].bottoms[0]
            if any(each.name == name for each in net.inputs):
                found.setdefault(name, columns(net, layer))
    return found


def _indices(_: Net, layer: Layer) -> Columns:
    rows = int(layer.params.get("embed_param", {}).get("input_dim", 1))
    return ((0, max(rows - 1, 0)),)


def _flags(_: Net, __: Layer) -> Columns:
    return ((0, 1),)


def _regions(net: Net, layer: Layer) -> Columns:
    """The image's number, and two corners: left top and right bottom, so that none is empty."""
    height, width = _image(net, layer)
    low, high = ((0, width // 2), (0, height // 2)), ((width // 2, width), (height // 2, height))
    last = tuple((begin, max(begin, end - 1)) for begin, end in (*low, *high))
    return ((0, 0), *last)


def _size(net: Net, layer: Layer) -> Columns:
    """Height, width and scale of the image."""
    return *((size, size) for size in _image(net, layer)), (1, 1)


def _image(net: Net, layer: Layer) -> tuple[int, int]:
    """The height and width that regions are told in: the net's image's, or what `spatial_scale`
    says of it where the net takes features instead."""
    images = [each for each in net.inputs if len(each.shape) == 4 and each.shape[2] > 1]
    if not images:
        return 64, 64
    height, width = images[0].shape[2:]
    if images[0].name not in layer.bottoms:
        return height, width
    scale = next((p["spatial_scale"] for p in layer.params.values() if "spatial_scale" in p), 1.0)
    return round(height / scale), round(width / scale)


_KINDS: Mapping[str, Mapping[int, Callable[[Net, Layer], Columns]]] = {
    "Embed": {0: _indices},
    "LSTM": {1: _flags},
    "Lstm": {1: _flags},
    "RNN": {1: _flags},
    "ROIPooling": {1: _regions},
    "ROIAlign": {1: _regions},
    "PSROIPooling": {1: _regions},
    "Proposal": {2: _size},
    "rpn.proposal_layer.ProposalLayer": {2: _size},
    "SSH.layers.proposal_layer.ProposalLayer": {2: _size},
}
