"""What is fed to a training, held to the net before Keras computes anything with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from bridge.caffe.net import Layer, Net
from bridge.errors import ShapeError, UsageError, did_you_mean
from bridge.layout import Size
from bridge.raising.plan import Plan
from bridge.types import Array

# The losses whose labels are classes, and the message that says along which axis.
_BY_CLASS = {
    "SoftmaxWithLoss": "softmax_param",
    "InfogainLoss": "infogain_loss_param",
    "HingeLoss": "",
    "MultinomialLogisticLoss": "",
}


def refuse_other_names(wanted: Sequence[str], names: Sequence[object]) -> None:
    """Raises UsageError unless these are the inputs of the net, all of them."""
    for name in wanted:
        if name not in names:
            raise UsageError(
                f"the batch lacks the input {name!r}",
                expected=", ".join(wanted),
                received=", ".join(map(str, names)) or "nothing",
            )
    for other in names:
        if other not in wanted:
            raise UsageError(
                f"the net has no input {other!r}",
                expected=", ".join(wanted),
                hint=did_you_mean(str(other), wanted) or None,
            )


def refuse_other_shapes(net: Net, arrays: Mapping[str, Array]) -> None:
    """Raises ShapeError for arrays of other shapes than the net's inputs. The first size, of the
    batch, may be another: the same for all inputs that have the same in the net."""
    first: dict[int, tuple[str, int]] = {}
    for entry in net.inputs:
        if entry.name not in arrays or not entry.shape:
            continue
        shape = arrays[entry.name].shape
        if len(shape) != len(entry.shape) or any(
            known not in (0, size) for known, size in zip(entry.shape[1:], shape[1:], strict=True)
        ):
            raise ShapeError(
                f"the input {entry.name!r} has another shape",
                expected=" ".join(map(str, entry.shape)),
                received=" ".join(map(str, shape)) or "()",
            )
        other, size = first.setdefault(entry.shape[0], (entry.name, shape[0]))
        if shape[0] != size:
            raise ShapeError(
                f"the inputs {other!r} and {entry.name!r} are of different batches",
                expected=size,
                received=shape[0],
            )


def refuse_other_labels(layers: Sequence[Layer], plan: Plan, arrays: Mapping[str, Array]) -> None:
    """Raises UsageError for labels that are no class: Caffe reads past its memory there."""
    for layer in layers:
        if layer.type not in _BY_CLASS or layer.bottoms[1] not in arrays:
            continue
        shape = plan.values[layer.bottoms[0]].layout.logical_shape
        classes, labels = _classes(layer, shape), arrays[layer.bottoms[1]]
        ignored = layer.params.get("loss_param", {}).get("ignore_label")
        wrong = (labels < 0) | (labels >= classes) if classes else np.zeros(1, bool)
        if ignored is not None:
            wrong &= labels.astype(np.int64) != ignored
        if wrong.any():
            raise UsageError(
                f"labels of {layer.bottoms[1]!r} are no class",
                where=layer,
                expected=f"0 to {classes - 1}" + ("" if ignored is None else f", or {ignored}"),
                received=f"{labels[wrong].flat[0]:g}",
            )


def _classes(layer: Layer, shape: Sequence[Size]) -> int:
    """How many there are; 0 if that is open."""
    message = _BY_CLASS[layer.type]
    own = tuple(shape[1:])
    if message:
        axis = layer.params.get(message, {}).get("axis", 1)
        own = (shape[axis],)
    return (
        prod(size for size in own if isinstance(size, int))
        if all(isinstance(size, int) for size in own)
        else 0
    )
