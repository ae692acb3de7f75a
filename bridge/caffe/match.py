"""Weights to layers, by name, as Caffe matches them: each in the shape that its layer needs.

(Source: Net::CopyTrainedLayersFrom and Net::AppendParam in src/caffe/net.cpp)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import prod

import numpy as np

from bridge.caffe.blobs import StoredBlob
from bridge.caffe.fillers import filled
from bridge.caffe.net import Blob, Layer, Net, Shape
from bridge.caffe.prototxt import Message
from bridge.caffe.shapes import infer, known_weights
from bridge.caffe.shapes.table import text
from bridge.caffe.weights import StoredLayer
from bridge.errors import Location, WeightsError

# None where the net as it stands does not say what a layer needs.
Needs = tuple[Shape, ...] | None


def attach(
    net: Net, messages: Sequence[Message], stored: Sequence[StoredLayer], file: Location
) -> Net:
    """The net with the blobs of a caffemodel.

    `messages` are those that the layers were made of; they say which parameters are shared.
    Errors: WeightsError where blobs do not fit, or where layers that need blobs find none.
    """
    needs = known_weights(net)
    by_name = {layer.name: layer for layer in stored if layer.blobs}
    _refuse_ambiguous(net.layers, needs, by_name)
    takers = {layer.name: layer for layer, need in zip(net.layers, needs, strict=True) if need}
    own = [
        _fitted(layer, need, by_name[layer.name])
        if layer.name in by_name and takers.get(layer.name, layer) is layer
        else ()
        for layer, need in zip(net.layers, needs, strict=True)
    ]
    blobs = _shared(net.layers, messages, needs, own)
    blobs, notes = _completed(net.layers, needs, blobs, file)
    layers = tuple(map(_with_blobs, net.layers, blobs))
    notes += _left_out(net, by_name, file)
    return replace(net, layers=layers, warnings=(*net.warnings, *notes))


def with_unknown_weights(net: Net) -> Net:
    """A net without weights, with blobs of the shapes that its layers need; every number a NaN.

    Errors: those of `shapes.infer`.
    """
    needs = infer(net).weights
    return replace(net, layers=tuple(map(_with_blobs, net.layers, map(_unknown, needs))))


def _unknown(needs: Needs) -> tuple[Blob, ...]:
    nan = np.float32("nan")
    return tuple(Blob(shape, partial(np.broadcast_to, nan, shape)) for shape in needs or ())


def _with_blobs(layer: Layer, blobs: Sequence[Blob]) -> Layer:
    own = (blob.belonging_to(layer.name, index) for index, blob in enumerate(blobs))
    return replace(layer, blobs=tuple(own))


def _refuse_ambiguous(
    layers: Sequence[Layer], needs: Sequence[Needs], stored: Mapping[str, StoredLayer]
) -> None:
    """Refuse layers of one name that all need weights: Caffe loads the first, and no other."""
    weighted = [layer for layer, need in zip(layers, needs, strict=True) if need]
    names = Counter(layer.name for layer in weighted)
    for layer in weighted:
        if names[layer.name] > 1 and layer.name in stored:
            raise WeightsError(
                f"{names[layer.name]} layers have this name and need weights",
                where=layer,
                expected="one layer of a name: weights are matched by it",
                hint="rename them, in the prototxt and in the net that wrote the caffemodel",
            )


def _fitted(layer: Layer, needs: Needs, found: StoredLayer) -> tuple[Blob, ...]:
    """A stored layer's blobs in the needed shapes; as they are where those are not known."""
    if needs is None:
        return tuple(stored.blob for stored in found.blobs)
    if len(needs) != len(found.blobs):
        raise WeightsError(
            "it has another number of blobs in the caffemodel",
            where=layer,
            expected=", ".join(map(text, needs)) or "none",
            received=", ".join(text(stored.blob.shape) for stored in found.blobs),
            hint=_OTHER_NET,
        )
    pairs = enumerate(zip(needs, found.blobs, strict=True))
    return tuple(_fitted_blob(layer, index, need, stored) for index, (need, stored) in pairs)


_OTHER_NET = "is this the caffemodel of another net, or of another version of this one?"


def _fitted_blob(layer: Layer, index: int, need: Shape, stored: StoredBlob) -> Blob:
    have = stored.blob.shape
    padded = (1,) * (4 - len(need)) + need
    if have != need and not (stored.legacy and have == padded):
        raise WeightsError(
            f"its blob {index} does not fit",
            where=layer,
            expected=text(need),
            received=text(have),
            hint=_OTHER_NET,
        )
    if stored.count != prod(need):
        raise WeightsError(
            f"its blob {index} has {stored.count} values in the caffemodel",
            where=layer,
            expected=f"{prod(need)}, for {text(need)}",
            received=stored.count,
        )
    return stored.blob.reshaped(*need)


def _shared(
    layers: Sequence[Layer],
    messages: Sequence[Message],
    needs: Sequence[Needs],
    own: Sequence[tuple[Blob, ...]],
) -> list[tuple[Blob, ...]]:
    """Blobs with the parameters that `param { name: }` shares: the first layer's serve all."""
    owners: dict[str, Blob] = {}
    for message, blobs in zip(messages, own, strict=True):
        for spec, blob in zip(message.get("param", ()), blobs, strict=False):
            owners.setdefault(spec.get("name", ""), blob)
    owners.pop("", None)
    result = []
    for layer, message, need, blobs in zip(layers, messages, needs, own, strict=True):
        slots: dict[int, Blob] = dict(enumerate(blobs))
        for index, spec in enumerate(message.get("param", ())[: len(need or blobs)]):
            owner = owners.get(spec.get("name", ""))
            if owner is not None:
                slots[index] = _as_owner(layer, spec, need, index, owner)
        result.append(tuple(slots[index] for index in sorted(slots)))
    return result


def _as_owner(layer: Layer, spec: Message, needs: Needs, index: int, owner: Blob) -> Blob:
    """The owner's blob for a layer that shares it; only PERMISSIVE sharing may reshape it."""
    need = owner.shape if needs is None else needs[index]
    same = prod(need) == prod(owner.shape) if spec.get("share_mode") == "PERMISSIVE" else False
    if need != owner.shape and not same:
        raise WeightsError(
            f"it cannot share the parameter '{spec['name']}'",
            where=layer,
            expected=text(need),
            received=text(owner.shape),
        )
    return owner.reshaped(*need)


def _completed(
    layers: Sequence[Layer], needs: Sequence[Needs], blobs: list[tuple[Blob, ...]], file: Location
) -> tuple[list[tuple[Blob, ...]], list[str]]:
    """Blobs with those of exact fillers where the file has none, and warnings about them."""
    missing, notes = [], []
    for index, (layer, need) in enumerate(zip(layers, needs, strict=True)):
        if not need or len(blobs[index]) == len(need):
            continue
        made = filled(layer, need)
        if made is None:
            missing.append(layer)
        else:
            blobs[index] = made
            notes.append(f"{layer}: not in {file}; its fillers, which are exact, serve")
    if missing:
        listed = "".join(f"\n  {layer}" for layer in missing)
        raise WeightsError(
            f"the caffemodel lacks the weights of {len(missing)} layers{listed}",
            where=file,
            hint="layers are matched by name: does the caffemodel belong to this prototxt?",
        )
    return blobs, notes


def _left_out(net: Net, stored: Mapping[str, StoredLayer], file: Location) -> list[str]:
    names = {layer.name for layer in net.layers}
    extra = [name for name in stored if name not in names]
    if not extra:
        return []
    listed = ", ".join(extra[:_LISTED])
    more = f" and {len(extra) - _LISTED} more" if len(extra) > _LISTED else ""
    return [f"{file}: left out the weights of layers that the net has not: {listed}{more}"]


_LISTED = 5
