"""Caffe's losses and its accuracy, in `keras.ops`, over tensors with Caffe's axes.

Where what Caffe's `Backward` computes is not the derivative of what its `Forward` computes, the
value is Forward's and the gradient Backward's (`with_gradient_of`).
(Source: src/caffe/layers/*_loss_layer.cpp, accuracy_layer.cpp, loss_layer.cpp)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

from keras import ops

from bridge.caffe import schema
from bridge.caffe.net import Layer
from bridge.errors import UnsupportedLayerError

Tensor = Any
Loss = Callable[..., Sequence[Tensor]]

_SMALLEST = 1.17549435e-38  # FLT_MIN
_THRESHOLD = 1e-20  # kLOG_THRESHOLD


def settings(layer: Layer, parameter: str, message: str) -> Mapping[str, Any]:
    """The fields of a layer's message, with Caffe's defaults."""
    return {**schema.defaults(message), **layer.params.get(parameter, {})}


def measured(layer: Layer, *bottoms: Tensor) -> Sequence[Tensor]:
    """The tops of a loss or metric. Raises UnsupportedLayerError."""
    return TABLE[layer.type](layer, *bottoms)[: len(layer.tops)]


def with_gradient_of(value: Tensor, surrogate: Tensor) -> Tensor:
    """The value, with another tensor's gradient."""
    return ops.stop_gradient(value) + (surrogate - ops.stop_gradient(surrogate))


# ---- what losses have in common --------------------------------------------------------------


def _normalizer(layer: Layer, default: str, outer: int, inner: int, valid: Tensor) -> Tensor:
    """What the sum is divided by (LossLayer::GetNormalizer); at least 1."""
    stated = layer.params.get("loss_param", {})
    mode = stated.get("normalization")
    if mode is None and "normalize" in stated:
        mode = "VALID" if stated["normalize"] else "BATCH_SIZE"
    match mode or default:
        case "FULL":
            divisor: Tensor = float(outer * inner)
        case "VALID":
            divisor = ops.sum(valid)
        case "BATCH_SIZE":
            divisor = float(outer)
        case _:
            divisor = 1.0
    return ops.maximum(divisor, 1.0)


def _is_valid(layer: Layer, labels: Tensor, parameter: str = "loss_param") -> Tensor:
    """1 for each label that counts, 0 for one to be ignored."""
    ignored = layer.params.get(parameter, {}).get("ignore_label")
    if ignored is None:
        return ops.ones_like(labels, dtype="float32")
    return ops.cast(ops.cast(labels, "int32") != ignored, "float32")


def _by_class(x: Tensor, labels: Tensor, axis: int) -> tuple[Tensor, Tensor, int, int]:
    """x: *outer classes *inner -> outer inner classes, and the labels as outer inner."""
    shape = tuple(map(int, x.shape))
    axis %= len(shape)
    outer, inner = prod(shape[:axis]), prod(shape[axis + 1 :])
    x = ops.transpose(ops.reshape(x, (outer, shape[axis], inner)), (0, 2, 1))
    return x, ops.cast(ops.reshape(labels, (outer, inner)), "int32"), outer, inner


def _picked(x: Tensor, labels: Tensor) -> Tensor:
    """x: ... classes -> ..., the one of each label; ignored labels may be none."""
    return ops.sum(x * ops.one_hot(labels, x.shape[-1], dtype=x.dtype), axis=-1)


# ---- losses ----------------------------------------------------------------------------------


def softmax_with_loss(layer: Layer, x: Tensor, labels: Tensor) -> Sequence[Tensor]:
    """-∑ log softmax(x)[label] / normalizer; a second top is softmax(x)"""
    axis = settings(layer, "softmax_param", "SoftmaxParameter")["axis"]
    scores, targets, outer, inner = _by_class(x, labels, axis)
    valid = _is_valid(layer, targets)
    losses = -_picked(ops.log_softmax(scores, axis=-1), targets)
    clamped = ops.minimum(losses, -ops.log(ops.cast(_SMALLEST, "float32")))
    value = ops.sum(with_gradient_of(clamped, losses) * valid)
    loss = value / _normalizer(layer, "VALID", outer, inner, valid)
    return loss, ops.softmax(x, axis=axis)


def euclidean_loss(layer: Layer, x: Tensor, y: Tensor) -> Sequence[Tensor]:
    """∑ (x - y)² / 2n"""
    difference = x - ops.reshape(y, x.shape)
    return (ops.sum(ops.square(difference)) / (2.0 * x.shape[0]),)


def sigmoid_cross_entropy_loss(layer: Layer, x: Tensor, targets: Tensor) -> Sequence[Tensor]:
    """-∑ t log σ(x) + (1 - t) log(1 - σ(x)) / normalizer"""
    targets = ops.reshape(targets, x.shape)
    valid = _is_valid(layer, targets)
    losses = ops.softplus(-ops.absolute(x)) + ops.relu(x) - x * targets
    # Backward's gradient is σ(x) - t, also at 0, where that of |x| is not defined.
    gradient = x * ops.stop_gradient(ops.sigmoid(x) - targets)
    outer, inner = int(x.shape[0]), prod(map(int, x.shape[1:]))
    value = ops.sum(with_gradient_of(losses, gradient) * valid)
    return (value / _normalizer(layer, "BATCH_SIZE", outer, inner, valid),)


def hinge_loss(layer: Layer, x: Tensor, labels: Tensor) -> Sequence[Tensor]:
    """∑ max(0, 1 - δ x) / n, δ = 1 for the label and -1 for others; L2 squares the terms"""
    flat = ops.reshape(x, (x.shape[0], -1))
    targets = ops.cast(ops.reshape(labels, (x.shape[0],)), "int32")
    signs = 1.0 - 2.0 * ops.one_hot(targets, flat.shape[1], dtype=flat.dtype)
    terms = ops.relu(1.0 + signs * flat)
    if settings(layer, "hinge_loss_param", "HingeLossParameter")["norm"] == "L2":
        terms = ops.square(terms)
    return (ops.sum(terms) / float(x.shape[0]),)


def multinomial_logistic_loss(layer: Layer, p: Tensor, labels: Tensor) -> Sequence[Tensor]:
    """-∑ log p[label] / n"""
    flat = ops.reshape(p, (p.shape[0], -1))
    targets = ops.cast(ops.reshape(labels, (p.shape[0],)), "int32")
    return (-ops.sum(_logarithm(_picked(flat, targets))) / float(p.shape[0]),)


def _logarithm(p: Tensor) -> Tensor:
    """log max(p, 1e-20), with the gradient 1 / max(p, 1e-20)."""
    return ops.log(with_gradient_of(ops.maximum(p, _THRESHOLD), p))


def contrastive_loss(layer: Layer, a: Tensor, b: Tensor, similar: Tensor) -> Sequence[Tensor]:
    """∑ d² / 2n for similar pairs; max(margin - d, 0)² for others, or max(margin - d², 0)

    Backward divides by d + 1e-4 where the derivative has d.
    """
    own = settings(layer, "contrastive_loss_param", "ContrastiveLossParameter")
    count = int(a.shape[0])
    is_similar = ops.reshape(ops.cast(similar, "int32"), (count,)) != 0
    squares = ops.sum(ops.square(ops.reshape(a, (count, -1)) - ops.reshape(b, (count, -1))), axis=1)
    if own["legacy_version"]:
        rest = ops.maximum(own["margin"] - squares, 0.0)
        losses, slope = rest, -ops.cast(rest > 0, "float32")
    else:
        distance = ops.sqrt(ops.stop_gradient(squares))
        rest = ops.maximum(own["margin"] - distance, 0.0)
        losses, slope = ops.square(rest), -rest / (distance + 1e-4)
    losses = ops.where(is_similar, squares, losses)
    slope = ops.stop_gradient(ops.where(is_similar, ops.ones_like(slope), slope))
    return (ops.sum(with_gradient_of(losses, slope * squares)) / (2.0 * count),)


def infogain_loss(layer: Layer, x: Tensor, labels: Tensor, *rest: Tensor) -> Sequence[Tensor]:
    """-∑ H[label] · log softmax(x) / normalizer; a second top is softmax(x)"""
    own = settings(layer, "infogain_loss_param", "InfogainLossParameter")
    if not rest:
        raise UnsupportedLayerError(
            "its matrix is in a file",
            where=layer,
            expected="the matrix as third bottom",
            received=own["source"],
        )
    scores, targets, outer, inner = _by_class(x, labels, own["axis"])
    classes = int(scores.shape[-1])
    rows = ops.take(ops.reshape(rest[0], (classes, classes)), ops.maximum(targets, 0), axis=0)
    rows, valid = ops.stop_gradient(rows), _is_valid(layer, targets)
    exact = ops.log_softmax(scores, axis=-1)
    logs = with_gradient_of(ops.maximum(exact, ops.log(ops.cast(_THRESHOLD, "float32"))), exact)
    value = -ops.sum(ops.sum(rows * logs, axis=-1) * valid)
    loss = value / _normalizer(layer, "VALID", outer, inner, valid)
    return loss, ops.softmax(x, axis=own["axis"])


# ---- metrics ---------------------------------------------------------------------------------


def accuracy(layer: Layer, x: Tensor, labels: Tensor) -> Sequence[Tensor]:
    """How many labels are among the top_k, where a tie counts against the label; a second top is
    the same of each class"""
    own = settings(layer, "accuracy_param", "AccuracyParameter")
    scores, targets, _, _ = _by_class(x, labels, own["axis"])
    valid = _is_valid(layer, targets, "accuracy_param")
    better = ops.sum(ops.cast(scores >= _picked(scores, targets)[..., None], "int32"), axis=-1)
    right = ops.cast(better - 1 < own["top_k"], "float32") * valid
    hot = ops.one_hot(targets, scores.shape[-1], dtype="float32") * valid[..., None]
    of_class, hits = ops.sum(hot, axis=(0, 1)), ops.sum(hot * right[..., None], axis=(0, 1))
    share = ops.sum(right) / ops.maximum(ops.sum(valid), 1.0)
    return share, hits / ops.maximum(of_class, 1.0)


TABLE: Mapping[str, Loss] = {
    "Accuracy": accuracy,
    "ContrastiveLoss": contrastive_loss,
    "EuclideanLoss": euclidean_loss,
    "HingeLoss": hinge_loss,
    "InfogainLoss": infogain_loss,
    "MultinomialLogisticLoss": multinomial_logistic_loss,
    "SigmoidCrossEntropyLoss": sigmoid_cross_entropy_loss,
    "SoftmaxWithLoss": softmax_with_loss,
}
