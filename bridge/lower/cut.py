"""The part of a net that is to be lowered: what leads to its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from bridge.caffe.fillers import LEARNING
from bridge.caffe.net import Layer, Net
from bridge.errors import UsageError, did_you_mean

# Layers that measure and that nothing deployed is made of; so are all `…Loss` layers, and Python's
# `…LossLayer` classes.
_MEASURING = frozenset({"Accuracy", "DetectionEvaluate"})


def cut(net: Net, outputs: Sequence[str] = ()) -> Net:
    """The layers and inputs that the outputs need.

    Without `outputs` these are the blobs that no layer reads; but losses and the like at the end,
    and layers without tops, are left away, with a warning, and what they alone read takes their
    place. Raises UsageError for an output that the net does not have.
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
_LISTED = 8


def _refuse_unknown_outputs(net: Net, outputs: Sequence[str]) -> None:
    by_layer = {layer.name: layer.tops for layer in net.layers}
    tops_of_all = chain.from_iterable(layer.tops for layer in net.layers)
    known = [*(blob.name for blob in net.inputs), *tops_of_all]
    for name in outputs:
        if name not in known:
            tops = ", ".join(by_layer.get(name, ()))
            raise UsageError(
                f"the net has no blob '{name}' to give out",
                where=net.name or None,
                expected=" ".join(known[-_LISTED:]) + (" …" if len(known) > _LISTED else ""),
                hint=f"layer '{name}' writes {tops}" if tops else did_you_mean(name, known) or None,
            )


def _without_sinks(net: Net) -> Net:
    """The net without the losses and the writers at its end; what only they read is an output now.

    Labels are no results, nor what is made of them alone; nor, of what a loss was fed with, that in
    which no layer with weights had a part; as long as there are others.
    """
    kept, gone = _parted(net.layers)
    made = {top for layer in kept for top in layer.tops}
    read = {bottom for layer in kept for bottom in layer.bottoms}
    fresh = [[x for x in layer.bottoms if x in made - read] for layer in gone]
    left = [name for name in net.outputs if not any(name in layer.tops for layer in gone)]
    outputs = list(dict.fromkeys([*left, *chain.from_iterable(fresh)]))
    labels, learned = _labels(net, kept), _learned(kept)
    results = [name for name in outputs if name not in labels] or outputs
    if any(map(measures, gone)):
        kinds = zip(gone, fresh, strict=True)
        learned |= {x for layer, names in kinds if not measures(layer) for x in names}
        results = [name for name in results if name in learned] or results
    notes = (
        _left_away(layer, [x for x in names if x in results])
        for layer, names in zip(gone, fresh, strict=True)
    )
    return replace(
        net,
        layers=tuple(kept),
        outputs=tuple(results),
        warnings=(*net.warnings, *filter(None, notes)),
    )


def _left_away(layer: Layer, outputs: Sequence[str]) -> str:
    """What is said of a layer that is left away; nothing of a Silence behind what is no result."""
    if measures(layer):
        return f"{layer}: left away at the end"
    if outputs:
        return f"{layer}: left away; what it reads is given out: {', '.join(outputs)}"
    return "" if layer.type == "Silence" else f"{layer}: left away; it writes no blob"


def _parted(layers: Sequence[Layer]) -> tuple[list[Layer], list[Layer]]:
    """The layers that are kept, and those that only measure what others make, or write no blob."""
    kept: list[Layer] = []
    gone: list[Layer] = []
    read: set[str] = set()
    for layer in reversed(layers):
        if not layer.tops or (measures(layer) and read.isdisjoint(layer.tops)):
            gone.insert(0, layer)
        else:
            kept.insert(0, layer)
            read.update(layer.bottoms)
    return kept, gone


def _labels(net: Net, layers: Sequence[Layer]) -> set[str]:
    """The values that are labels, or made of labels alone."""
    values = {blob.name for blob in net.inputs if blob.is_label}
    for layer in layers:
        if layer.bottoms and values.issuperset(layer.bottoms):
            values.update(layer.tops)
    return values


def _learned(layers: Sequence[Layer]) -> set[str]:
    """The values that a layer with weights had a part in."""
    values: set[str] = set()
    for layer in layers:
        if layer.blobs or layer.type in LEARNING or not values.isdisjoint(layer.bottoms):
            values.update(layer.tops)
    return values


def measures(layer: Layer) -> bool:
    return layer.type in _MEASURING or layer.type.endswith(("Loss", "LossLayer"))
