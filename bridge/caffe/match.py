"""Matching weights to layers by name, as Caffe does, in the shapes that the layers need.

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

from bridge.caffe.blob_layouts import (
    Arranged,
    arranged,
    group_hint,
    has_caffes_shape,
    non_unit_axes,
)
from bridge.caffe.files.blobs import StoredBlob
from bridge.caffe.files.weights import StoredLayer
from bridge.caffe.fillers import Filler, fillers
from bridge.caffe.net import Blob, Layer, Net, Shape, Share
from bridge.caffe.shapes import known_weights
from bridge.caffe.shapes.norm import is_nvidias
from bridge.caffe.shapes.spatial.conv import is_determined_by_weights, is_silent_about_groups
from bridge.caffe.shapes.table import text
from bridge.errors import Location, WeightsError, lines_of

# None where the net alone does not determine what a layer needs.
Needs = tuple[Shape, ...] | None

# The known blobs of a layer, by index.
Slots = dict[int, Blob]

# The fillers of the blobs that a layer lacks, by index; None where the filler is unknown.
Missing = Mapping[int, Filler | None]


def attach(
    net: Net, stored: Sequence[StoredLayer], file: Location, *, allow_missing: bool = False
) -> Net:
    """The net with the blobs of a caffemodel.

    Blobs that the file lacks are initialised by fillers if these are exact, or `allow_missing`.
    Errors: WeightsError where blobs do not fit, or a layer that needs blobs has none; those of
    `fillers`.
    """
    net, by_name, notes = _arranged(net, {layer.name: layer for layer in stored if layer.blobs})
    needs = _needs(net, by_name)
    _refuse_ambiguous(net.layers, needs, by_name)
    owners = {layer.name: layer for layer, need in zip(net.layers, needs, strict=True) if need}
    slots = [
        _fitted(layer, need, by_name[layer.name])
        if layer.name in by_name and owners.get(layer.name, layer) is layer
        else {}
        for layer, need in zip(net.layers, needs, strict=True)
    ]
    # Caffe copies the file's layers in order, and shared blobs are one buffer: the last one wins.
    positions = {name: position for position, name in enumerate(by_name)}
    _share(net.layers, needs, slots, key=lambda index: positions.get(net.layers[index].name, -1))
    missing = [
        _missing(layer, need, known)
        for layer, need, known in zip(net.layers, needs, slots, strict=True)
    ]
    if not allow_missing:
        _refuse_missing(net.layers, missing, file)
    notes += [
        _note(layer, lacking, file)
        for layer, lacking in zip(net.layers, missing, strict=True)
        if lacking
    ]
    notes += _left_out(net, by_name, file)
    notes += _shape_notes(net.layers, needs, by_name)
    filled = _filled(net, needs, slots, missing)
    notes += _zero_factor_notes(filled.layers, by_name)
    return replace(filled, warnings=(*net.warnings, *notes))


def with_filled_weights(net: Net) -> Net:
    """A net without weights, with weights from its fillers, and a warning that says so.

    Errors: those of `fillers`; WeightsError where shared parameters do not fit.
    """
    needs = known_weights(net)
    slots: list[Slots] = [{} for _ in net.layers]
    missing = [_missing(layer, need, {}) for layer, need in zip(net.layers, needs, strict=True)]
    filled = _filled(net, needs, slots, missing)
    names = [layer.name for layer, lacking in zip(net.layers, missing, strict=True) if lacking]
    if not names:
        return filled
    note = f"no caffemodel: the weights of {len(names)} layers are initialised by fillers"
    silent = [
        layer.name
        for layer, lacking in zip(net.layers, missing, strict=True)
        if any(filler and not filler.is_specified for filler in lacking.values())
        and layer.type != "BatchNorm"
    ]
    if silent:
        note += f"; {len(silent)} of them set no filler, and are zero: {_listed(silent)}"
    groupless = [layer.name for layer in net.layers if is_silent_about_groups(layer)]
    if groupless:
        note += (
            f"; {len(groupless)} of type DepthwiseConvolution set no group, and have one, like a "
            "Convolution (a caffemodel would show whether it is one per channel): "
            f"{_listed(groupless)}"
        )
    return replace(filled, warnings=(*net.warnings, note))


def _arranged(
    net: Net, stored: Mapping[str, StoredLayer]
) -> tuple[Net, Mapping[str, StoredLayer], list[str]]:
    """The net and the stored layers with their blobs in the order that lowering sees, and warnings
    about other orders. Errors: WeightsError where the order is ambiguous."""
    results: list[Arranged | None] = [
        arranged(layer, stored[layer.name]) if layer.name in stored else None
        for layer in net.layers
    ]
    named: dict[str, list[str]] = {}
    for result in results:
        if result and result.note:
            named.setdefault(result.note, []).append(result.layer.name)
    notes = [f"the caffemodel has {note}: {_listed(names)}" for note, names in named.items()]
    pairs = zip(results, net.layers, strict=True)
    layers = (result.layer if result else layer for result, layer in pairs)
    rearranged = {result.layer.name: result.stored for result in results if result}
    return replace(net, layers=tuple(layers)), {**stored, **rearranged}, notes


def _needs(net: Net, stored: Mapping[str, StoredLayer]) -> tuple[Needs, ...]:
    """The blobs that each layer needs; for a BN the stored blobs show which fork it is from."""
    known = known_weights(_with_deciding_blobs(net, stored))
    return tuple(
        None if layer.type == "BN" and layer.name in stored else need
        for layer, need in zip(net.layers, known, strict=True)
    )


def _with_deciding_blobs(net: Net, stored: Mapping[str, StoredLayer]) -> Net:
    """The net with the stored blobs on those layers whose text does not say what they need."""

    def completed(layer: Layer) -> Layer:
        if layer.name not in stored or not is_determined_by_weights(layer):
            return layer
        return _with_blobs(layer, (blob.blob for blob in stored[layer.name].blobs.values()))

    return replace(net, layers=tuple(map(completed, net.layers)))


def with_unknown_weights(net: Net) -> Net:
    """A net without weights, with blobs of the shapes that its layers need, filled with NaN."""
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
    """The index of a blob among the layer's blobs in the file, whose order may differ."""
    return blob.origin.index if blob.origin and blob.origin.layer == layer.name else index


def _refuse_ambiguous(
    layers: Sequence[Layer], needs: Sequence[Needs], stored: Mapping[str, StoredLayer]
) -> None:
    """Refuse layers with the same name that all need weights: Caffe loads only the first."""
    weighted = [layer for layer, need in zip(layers, needs, strict=True) if need]
    names = Counter(layer.name for layer in weighted)
    for layer in weighted:
        if names[layer.name] > 1 and layer.name in stored:
            raise WeightsError(
                f"{names[layer.name]} layers with weights have this name",
                where=layer,
                expected="unique names: weights are matched by them",
                hint="rename them, in the prototxt and in the net that wrote the caffemodel",
            )


def _fitted(layer: Layer, needs: Needs, stored_layer: StoredLayer) -> Slots:
    """A stored layer's blobs in the needed shapes, or unchanged if those are unknown."""
    blobs = stored_layer.blobs
    if needs is None:
        return {index: stored.blob for index, stored in blobs.items()}
    indices = set(range(len(needs)))
    may_lack_some = stored_layer.leaves_out_shared and blobs.keys() < indices
    if blobs.keys() != indices and not may_lack_some:
        raise WeightsError(
            "the caffemodel has another number of blobs for it",
            where=layer,
            expected=", ".join(map(text, needs)) or "none",
            received=", ".join(text(stored.blob.shape) for stored in blobs.values()),
            hint=_OTHER_NET,
        )
    return {
        index: _fitted_blob(layer, index, needs[index], stored) for index, stored in blobs.items()
    }


def _mismatch_hint(layer: Layer, index: int, need: Shape, have: Shape) -> str:
    """What may be wrong with a blob that does not fit."""
    if index == 0 and (hint := group_hint(layer, need, have)):
        return hint
    is_resized = layer.type == "InnerProduct" and len(need) == len(have) and need[0] == have[0]
    if is_resized or len(need) != len(have):
        return f"was the net trained with another input shape? Otherwise, {_OTHER_NET}"
    return _OTHER_NET


_OTHER_NET = "is this the caffemodel of another net, or of another version of this one?"


def _fitted_blob(layer: Layer, index: int, need: Shape, stored: StoredBlob) -> Blob:
    have = stored.blob.shape
    if non_unit_axes(have) != non_unit_axes(need):
        raise WeightsError(
            f"its blob {index} does not fit",
            where=layer,
            expected=text(need),
            received=text(have),
            hint=_mismatch_hint(layer, index, need, have),
        )
    if stored.count != prod(need):
        raise WeightsError(
            f"its blob {index} has {stored.count} values in the caffemodel",
            where=layer,
            expected=f"{prod(need)}, for {text(need)}",
            received=stored.count,
        )
    return stored.blob.reshaped(*need)


def _shape_notes(
    layers: Sequence[Layer], needs: Sequence[Needs], stored: Mapping[str, StoredLayer]
) -> list[str]:
    """A warning about blobs with more or fewer axes of size 1 than Caffe's."""
    names = [
        layer.name
        for layer, need in zip(layers, needs, strict=True)
        if need and layer.name in stored
        if not all(has_caffes_shape(need[i], b) for i, b in stored[layer.name].blobs.items())
    ]
    if not names:
        return []
    return [
        f"the caffemodel has blobs with more or fewer axes of size 1 than Caffe's: {_listed(names)}"
    ]


def _zero_factor_notes(layers: Sequence[Layer], stored: Mapping[str, StoredLayer]) -> list[str]:
    """A warning about batch norms whose factor is 0 although their statistics are not."""
    names = [
        layer.name
        for layer in layers
        if layer.type == "BatchNorm" and layer.name in stored and not is_nvidias(layer)
        if all(blob.is_whole for blob in stored[layer.name].blobs.values())
        if len(layer.blobs) > 2 and not layer.blobs[2].array().any()
        if any(blob.array().any() for blob in layer.blobs[:2])
    ]
    if not names:
        return []
    note = "the caffemodel has a factor of 0 with a mean and a variance that are not 0"
    return [f"{note}, which Caffe then takes as 0: {_listed(names)}"]


# ---- parameters that layers share ------------------------------------------------------------


def _share(
    layers: Sequence[Layer],
    needs: Sequence[Needs],
    slots: Sequence[Slots],
    key: Callable[[int], int],
) -> None:
    """Put named blobs into all layers that name them: those of the layer whose index has the
    greatest `key`."""
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


def _missing(layer: Layer, needs: Needs, known: Slots) -> Missing:
    """The fillers of the blobs that a layer lacks."""
    lacking = [index for index in range(len(needs or ())) if index not in known]
    if not lacking:
        return {}
    own = fillers(layer, needs or ())
    return {index: own[index] if own else None for index in lacking}


def _is_exact(missing: Missing) -> bool:
    return all(filler and filler.is_exact for filler in missing.values())


def _refuse_missing(layers: Sequence[Layer], missing: Sequence[Missing], file: Location) -> None:
    pairs = zip(layers, missing, strict=True)
    inexact = [layer for layer, lacking in pairs if not _is_exact(lacking)]
    if inexact:
        raise WeightsError(
            "the caffemodel lacks the weights of layers:",
            lines=lines_of(inexact),
            where=file,
            hint="layers are matched by name: does the caffemodel belong to this prototxt? "
            "--allow-missing-weights initialises them by fillers",
        )


def _note(layer: Layer, missing: Missing, file: Location) -> str:
    if _is_exact(missing):
        return f"{layer}: not in {file}; its weights are those of its fillers, which are exact"
    return f"{layer}: not in {file}; its weights are initialised by fillers"


def _filled(
    net: Net, needs: Sequence[Needs], slots: Sequence[Slots], missing: Sequence[Missing]
) -> Net:
    """The net with the blobs of the slots, and the fillers' values where these are empty."""
    pairs = zip(net.layers, missing, strict=True)
    unknown = [layer for layer, lacking in pairs if None in lacking.values()]
    if unknown:
        raise WeightsError(
            f"the fillers of {len(unknown)} layers are unknown:",
            lines=lines_of(unknown),
            hint="their weights must be in the caffemodel",
        )
    for own, lacking in zip(slots, missing, strict=True):
        own.update({index: filler.blob for index, filler in lacking.items() if filler})
    # In a layer that shares a parameter, the owner's values replace its own filler's.
    _share(net.layers, needs, slots, key=operator.neg)
    layers = (
        _with_blobs(layer, (own[index] for index in sorted(own)))
        for layer, own in zip(net.layers, slots, strict=True)
    )
    return replace(net, layers=tuple(layers))


def _left_out(net: Net, stored: Mapping[str, StoredLayer], file: Location) -> list[str]:
    names = {layer.name for layer in net.layers}
    extra = [name for name in stored if name not in names]
    if not extra:
        return []
    return [f"{file}: ignored the weights of layers that the net lacks: {_listed(extra)}"]


_MAX_LISTED = 5


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MAX_LISTED} more" if len(names) > _MAX_LISTED else ""
    return ", ".join(names[:_MAX_LISTED]) + more
