"""The integers that inputs other than images take: indices, regions, sizes and flags.

Other numbers would test nothing: an index beyond its table is refused, and a region outside the
image is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from bridge.caffe.net import Layer, Net

if TYPE_CHECKING:
    from bridge.graph.ranges import Columns

_MOVES = frozenset({"Flatten", "Reshape", "Split"})


def input_ranges(net: Net) -> dict[str, Columns]:
    """The ranges of the inputs that a layer reads as such numbers."""
    producers = {top: layer for layer in net.layers for top in layer.tops}
    ranges: dict[str, Columns] = {}
    for layer in net.layers:
        for index, columns in _KINDS.get(layer.type, {}).items():
            if index >= len(layer.bottoms):
                continue
            name = layer.bottoms[index]
            while name in producers and producers[name].type in _MOVES:
                name = producers[name].bottoms[0]
            if any(entry.name == name for entry in net.inputs):
                ranges.setdefault(name, columns(net, layer))
    return ranges


def _indices(_: Net, layer: Layer) -> Columns:
    rows = int(layer.params.get("embed_param", {}).get("input_dim", 1))
    return ((0, max(rows - 1, 0)),)


def _flags(_: Net, __: Layer) -> Columns:
    return ((0, 1),)


def _regions(net: Net, layer: Layer) -> Columns:
    """The image's index and two corners, top left and bottom right, so that no region is empty."""
    height, width = _image(net, layer)
    low, high = ((0, width // 2), (0, height // 2)), ((width // 2, width), (height // 2, height))
    last = tuple((begin, max(begin, end - 1)) for begin, end in (*low, *high))
    return ((0, 0), *last)


def _size(net: Net, layer: Layer) -> Columns:
    """Height, width and scale of the image."""
    return *((size, size) for size in _image(net, layer)), (1, 1)


def _image(net: Net, layer: Layer) -> tuple[int, int]:
    """The height and width of the image that regions refer to: an input's, or, if the net takes
    features instead, what `spatial_scale` says."""
    images = [entry for entry in net.inputs if len(entry.shape) == 4 and entry.shape[2] > 1]
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
