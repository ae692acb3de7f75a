"""Weights to layers, by name, as Caffe matches them: each in the shape that its layer needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from bridge.caffe.net import Blob, Layer, Net, Shape
from bridge.caffe.shapes import known_weights
from bridge.caffe.shapes.table import text
from bridge.caffe.weights import StoredBlob, StoredLayer
from bridge.errors import WeightsError


def attach(net: Net, stored: Sequence[StoredLayer]) -> Net:
    """The net with the blobs of a caffemodel.

    Errors: WeightsError where shapes disagree.
    Source: Net::CopyTrainedLayersFrom in src/caffe/net.cpp.
    """
    by_name = {layer.name: layer for layer in stored if layer.blobs}
    layers = []
    for layer, needs in zip(net.layers, known_weights(net), strict=True):
        found = by_name.get(layer.name)
        blobs = _blobs(layer, needs, found) if found and needs != () else ()
        layers.append(replace(layer, blobs=blobs))
    return replace(net, layers=tuple(layers))


def _blobs(layer: Layer, needs: tuple[Shape, ...] | None, found: StoredLayer) -> tuple[Blob, ...]:
    if needs is None:
        return tuple(stored.blob for stored in found.blobs)
    if len(needs) != len(found.blobs):
        raise WeightsError(
            "the number of its blobs is wrong",
            where=layer,
            expected=len(needs),
            received=len(found.blobs),
        )
    return tuple(
        _fitted(layer, i, need, stored)
        for i, (need, stored) in enumerate(zip(needs, found.blobs, strict=True))
    )


def _fitted(layer: Layer, index: int, need: Shape, stored: StoredBlob) -> Blob:
    """A stored blob in the needed shape; legacy shapes may have ones in front of it."""
    have = stored.blob.shape
    if have != need and not (stored.legacy and have == (1,) * (4 - len(need)) + need):
        raise WeightsError(
            f"its blob {index} does not fit",
            where=layer,
            expected=text(need),
            received=text(have),
            hint="is this the caffemodel of another net, or of another version of this one?",
        )
    if stored.count != prod(need):
        raise WeightsError(
            f"its blob {index} lacks values",
            where=layer,
            expected=prod(need),
            received=stored.count,
        )
    return stored.blob.reshaped(*need)
