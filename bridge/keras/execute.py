"""How a call is executed while TensorFlow traces it: as Keras does, or by another operator if
tf2onnx or ONNX do not know the one that Keras uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any

import keras
import numpy as np


def executed(operation: Any, arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """The results of an operation on TensorFlow's tensors."""
    for fits, compute in _REPLACEMENTS:
        if fits(operation, arguments):
            return compute(operation, *arguments)
    return as_in_use(operation, arguments, options)


def as_in_use(operation: Any, arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """The results of an operation as `predict` has them."""
    return operation(*arguments, **{**options, **_in_use(operation)})


def _in_use(operation: Any) -> dict[str, bool]:
    """Turns training off, for layers that have it, as `predict` does whatever the recorded call
    has: layers that augment images are recorded in training."""
    trains = (
        isinstance(operation, keras.Layer) and "training" in signature(operation.call).parameters
    )
    return {"training": False} if trains else {}


def is_norm(layer: Any, tensors: Sequence[Any]) -> bool:
    """Whether a call is a BatchNormalization for which TensorFlow and ONNX have an operator; one of
    another rank, or over another axis, is converted as Keras computes it."""
    if not isinstance(layer, keras.layers.BatchNormalization):
        return False
    rank = len(tensors[0].shape)
    return rank in (2, 4, 5) and layer.axis in (-1, rank - 1)


def _normalized(layer: Any, x: Any) -> Any:
    """x: n *s c, by TensorFlow's own operator, which tf2onnx knows."""
    import tensorflow

    if len(x.shape) == 2:
        image = tensorflow.reshape(x, (-1, 1, 1, x.shape[1]))
        return tensorflow.reshape(_normalized(layer, image), (-1, x.shape[1]))
    mean, variance = (
        tensorflow.convert_to_tensor(weight)
        for weight in (layer.moving_mean, layer.moving_variance)
    )
    gamma = tensorflow.convert_to_tensor(layer.gamma) if layer.scale else tensorflow.ones_like(mean)
    beta = tensorflow.convert_to_tensor(layer.beta) if layer.center else tensorflow.zeros_like(mean)
    kind = "NHWC" if len(x.shape) == 4 else "NDHWC"
    return tensorflow.compat.v1.nn.fused_batch_norm(
        x, gamma, beta, mean, variance, layer.epsilon, data_format=kind, is_training=False
    )[0]


def _is_wide_dense(layer: Any, tensors: Sequence[Any]) -> bool:
    """Whether a call is a Dense layer over more than vectors, for which Keras emits a product of
    matrices with shapes that ONNX cannot infer while the batch is free."""
    is_dense = isinstance(layer, keras.layers.Dense) and layer.quantization_mode is None
    return is_dense and len(tensors[0].shape) > 2


def _multiplied(layer: Any, x: Any) -> Any:
    """x: n *s i -> n *s o"""
    import tensorflow

    y = tensorflow.matmul(_computing(layer, x), _computing(layer, layer.kernel))
    return _finished(layer, y)


def _is_scale(layer: Any, _: Sequence[Any]) -> bool:
    """Whether a call is an EinsumDense that multiplies along axes and sums nothing, which tf2onnx
    turns into a product of matrices."""
    if not isinstance(layer, keras.layers.EinsumDense) or layer.quantization_mode is not None:
        return False
    operands, _, result = layer.equation.partition("->")
    x, _, factor = operands.partition(",")
    in_order = "".join(letter for letter in x if letter in factor)
    return x == result and "." not in x and factor == in_order


def _scaled(layer: Any, x: Any) -> Any:
    import tensorflow

    letters, _, factor = layer.equation.partition("->")[0].partition(",")
    sizes = [size if letter in factor else 1 for letter, size in zip(letters, x.shape, strict=True)]
    kernel = tensorflow.reshape(_computing(layer, layer.kernel), sizes[letters.find(factor[0]) :])
    y = _computing(layer, x) * kernel
    return _finished(layer, y)


def _computing(layer: Any, x: Any) -> Any:
    import tensorflow

    return tensorflow.cast(tensorflow.convert_to_tensor(x), layer.compute_dtype)


def _finished(layer: Any, y: Any) -> Any:
    """With the layer's bias and activation."""
    y = y if layer.bias is None else y + _computing(layer, layer.bias)
    return y if layer.activation is None else layer.activation(y)


def _is_largest(operation: Any, _: Sequence[Any]) -> bool:
    """Whether a call is `ops.argmax`, in which Keras distinguishes -0 from 0 bit by bit."""
    return type(operation) is type(_operation_of(keras.ops.argmax)) and operation.axis is not None


def _largest(operation: Any, x: Any) -> Any:
    import tensorflow

    indices = tensorflow.argmax(x, operation.axis, output_type=tensorflow.int32)
    return tensorflow.expand_dims(indices, operation.axis) if operation.keepdims else indices


def _is_reversed(operation: Any, _: Sequence[Any]) -> bool:
    """Whether a call is `ops.flip` of one axis, for which ONNX has no operator but Slice."""
    return type(operation) is type(_operation_of(keras.ops.flip)) and isinstance(
        operation.axis, int
    )


def _reversed(operation: Any, x: Any) -> Any:
    return x[(*[slice(None)] * (operation.axis % len(x.shape)), slice(None, None, -1))]


def _is_standardization(layer: Any, _: Sequence[Any]) -> bool:
    """Whether a call is a Normalization, whose mean and variance tf2onnx takes for inputs."""
    return isinstance(layer, keras.layers.Normalization) and not layer.invert


def _standardized(layer: Any, x: Any) -> Any:
    """(x - mean) / max(√variance, epsilon)"""
    import tensorflow

    mean, variance = (np.asarray(values) for values in (layer.mean, layer.variance))
    deviation = np.maximum(np.sqrt(variance), np.float32(keras.config.epsilon()))
    constants = (tensorflow.constant(values) for values in (mean, deviation))
    mean, deviation = (tensorflow.cast(values, layer.compute_dtype) for values in constants)
    return (_computing(layer, x) - mean) / deviation


def _operation_of(function: Callable[[Any], Any]) -> Any:
    """The operation that a function of Keras creates for a symbolic tensor."""
    return function(keras.KerasTensor((1,)))._keras_history.operation


_Fits = Callable[[Any, Sequence[Any]], bool]
_REPLACEMENTS: Sequence[tuple[_Fits, Callable[..., Any]]] = (
    (is_norm, _normalized),
    (_is_wide_dense, _multiplied),
    (_is_scale, _scaled),
    (_is_largest, _largest),
    (_is_reversed, _reversed),
    (_is_standardization, _standardized),
)
