"""Layers that train as Caffe's do, for scripts: `bridge.caffe_training` has no need of them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import keras
from keras import layers, ops

from bridge.training.losses import Tensor, with_gradient_of


class CaffeBatchNorm(layers.Layer):
    """Normalises by each batch, and remembers it as Caffe does, in the layer `norm` of Keras.

    Caffe's sums, of means and of unbiased variances, decay by `fraction` at each batch. So does
    their weight, by which they are divided; it begins with `weight`.
    """

    def __init__(self, norm: Any, weight: float, fraction: float) -> None:
        super().__init__(name=norm.name)
        self.norm, self.fraction = norm, fraction
        initial = keras.initializers.Constant(weight)
        self.weight = self.add_weight(initializer=initial, trainable=False, name="weight")
        self.built = True

    def call(self, x: Tensor, training: bool | None = None, mask: Any = None) -> Tensor:  # noqa: ARG002
        if not training:
            return self.norm(x, training=False)
        y, mean, unbiased = self.normalized(x)
        self.weight.assign(self.fraction * self.weight + 1)
        moving = (self.norm.moving_mean, self.norm.moving_variance)
        for variable, value in zip(moving, (mean, unbiased), strict=True):
            variable.assign(variable + (value - variable) / self.weight)
        return y

    def normalized(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x by its own mean and variance, these two; the variance is the unbiased one."""
        norm = self.norm
        axis = norm.axis % len(x.shape)
        others = [i for i in range(len(x.shape)) if i != axis]
        mean, variance = ops.moments(x, others)
        count = ops.cast(prod(ops.shape(x)[i] for i in others), x.dtype)
        unbiased = variance * count / ops.maximum(count - 1, 1)
        gamma, beta = norm.gamma if norm.scale else None, norm.beta if norm.center else None
        y = ops.batch_normalization(x, mean, variance, axis, beta, gamma, norm.epsilon)
        return y, mean, unbiased


class OverwrittenReLU(layers.Layer):
    """The layer `relu` of Keras, with the gradient that it has in Caffe: the signs are those of
    what the layers `after`, which work in place, have written over its result by then.
    """

    def __init__(self, relu: Any, after: Sequence[Any]) -> None:
        super().__init__(name=relu.name)
        self.relu, self.after = relu, list(after)

    def call(self, x: Tensor) -> Tensor:
        y = last = self.relu(x)
        for layer in self.after:
            is_norm = isinstance(layer, CaffeBatchNorm)
            last = layer.normalized(last)[0] if is_norm else layer(last)
        slope = ops.where(last > 0, 1.0, float(self.relu.negative_slope))
        return with_gradient_of(y, x * ops.stop_gradient(slope))
