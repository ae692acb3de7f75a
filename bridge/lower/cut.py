"""The part of a net to lower: the layers that lead to its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from bridge.caffe.fillers import LEARNING
from bridge.caffe.net import Layer, Net
from bridge.errors import UsageError, which_names

# Layers that only measure, which no deployed net needs; so do all `…Loss` layers, and Python's
# `…LossLayer` classes.
_MEASURING = frozenset({"Accuracy", "DetectionEvaluate"})


def cut(net: Net, outputs: Sequence[str] = ()) -> Net:
    """The layers and inputs that the outputs need.

    Without `outputs` these are the blobs that no layer reads; but losses and metrics at the end,
    and layers without tops, are dropped with a warning, and the blobs that only they read become
    outputs instead. Raises UsageError for an output that the net does not have.
    """
    if not outputs:
        net = _without_sinks(net)
        outputs = net.outputs
    _refuse_unknown_outputs(net, outputs)
    needed, layers = set(outputs), []
    for layer in reversed(net.layers):
        if needed.intersection(layer.tops):
            needed.update(layer.bottoms)
            layers.append(layer)
    return replace(
        net,
        inputs=tuple(blob for blob in net.inputs if blob.name in needed),
        layers=tuple(reversed(layers)),
        outputs=tuple(dict.fromkeys(outputs)),
    )


# How many blobs an error message lists.
_MAX_LISTED = 8


def _refuse_unknown_outputs(net: Net, outputs: Sequence[str]) -> None:
    by_layer = {layer.name: layer.tops for layer in net.layers}
    tops_of_all = chain.from_iterable(layer.tops for layer in net.layers)
    known = [*(blob.name for blob in net.inputs), *tops_of_all]
    names = {*known}
    for name in outputs:
        if name not in names:
            tops = ", ".join(by_layer.get(name, ()))
            raise UsageError(
                f"the net has no blob '{name}' to return",
                where=net.name or None,
                expected=" ".join(known[-_MAX_LISTED:]) + (" …" * (len(known) > _MAX_LISTED)),
                hint=f"layer '{name}' writes {tops}" if tops else which_names(name, known),
            )


def _without_sinks(net: Net) -> Net:
    """The net without the losses and writers at its end; blobs that only they read become outputs.

    Not outputs, as long as there are others: labels and blobs computed from labels alone; and
    inputs of a loss that depend on no layer with weights.
    """
    kept, dropped = _partitioned(net.layers)
    produced = {top for layer in kept for top in layer.tops}
    read = {bottom for layer in kept for bottom in layer.bottoms}
    unread = produced - read
    fresh = [[x for x in layer.bottoms if x in unread] for layer in dropped]
    lost = {top for layer in dropped for top in layer.tops}
    remaining = [name for name in net.outputs if name not in lost]
    outputs = list(dict.fromkeys([*remaining, *chain.from_iterable(fresh)]))
    labels, learned = _labels(net, kept), _learned(kept)
    results = [name for name in outputs if name not in labels] or outputs
    if any(map(measures, dropped)):
        kinds = zip(dropped, fresh, strict=True)
        learned |= {x for layer, names in kinds if not measures(layer) for x in names}
        results = [name for name in results if name in learned] or results
    notes = (
        _drop_note(layer, [x for x in names if x in results])
        for layer, names in zip(dropped, fresh, strict=True)
    )
    return replace(
        net,
        layers=tuple(kept),
        outputs=tuple(results),
        warnings=(*net.warnings, *filter(None, notes)),
    )


def _drop_note(layer: Layer, outputs: Sequence[str]) -> str:
    """The warning about a dropped layer; none for a Silence whose input is no output."""
    if measures(layer):
        return f"{layer}: left out at the end of the net"
    if outputs:
        return f"{layer}: left out; the blobs that it reads are outputs: {', '.join(outputs)}"
    return "" if layer.type == "Silence" else f"{layer}: left out; it writes no blob"


def _partitioned(layers: Sequence[Layer]) -> tuple[list[Layer], list[Layer]]:
    """The layers that are kept, and those that only measure values of others or write no blob."""
    kept: list[Layer] = []
    dropped: list[Layer] = []
    read: set[str] = set()
    for layer in reversed(layers):
        if not layer.tops or (measures(layer) and read.isdisjoint(layer.tops)):
            dropped.append(layer)
        else:
            kept.append(layer)
            read.update(layer.bottoms)
    return kept[::-1], dropped[::-1]


def _labels(net: Net, layers: Sequence[Layer]) -> set[str]:
    """The values that are labels, or computed from labels alone."""
    values = {blob.name for blob in net.inputs if blob.is_label}
    for layer in layers:
        if layer.bottoms and values.issuperset(layer.bottoms):
            values.update(layer.tops)
    return values


def _learned(layers: Sequence[Layer]) -> set[str]:
    """The values that depend on a layer with weights."""
    values: set[str] = set()
    for layer in layers:
        if layer.blobs or layer.type in LEARNING or not values.isdisjoint(layer.bottoms):
            values.update(layer.tops)
    return values


def measures(layer: Layer) -> bool:
    return layer.type in _MEASURING or layer.type.endswith(("Loss", "LossLayer"))
