"""The part of a net that is to be lowered: what leads to its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches

from bridge.caffe.fillers import LEARNING
from bridge.caffe.net import Layer, Net
from bridge.errors import UsageError

# Layers that measure or record and that nothing deployed is made of; so are all `…Loss` layers, and
# Python's `…LossLayer` classes.
_MEASURING = frozenset({"Accuracy", "DetectionEvaluate", "HDF5Output"})


def cut(net: Net, outputs: Sequence[str] = ()) -> Net:
    """The layers and inputs that the outputs need.

    Without `outputs` these are the blobs that no layer reads; but losses and the like at the end
    are left away, with a warning, and what they alone read takes their place.
    Raises UsageError for an output that the net does not have.
    """
    if not outputs:
        net = _without_measures(net)
        outputs = net.outputs
    written = [top for layer in net.layers for top in layer.tops]
    known = [*(blob.name for blob in net.inputs), *written]
    for name in outputs:
        if name not in known:
            raise UsageError(
                f"the net has no blob {name!r} to give out",
                where=net.name or None,
                expected=", ".join(get_close_matches(name, known) or known[-5:]),
            )
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


def _without_measures(net: Net) -> Net:
    """The net without the losses at its end; the results that only they read are outputs now.

    Labels are no results, nor what is made of them alone; nor, of what a loss was fed with, that in
    which no layer with weights had a part; as long as there are others.
    """
    kept, gone = _parted(net.layers)
    measures = [layer for layer in gone if _measures(layer)]
    made = {top for layer in kept for top in layer.tops}
    read = {bottom for layer in kept for bottom in layer.bottoms}
    measured = [bottom for layer in measures for bottom in layer.bottoms]
    left = [name for name in net.outputs if not any(name in layer.tops for layer in gone)]
    fresh = [name for name in measured if name in made and name not in read]
    outputs = list(dict.fromkeys([*left, *fresh]))
    labels, learned = _labels(net, kept), _learned(kept)
    results = [name for name in outputs if name not in labels] or outputs
    if measures:
        results = [name for name in results if name in learned] or results
    return replace(
        net,
        layers=tuple(kept),
        outputs=tuple(results),
        warnings=(*net.warnings, *(f"{layer}: left away at the end" for layer in measures)),
    )


def _parted(layers: Sequence[Layer]) -> tuple[list[Layer], list[Layer]]:
    """The layers that are kept, and those that only measure what others make, or silence it."""
    kept: list[Layer] = []
    gone: list[Layer] = []
    read: set[str] = set()
    for layer in reversed(layers):
        if (_measures(layer) or layer.type == "Silence") and read.isdisjoint(layer.tops):
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


def _measures(layer: Layer) -> bool:
    return layer.type in _MEASURING or layer.type.endswith(("Loss", "LossLayer"))
