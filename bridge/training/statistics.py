"""What batch normalisations remember of each batch, as Caffe's BatchNorm does.

It keeps sums, of the means, of the unbiased variances and of their weights, which decay together;
Keras has moving averages, of the biased variance. Divided by their weights Caffe's sums are the
moving statistics that the model uses in testing.
(Source: src/caffe/layers/batch_norm_layer.cpp)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from bridge.training.net.parameters import Normalization, Parameter
from bridge.training.net.weight_maps import WeightMap
from bridge.types import Array


@dataclass(frozen=True)
class Remembered:
    """A layer of the model that normalises: its two variables, and where their numbers are."""

    name: str
    normalization: Normalization
    mean: tuple[keras.Variable, WeightMap]
    variance: tuple[keras.Variable, WeightMap]


class Statistics:
    """The sums of all normalisations, among the numbers of all parameters."""

    def __init__(self, layers: Sequence[Remembered], values: Array) -> None:
        self._layers, self.values = layers, values
        for layer in layers:
            self._assign(layer)

    def add(self, batches: Mapping[str, Sequence[Any]]) -> None:
        """Add those of a batch, by layer: the mean, the variance, and of how many numbers."""
        for layer in self._layers:
            if not layer.normalization.by_batch:
                continue
            mean, variance, count = map(np.asarray, batches[layer.name])
            own, size = layer.normalization, int(count)
            self.values[own.factor.positions] *= own.fraction
            self.values[own.factor.positions] += 1
            self._accumulate(own, own.mean, layer.mean[1], mean)
            unbiased = variance * (size / (size - 1) if size > 1 else 1)
            self._accumulate(own, own.variance, layer.variance[1], unbiased)
            self._assign(layer)

    def _accumulate(self, own: Normalization, sums: Parameter, at: WeightMap, batch: Array) -> None:
        self.values[sums.positions] *= own.fraction
        at.add(np.asarray(batch, np.float32), self.values)

    def _assign(self, layer: Remembered) -> None:
        """Caffe takes statistics as 0 where their weight is."""
        (factor,) = self.values[layer.normalization.factor.positions]
        scale = np.float32(0 if factor == 0 else 1 / factor)
        for variable, at in (layer.mean, layer.variance):
            variable.assign(scale * at.taken(self.values, np.zeros(1, np.float32)))
