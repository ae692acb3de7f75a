"""Folding a batch normalisation into the linear layer before it.

γ · (W x + b - μ) / σ + β  =  (s W) x + (s (b - μ) + β)        with s = γ / σ, σ = √(var + ε)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bridge.layout import Weight
from bridge.types import Array


@dataclass(frozen=True)
class BatchNorm:
    """A normalisation's ε and its four weights, in ONNX's order."""

    epsilon: float
    gamma: Weight
    beta: Weight
    mean: Weight
    variance: Weight

    def folded_kernel(self, kernel: Weight, scaled: Callable[[Array, Array], Array]) -> Weight:
        """s W, still unread; `scaled(W, s)` multiplies each output of W by its factor."""

        def read(w: Array, gamma: Array, variance: Array) -> Array:
            return _as(scaled(w, self._factors(gamma, variance)), kernel)

        return Weight.derived(kernel.stored_shape, read, kernel, self.gamma, self.variance)

    def folded_bias(self, bias: Weight | None) -> Weight:
        """s (b - μ) + β, still unread."""

        def read(beta: Array, mean: Array, gamma: Array, variance: Array, *bias: Array) -> Array:
            centered = (bias[0] if bias else 0.0) - mean
            return _as(self._factors(gamma, variance) * centered + beta, self.beta)

        sources = (self.beta, self.mean, self.gamma, self.variance)
        biases = () if bias is None else (bias,)
        return Weight.derived(self.beta.stored_shape, read, *sources, *biases)

    def _factors(self, gamma: Array, variance: Array) -> Array:
        factors: Array = gamma / np.sqrt(variance.astype(np.float64) + self.epsilon)
        return factors


def _as(values: Any, weight: Weight) -> Array:
    """The values in the dtype of a weight."""
    converted: Array = values.astype(weight.dtype)
    return converted
