"""Caffe's losses and its accuracy, in `keras.ops`, over tensors with Caffe's axes.

Where what Caffe's `Backward` computes is not the derivative of what its `Forward` computes, the
value is Forward's and the gradient Backward's (`with_gradient_of`). They know nothing of a net:
`measures.py` has the settings of each, and scripts have their sources.
(Source: src/caffe/layers/*_loss_layer.cpp, accuracy_layer.cpp, loss_layer.cpp)
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from keras import ops

Tensor = Any

SMALLEST = 1.17549435e-38  # FLT_MIN
THRESHOLD = 1e-20  # kLOG_THRESHOLD


def with_gradient_of(value: Tensor, surrogate: Tensor) -> Tensor:
    """The value, with another tensor's gradient."""
    return ops.stop_gradient(value) + (surrogate - ops.stop_gradient(surrogate))


# ---- what losses have in common --------------------------------------------------------------


def normalizer(mode: str, outer: int, inner: int, valid: Tensor) -> Tensor:
    """What the sum is divided by (LossLayer::GetNormalizer); at least 1."""
    divisors = {"FULL": outer * inner, "BATCH_SIZE": outer, "NONE": 1}
    return ops.maximum(ops.cast(divisors.get(mode, ops.sum(valid)), "float32"), 1.0)


def is_valid(labels: Tensor, ignore_label: int | None) -> Tensor:
    """1 for each label that counts, 0 for one to be ignored."""
    if ignore_label is None:
        return ops.ones_like(labels, dtype="float32")
    return ops.cast(ops.cast(labels, "int32") != ignore_label, "float32")


def by_class(x: Tensor, labels: Tensor, axis: int) -> tuple[Tensor, Tensor, int, int]:
    """x: *outer classes *inner -> outer inner classes, and the labels as outer inner."""
    shape = ops.shape(x)
    axis %= len(shape)
    outer, inner = prod(shape[:axis]), prod(shape[axis + 1 :])
    x = ops.transpose(ops.reshape(x, (outer, shape[axis], inner)), (0, 2, 1))
    return x, ops.cast(ops.reshape(labels, (outer, inner)), "int32"), outer, inner


def picked(x: Tensor, labels: Tensor) -> Tensor:
    """x: ... classes -> ..., the one of each label; ignored labels may be none."""
    return ops.sum(x * ops.one_hot(labels, x.shape[-1], dtype=x.dtype), axis=-1)


# ---- losses ----------------------------------------------------------------------------------


def softmax_with_loss(
    x: Tensor,
    labels: Tensor,
    axis: int = 1,
    normalization: str = "VALID",
    ignore_label: int | None = None,
) -> Sequence[Tensor]:
    """-∑ log softmax(x)[label] / normalizer; and softmax(x)"""
    scores, targets, outer, inner = by_class(x, labels, axis)
    valid = is_valid(targets, ignore_label)
    losses = -picked(ops.log_softmax(scores, axis=-1), targets)
    clamped = ops.minimum(losses, -ops.log(ops.cast(SMALLEST, "float32")))
    value = ops.sum(with_gradient_of(clamped, losses) * valid)
    return value / normalizer(normalization, outer, inner, valid), ops.softmax(x, axis=axis)


def euclidean_loss(x: Tensor, y: Tensor) -> Sequence[Tensor]:
    """∑ (x - y)² / 2n"""
    difference = x - ops.reshape(y, ops.shape(x))
    return (ops.sum(ops.square(difference)) / ops.cast(2 * ops.shape(x)[0], "float32"),)


def sigmoid_cross_entropy_loss(
    x: Tensor,
    targets: Tensor,
    normalization: str = "BATCH_SIZE",
    ignore_label: int | None = None,
) -> Sequence[Tensor]:
    """-∑ t log σ(x) + (1 - t) log(1 - σ(x)) / normalizer"""
    targets = ops.reshape(targets, ops.shape(x))
    valid = is_valid(targets, ignore_label)
    losses = ops.softplus(-ops.absolute(x)) + ops.relu(x) - x * targets
    # Backward's gradient is σ(x) - t, also at 0, where that of |x| is not defined.
    gradient = x * ops.stop_gradient(ops.sigmoid(x) - targets)
    outer, *others = ops.shape(x)
    value = ops.sum(with_gradient_of(losses, gradient) * valid)
    return (value / normalizer(normalization, outer, prod(others), valid),)


def hinge_loss(x: Tensor, labels: Tensor, norm: str = "L1") -> Sequence[Tensor]:
    """∑ max(0, 1 - δ x) / n, δ = 1 for the label and -1 for others; L2 squares the terms"""
    count = ops.shape(x)[0]
    flat = ops.reshape(x, (count, -1))
    targets = ops.cast(ops.reshape(labels, (count,)), "int32")
    signs = 1.0 - 2.0 * ops.one_hot(targets, flat.shape[1], dtype=flat.dtype)
    terms = ops.relu(1.0 + signs * flat)
    terms = ops.square(terms) if norm == "L2" else terms
    return (ops.sum(terms) / ops.cast(count, "float32"),)


def multinomial_logistic_loss(p: Tensor, labels: Tensor) -> Sequence[Tensor]:
    """-∑ log p[label] / n, where the logarithm is that of 1e-20 at least"""
    count = ops.shape(p)[0]
    targets = ops.cast(ops.reshape(labels, (count,)), "int32")
    own = picked(ops.reshape(p, (count, -1)), targets)
    logarithms = ops.log(with_gradient_of(ops.maximum(own, THRESHOLD), own))
    return (-ops.sum(logarithms) / ops.cast(count, "float32"),)


def contrastive_loss(
    a: Tensor, b: Tensor, similar: Tensor, margin: float = 1.0, legacy_version: bool = False
) -> Sequence[Tensor]:
    """∑ d² / 2n for similar pairs; max(margin - d, 0)² for others, or max(margin - d², 0)

    Backward divides by d + 1e-4 where the derivative has d.
    """
    count = ops.shape(a)[0]
    is_similar = ops.reshape(ops.cast(similar, "int32"), (count,)) != 0
    squares = ops.sum(ops.square(ops.reshape(a, (count, -1)) - ops.reshape(b, (count, -1))), axis=1)
    if legacy_version:
        rest = ops.maximum(margin - squares, 0.0)
        losses, slope = rest, -ops.cast(rest > 0, "float32")
    else:
        distance = ops.sqrt(ops.stop_gradient(squares))
        rest = ops.maximum(margin - distance, 0.0)
        losses, slope = ops.square(rest), -rest / (distance + 1e-4)
    losses = ops.where(is_similar, squares, losses)
    slope = ops.stop_gradient(ops.where(is_similar, ops.ones_like(slope), slope))
    value = ops.sum(with_gradient_of(losses, slope * squares))
    return (value / ops.cast(2 * count, "float32"),)


def infogain_loss(
    x: Tensor,
    labels: Tensor,
    matrix: Tensor,
    axis: int = 1,
    normalization: str = "VALID",
    ignore_label: int | None = None,
) -> Sequence[Tensor]:
    """-∑ H[label] · log softmax(x) / normalizer; and softmax(x)"""
    scores, targets, outer, inner = by_class(x, labels, axis)
    classes = scores.shape[-1]
    rows = ops.take(ops.reshape(matrix, (classes, classes)), ops.maximum(targets, 0), axis=0)
    rows, valid = ops.stop_gradient(rows), is_valid(targets, ignore_label)
    exact = ops.log_softmax(scores, axis=-1)
    logs = with_gradient_of(ops.maximum(exact, ops.log(ops.cast(THRESHOLD, "float32"))), exact)
    value = -ops.sum(ops.sum(rows * logs, axis=-1) * valid)
    return value / normalizer(normalization, outer, inner, valid), ops.softmax(x, axis=axis)


# ---- metrics ---------------------------------------------------------------------------------


def accuracy(
    x: Tensor, labels: Tensor, axis: int = 1, top_k: int = 1, ignore_label: int | None = None
) -> Sequence[Tensor]:
    """How many labels are among the top_k, where a tie counts against the label; and the same of
    each class"""
    scores, targets, _, _ = by_class(x, labels, axis)
    valid = is_valid(targets, ignore_label)
    better = ops.sum(ops.cast(scores >= picked(scores, targets)[..., None], "int32"), axis=-1)
    right = ops.cast(better - 1 < top_k, "float32") * valid
    hot = ops.one_hot(targets, scores.shape[-1], dtype="float32") * valid[..., None]
    of_class, hits = ops.sum(hot, axis=(0, 1)), ops.sum(hot * right[..., None], axis=(0, 1))
    share = ops.sum(right) / ops.maximum(ops.sum(valid), 1.0)
    return share, hits / ops.maximum(of_class, 1.0)
