"""The layers of a net that measure, losses and metrics: calls of the functions of `losses.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.caffe import schema
from bridge.caffe.net import Layer
from bridge.caffe.preprocessing import read_blob
from bridge.errors import WeightsError
from bridge.files.beside import beside
from bridge.training import losses
from bridge.types import Array

Tensor = Any
Options = Mapping[str, Any]


@dataclass(frozen=True)
class Measure:
    """A function of the bottoms of a layer, and the message and the fields that are its options.
    `normalization` is the default of those that have one, empty for others."""

    function: Callable[..., Sequence[Tensor]]
    message: tuple[str, str] = ("", "")
    fields: tuple[str, ...] = ()
    normalization: str = ""


TABLE: Mapping[str, Measure] = {
    "Accuracy": Measure(
        losses.accuracy, ("accuracy_param", "AccuracyParameter"), ("axis", "top_k")
    ),
    "ContrastiveLoss": Measure(
        losses.contrastive_loss,
        ("contrastive_loss_param", "ContrastiveLossParameter"),
        ("margin", "legacy_version"),
    ),
    "EuclideanLoss": Measure(losses.euclidean_loss),
    "HingeLoss": Measure(losses.hinge_loss, ("hinge_loss_param", "HingeLossParameter"), ("norm",)),
    "InfogainLoss": Measure(
        losses.infogain_loss, ("infogain_loss_param", "InfogainLossParameter"), ("axis",), "VALID"
    ),
    "MultinomialLogisticLoss": Measure(losses.multinomial_logistic_loss),
    "SigmoidCrossEntropyLoss": Measure(
        losses.sigmoid_cross_entropy_loss, normalization="BATCH_SIZE"
    ),
    "SoftmaxWithLoss": Measure(
        losses.softmax_with_loss, ("softmax_param", "SoftmaxParameter"), ("axis",), "VALID"
    ),
}


def measured(layer: Layer, *bottoms: Tensor) -> Sequence[Tensor]:
    """The tops of a loss or metric. Raises BridgeError for a matrix that cannot be read."""
    own = matrix(layer, bottoms[0].shape)
    more = () if own is None else (own,)
    return TABLE[layer.type].function(*bottoms, *more, **options(layer))[: len(layer.tops)]


def options(layer: Layer) -> dict[str, Any]:
    """The options of a layer's function, with Caffe's defaults."""
    own = TABLE[layer.type]
    parameter, message = own.message
    stated = layer.params.get(parameter, {})
    fields = {**(schema.defaults(message) if message else {}), **stated}
    result = {name: fields[name] for name in own.fields}
    if own.normalization:
        result["normalization"] = mode(layer, own.normalization)
    labelled = layer.params.get("loss_param", {}) if own.normalization else stated
    if "ignore_label" in labelled:
        result["ignore_label"] = labelled["ignore_label"]
    return result


def mode(layer: Layer, default: str) -> str:
    """The normalisation of a loss; `normalize` is what older nets have for it."""
    stated = layer.params.get("loss_param", {})
    if "normalization" not in stated and "normalize" in stated:
        return "VALID" if stated["normalize"] else "BATCH_SIZE"
    return str(stated.get("normalization", default))


def matrix(layer: Layer, shape: Sequence[Any]) -> Array | None:
    """The matrix of an InfogainLoss over scores of this shape that has it in a file, as a blob of
    Caffe's; None for other layers, and where a third bottom has it (infogain_loss_layer.cpp).

    Raises UsageError for a file that is not beside the net, WeightsError for another matrix.
    """
    if layer.type != "InfogainLoss" or len(layer.bottoms) > 2:
        return None
    name = layer.params.get("infogain_loss_param", {}).get("source", "")
    file = beside(layer.where, name, "matrix of the loss")
    values, classes = read_blob(file, "matrix").array(), int(shape[options(layer)["axis"]])
    if values.size != classes * classes:
        raise WeightsError(
            "the matrix does not fit the loss",
            where=file,
            expected=f"{classes} {classes}, of the classes of {layer}",
            received=" ".join(map(str, values.shape)),
        )
    return values.reshape(classes, classes)
