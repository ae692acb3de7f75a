"""The part of a net that is to be lowered: what leads to its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches

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
    """The net without the losses at its end; the results that only they read are outputs now."""
    unread = set(net.outputs)
    measures = [layer for layer in net.layers if _measures(layer) and unread.issuperset(layer.tops)]
    if not measures:
        return net
    gone = {id(layer) for layer in measures}
    layers = tuple(layer for layer in net.layers if id(layer) not in gone)
    made = {top for layer in layers for top in layer.tops}
    read = {bottom for layer in layers for bottom in layer.bottoms}
    measured = [bottom for layer in measures for bottom in layer.bottoms]
    left = [name for name in net.outputs if not any(name in layer.tops for layer in measures)]
    fresh = [name for name in measured if name in made and name not in read]
    return replace(
        net,
        layers=layers,
        outputs=tuple(dict.fromkeys([*left, *fresh])),
        warnings=(*net.warnings, *(f"{layer}: left away at the end" for layer in measures)),
    )


def _measures(layer: Layer) -> bool:
    return layer.type in _MEASURING or layer.type.endswith(("Loss", "LossLayer"))
