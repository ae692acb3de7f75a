"""Weights to layers, by name, as Caffe matches them: each in the shape that its layer needs.

(Source: Net::CopyTrainedLayersFrom and Net::AppendParam in src/caffe/net.cpp)
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import prod

import numpy as np

from bridge.caffe.blob_layouts import arranged, group_hint, is_as_caffes, long_axes
from bridge.caffe.files.blobs import StoredBlob
from bridge.caffe.files.weights import StoredLayer
from bridge.caffe.fillers import Filler, fillers
from bridge.caffe.net import Blob, Layer, Net, Shape, Share
from bridge.caffe.shapes import known_weights
from bridge.caffe.shapes.norm import is_nvidias
from bridge.caffe.shapes.spatial.conv import is_silent_about_groups, is_told_by_weights
from bridge.caffe.shapes.table import text
from bridge.errors import Location, WeightsError

# None where the net as it stands does not say what a layer needs.
Needs = tuple[Shape, ...] | None

# The blobs of a layer by their index, as far as they are known.
Slots = dict[int, Blob]


def attach(
    net: Net, stored: Sequence[StoredLayer], file: Location, *, allow_missing: bool = False
) -> Net:
    """The net with the blobs of a caffemodel.

    What the file lacks is made by fillers where these are exact, or `allow_missing`.
    Errors: WeightsError where blobs do not fit, or where layers that need blobs find none; those
    of `fillers`.
    """
    net, by_name, notes = _arranged(net, {each.name: each for each in stored if each.blobs})
    needs = _needs(net, by_name)
    _refuse_ambiguous(net.layers, needs, by_name)
    takers = {layer.name: layer for layer, need in zip(net.layers, needs, strict=True) if need}
    slots = [
        _fitted(layer, need, by_name[layer.name])
        if layer.name in by_name and takers.get(layer.name, layer) is layer
        else {}
        for layer, need in zip(net.layers, needs, strict=True)
    ]
    # Caffe copies the file's layers in turn, and what they share is one place in its memory.
    places = {name: place for place, name in enumerate(by_name)}
    _share(net.layers, needs, slots, key=lambda index: places.get(net.layers[index].name, -1))
    made = [
        _missing(layer, need, known)
        for layer, need, known in zip(net.layers, needs, slots, strict=True)
    ]
    if not allow_missing:
        _refuse_made_up(net.layers, made, file)
    notes += [
        _note(layer, each, file) for layer, each in zip(net.layers, made, strict=True) if each
    ]
    notes += _left_out(net, by_name, file)
    notes += _otherwise_shaped(net.layers, needs, by_name)
    filled = _filled(net, needs, slots, made)
    notes += _without_statistics(filled.layers, by_name)
    return replace(filled, warnings=(*net.warnings, *notes))


def with_filled_weights(net: Net) -> Net:
    """A net without weights, with those that its fillers make, and a warning that says so.

    Errors: those of `fillers`; WeightsError where shared parameters do not fit.
    """
    needs = known_weights(net)
    slots: list[Slots] = [{} for _ in net.layers]
    made = [_missing(layer, need, {}) for layer, need in zip(net.layers, needs, strict=True)]
    filled = _filled(net, needs, slots, made)
    names = [layer.name for layer, each in zip(net.layers, made, strict=True) if each]
    if not names:
        return filled
    note = f"there is no caffemodel: the weights of {len(names)} layers are made up by fillers"
    silent = [
        layer.name
        for layer, each in zip(net.layers, made, strict=True)
        if any(filler and not filler.is_said for filler in each.values())
        and layer.type != "BatchNorm"
    ]
    if silent:
        note += f"; {len(silent)} of them set none, and have zeros: {_listed(silent)}"
    groupless = [layer.name for layer in net.layers if is_silent_about_groups(layer)]
    if groupless:
        note += (
            f"; {len(groupless)} of type DepthwiseConvolution set no group, and have one, as a "
            "Convolution has (a caffemodel would tell if it is one a channel): "
            f"{_listed(groupless)}"
        )
    return replace(filled, warnings=(*net.warnings, note))


def _arranged(
    net: Net, stored: Mapping[str, StoredLayer]
) -> tuple[Net, Mapping[str, StoredLayer], list[str]]:
    """The net and the stored layers with their blobs in the order that lowering sees, and warnings
    of those that have another one. Errors: WeightsError where the order is ambiguous."""
    found = [
        arranged(layer, stored[layer.name]) if layer.name in stored else None
        for layer in net.layers
    ]
    named: dict[str, list[str]] = {}
    for each in found:
        if each and each.note:
            named.setdefault(each.note, []).append(each.layer.name)
    notes = [f"the caffemodel has {note}: {_listed(names)}" for note, names in named.items()]
    layers = (each.layer if each else old for each, old in zip(found, net.layers, strict=True))
    rearranged = {each.layer.name: each.stored for each in found if each}
    return replace(net, layers=tuple(layers)), {**stored, **rearranged}, notes


def _needs(net: Net, stored: Mapping[str, StoredLayer]) -> tuple[Needs, ...]:
    """The blobs that each layer needs; of a BN those that are stored tell whose it is."""
    known = known_weights(_with_telling_blobs(net, stored))
    return tuple(
        None if layer.type == "BN" and layer.name in stored else need
        for layer, need in zip(net.layers, known, strict=True)
    )


def _with_telling_blobs(net: Net, stored: Mapping[str, StoredLayer]) -> Net:
    """The net with the stored blobs on those layers whose text does not say what they need."""

    def told(layer: Layer) -> Layer:
        if layer.name not in stored or not is_told_by_weights(layer):
            return layer
        return _with_blobs(layer, (each.blob for each in stored[layer.name].blobs.values()))

    return replace(net, layers=tuple(map(told, net.layers)))


def with_unknown_weights(net: Net) -> Net:
    """A net without weights, with blobs of the shapes that its layers need; every number a NaN."""
    needs = known_weights(net)
    return replace(net, layers=tuple(map(_with_blobs, net.layers, map(_unknown, needs))))


def _unknown(needs: Needs) -> tuple[Blob, ...]:
    nan = np.float32("nan")
    return tuple(Blob(shape, partial(np.broadcast_to, nan, shape)) for shape in needs or ())


def _with_blobs(layer: Layer, blobs: Iterable[Blob]) -> Layer:
    own = (
        blob.belonging_to(layer.name, _index_in_file(layer, blob, index))
        for index, blob in enumerate(blobs)
    )
    return replace(layer, blobs=tuple(own))


def _index_in_file(layer: Layer, blob: Blob, index: int) -> int:
    """Which of the layer's blobs in the file this is, where their order is another there."""
    return blob.origin.index if blob.origin and blob.origin.layer == layer.name else index


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


def _fitted(layer: Layer, needs: Needs, found: StoredLayer) -> Slots:
    """A stored layer's blobs in the needed shapes; as they are where those are not known."""
    blobs = found.blobs
    if needs is None:
        return {index: stored.blob for index, stored in blobs.items()}
    complete = blobs.keys() == set(range(len(needs)))
    if not complete and not (found.leaves_out_shared and blobs.keys() < set(range(len(needs)))):
        raise WeightsError(
            "it has another number of blobs in the caffemodel",
            where=layer,
            expected=", ".join(map(text, needs)) or "none",
            received=", ".join(text(stored.blob.shape) for stored in blobs.values()),
            hint=_OTHER_NET,
        )
    return {
        index: _fitted_blob(layer, index, needs[index], stored) for index, stored in blobs.items()
    }


def _misfit(layer: Layer, index: int, need: Shape, have: Shape) -> str:
    """What may be the matter with a blob that does not fit."""
    if index == 0 and (hint := group_hint(layer, need, have)):
        return hint
    is_resized = layer.type == "InnerProduct" and len(need) == len(have) and need[0] == have[0]
    if is_resized or len(need) != len(have):
        return f"has the input another shape than the net was trained with? Else, {_OTHER_NET}"
    return _OTHER_NET


_OTHER_NET = "is this the caffemodel of another net, or of another version of this one?"


def _fitted_blob(layer: Layer, index: int, need: Shape, stored: StoredBlob) -> Blob:
    have = stored.blob.shape
    if long_axes(have) != long_axes(need):
        raise WeightsError(
            f"its blob {index} does not fit",
            where=layer,
            expected=text(need),
            received=text(have),
            hint=_misfit(layer, index, need, have),
        )
    if stored.count != prod(need):
        raise WeightsError(
            f"its blob {index} has {stored.count} values in the caffemodel",
            where=layer,
            expected=f"{prod(need)}, for {text(need)}",
            received=stored.count,
        )
    return stored.blob.reshaped(*need)


def _otherwise_shaped(
    layers: Sequence[Layer], needs: Sequence[Needs], stored: Mapping[str, StoredLayer]
) -> list[str]:
    """A warning of blobs that have more or fewer axes of 1 than Caffe gives them."""

    names = [
        layer.name
        for layer, need in zip(layers, needs, strict=True)
        if need and layer.name in stored
        if not all(is_as_caffes(need[i], each) for i, each in stored[layer.name].blobs.items())
    ]
    if not names:
        return []
    return [f"the caffemodel has blobs with other axes of 1 than Caffe's: {_listed(names)}"]


def _without_statistics(layers: Sequence[Layer], stored: Mapping[str, StoredLayer]) -> list[str]:
    """A warning of batch norms whose factor is 0 beside statistics that are not."""
    names = [
        layer.name
        for layer in layers
        if layer.type == "BatchNorm" and layer.name in stored and not is_nvidias(layer)
        if len(layer.blobs) > 2 and not layer.blobs[2].array().any()
        if any(blob.array().any() for blob in layer.blobs[:2])
    ]
    if not names:
        return []
    note = "the caffemodel has a factor of 0 beside a mean and a variance that are not 0"
    return [f"{note}, and Caffe takes these for 0 then: {_listed(names)}"]


# ---- parameters that layers share ------------------------------------------------------------


def _share(
    layers: Sequence[Layer],
    needs: Sequence[Needs],
    slots: Sequence[Slots],
    key: Callable[[int], int],
) -> None:
    """Put the blobs that go by a name into all layers that name them: those of the layer whose
    number has the greatest `key`."""
    owners: dict[str, Blob] = {}
    for i in sorted(range(len(layers)), key=key):
        shares = layers[i].shares.items()
        owners |= {share.name: slots[i][index] for index, share in shares if index in slots[i]}
    for layer, need, own in zip(layers, needs, slots, strict=True):
        for index, share in layer.shares.items():
            if share.name in owners and (need is None or index < len(need)):
                own[index] = _as_owner(layer, share, need, index, owners[share.name])


def _as_owner(layer: Layer, share: Share, needs: Needs, index: int, owner: Blob) -> Blob:
    """The owner's blob for a layer that shares it; only PERMISSIVE sharing may reshape it."""
    need = owner.shape if needs is None else needs[index]
    if need != owner.shape and not (share.permissive and prod(need) == prod(owner.shape)):
        raise WeightsError(
            f"it cannot share the parameter '{share.name}'",
            where=layer,
            expected=text(need),
            received=text(owner.shape),
        )
    return owner.reshaped(*need)


# ---- blobs that are missing ------------------------------------------------------------------


def _missing(layer: Layer, needs: Needs, known: Slots) -> dict[int, Filler | None]:
    """What fills the blobs that a layer lacks, None where nobody knows."""
    lacking = [index for index in range(len(needs or ())) if index not in known]
    if not lacking:
        return {}
    made = fillers(layer, needs or ())
    return {index: made[index] if made else None for index in lacking}


def _refuse_made_up(
    layers: Sequence[Layer], made: Sequence[Mapping[int, Filler | None]], file: Location
) -> None:
    missing = [
        layer
        for layer, each in zip(layers, made, strict=True)
        if not all(filler and filler.is_exact for filler in each.values())
    ]
    if missing:
        raise WeightsError(
            "the caffemodel lacks the weights of layers:" + _lines(missing),
            where=file,
            hint="layers are matched by name: does the caffemodel belong to this prototxt? "
            "With --allow-missing-weights fillers make them up",
        )


def _note(layer: Layer, made: Mapping[int, Filler | None], file: Location) -> str:
    exact = all(filler and filler.is_exact for filler in made.values())
    what = "its fillers, which are exact, serve" if exact else "its weights are made up by fillers"
    return f"{layer}: not in {file}; {what}"


def _filled(
    net: Net,
    needs: Sequence[Needs],
    slots: Sequence[Slots],
    made: Sequence[Mapping[int, Filler | None]],
) -> Net:
    """The net with the blobs of the slots, and what fillers make where these are empty."""
    unknown = [layer for layer, each in zip(net.layers, made, strict=True) if None in each.values()]
    if unknown:
        raise WeightsError(
            f"nobody knows the fillers of {len(unknown)} layers" + _lines(unknown),
            hint="their weights must be in the caffemodel",
        )
    for own, each in zip(slots, made, strict=True):
        own.update({index: filler.blob for index, filler in each.items() if filler})
    # A layer that shares a parameter forgets what its own filler made.
    _share(net.layers, needs, slots, key=operator.neg)
    layers = (
        _with_blobs(layer, (own[index] for index in sorted(own)))
        for layer, own in zip(net.layers, slots, strict=True)
    )
    return replace(net, layers=tuple(layers))


def _lines(layers: Iterable[Layer]) -> str:
    return "".join(f"\n  {layer}" for layer in layers)


def _left_out(net: Net, stored: Mapping[str, StoredLayer], file: Location) -> list[str]:
    names = {layer.name for layer in net.layers}
    extra = [name for name in stored if name not in names]
    if not extra:
        return []
    return [f"{file}: left out the weights of layers that the net has not: {_listed(extra)}"]


_LISTED = 5


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
