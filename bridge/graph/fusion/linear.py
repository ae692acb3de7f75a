"""Products and sums with constants: batch normalisations, Dense and Affine layers."""

from __future__ import annotations

from functools import partial

import numpy as np

from bridge import ir
from bridge.graph.fusion.matching import (
    derived,
    flat,
    is_named,
    is_over_channels,
    producer,
    replace,
    summand,
    tensor_and_constant,
)
from bridge.graph.producers import computed_by
from bridge.graph.trainable import is_trainable
from bridge.types import Array


def fuse_affine(graph: ir.Graph) -> None:
    """x · scale + bias becomes one `bridge::Affine`, where both are constants over the same axes.

    Caffe's Scale with a bias is such a pair, and one layer with kernel and bias in Keras.
    """
    for add in list(graph):
        mul = summand(add, "Mul")
        if mul is None:
            continue
        x, scale = tensor_and_constant(mul)
        bias = tensor_and_constant(add)[1]
        if scale is None or bias is None or scale.shape != bias.shape:
            continue
        if x is None or x.shape is None or scale.shape is None:
            continue
        if is_trainable([*scale.shape], [*x.shape], computed_by(x)):
            replace([mul, add], "bridge", "Affine", [x, scale, bias])


def fuse_standardization(graph: ir.Graph) -> None:
    """(x - mean) / deviation, or times its reciprocal, becomes one `bridge::Normalization`, where
    both are constants over the channels: so images are standardised before a net.

    Each deviation has to be one: a positive number that is not lost when it is squared.
    """
    for node in list(graph):
        sub = producer(node.inputs[0], "Sub") if node.op_type in ("Div", "Mul") else None
        if sub is None or not _has_one_consumer(sub):
            continue
        x, mean, scale = sub.inputs[0], sub.inputs[1], node.inputs[1]
        if not is_over_channels(mean, x) or not is_over_channels(scale, x):
            continue
        if mean is None or scale is None or mean.const_value is None or scale.const_value is None:
            continue
        divides = node.op_type == "Div"
        numbers = scale.const_value.numpy()
        if numbers.dtype != np.float32 or not _are_deviations(numbers):
            continue
        rule = partial(_variance, divides=divides)
        variance = derived(graph, scale, f"{node.name}.variance", rule)
        inputs = [x, derived(graph, mean, f"{node.name}.mean", flat), variance]
        replace([sub, node], "bridge", "Normalization", inputs, name=sub.name)


def _has_one_consumer(node: ir.Node) -> bool:
    (result,) = node.outputs
    return len(result.uses()) == 1 and not result.is_graph_output()


def _are_deviations(numbers: Array) -> bool:
    """Far enough from 0 and from each other's squares for float32, and from Keras's epsilon."""
    return bool(((numbers > 1e-6) & (numbers < 1e6)).all())


def _variance(numbers: Array, *, divides: bool) -> Array:
    deviation = flat(numbers).astype(np.float64)
    return np.square(deviation if divides else 1 / deviation).astype(np.float32)


def fuse_linear(graph: ir.Graph) -> None:
    """x · matrix + row becomes one `bridge::Linear`: a Dense layer with its bias.

    So PyTorch and TensorFlow spell a linear layer where x is no matrix, and some always.
    """
    for add in list(graph):
        product = summand(add, "MatMul")
        if product is None:
            continue
        x, matrix = product.inputs
        bias = tensor_and_constant(add)[1]
        if matrix is None or matrix.const_value is None or matrix.shape is None or bias is None:
            continue
        if len(matrix.shape) == 2 and bias.shape == (matrix.shape[1],):
            replace([product, add], "bridge", "Linear", [x, matrix, bias])


# How TensorFlow names the two operations that are left of a batch normalisation.
_SCALING, _SHIFTING = "/batchnorm/mul_1", "/batchnorm/add_1"


def fuse_batch_norm(graph: ir.Graph) -> None:
    """The product and the sum that tf2onnx leaves of a BatchNormalization become one again.

    Its four weights have become two: they are gamma and beta now, with a mean of 0 and a variance
    of 1. Its name distinguishes it from other products and sums, which compute the same.
    """
    for add in list(graph):
        mul = summand(add, "Mul")
        if mul is None or not is_named(mul, _SCALING) or not is_named(add, _SHIFTING):
            continue
        x, scale = tensor_and_constant(mul)
        bias = tensor_and_constant(add)[1]
        if not is_over_channels(scale, x) or not is_over_channels(bias, x):
            continue
        name = (add.name or "").removesuffix(_SHIFTING)
        gamma = derived(graph, scale, f"{name}.gamma", flat)
        beta = derived(graph, bias, f"{name}.beta", flat)
        mean = derived(graph, scale, f"{name}.mean", lambda array: np.zeros_like(flat(array)))
        variance = derived(graph, scale, f"{name}.var", lambda array: np.ones_like(flat(array)))
        inputs = [x, gamma, beta, mean, variance]
        replace([mul, add], "", "BatchNormalization", inputs, name=name, epsilon=0.0)
