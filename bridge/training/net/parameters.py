"""The parameters of a net as Caffe's solver has them: each once, in its order, with its factors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from math import prod

import numpy as np

from bridge.caffe import schema
from bridge.caffe.net import Blob, Layer, Net, Shape
from bridge.caffe.shapes.norm import has_affine_blobs
from bridge.errors import PrototxtError, UnsupportedLayerError
from bridge.types import Array

Key = tuple[str, int]
"""The layer and the index of a blob, as in pycaffe `net.params[layer][index]`."""


@dataclass(frozen=True)
class Parameter:
    """One parameter: the blob `key`, and all blobs that share it.

    Its numbers have the positions from `offset` on among those of all parameters. The solver's
    rate and decay are multiplied by `rate` and `decay`. `statistics` are no weights: only the
    forward pass changes them.
    """

    key: Key
    shape: Shape
    offset: int
    rate: float
    decay: float
    is_statistics: bool
    blob: Blob

    @property
    def is_trained(self) -> bool:
        return self.rate != 0 and not self.is_statistics

    @property
    def positions(self) -> slice:
        return slice(self.offset, self.offset + prod(self.shape))


@dataclass(frozen=True)
class Normalization:
    """A BatchNorm layer and its statistics: sums of means and of variances, and of their weights.
    One that normalises `by_batch` remembers each batch in them, and has them decay by `fraction`.
    """

    layer: str
    by_batch: bool
    mean: Parameter
    variance: Parameter
    factor: Parameter
    fraction: float


@dataclass(frozen=True)
class Parameters:
    """All parameters in Caffe's order (Net::learnable_params), and the blob of each key."""

    ordered: tuple[Parameter, ...]
    by_key: Mapping[Key, Parameter]
    normalizations: tuple[Normalization, ...]

    @cached_property
    def size(self) -> int:
        return sum(prod(parameter.shape) for parameter in self.ordered)

    @property
    def are_shared(self) -> bool:
        """Whether any parameter belongs to several blobs."""
        return len(self.by_key) > len(self.ordered)

    def values(self) -> Array:
        """The numbers of all parameters, as the net has them."""
        parts = [p.blob.array().reshape(-1) for p in self.ordered]
        numbers: Array = np.concatenate([np.empty(0, np.float32), *parts])
        return numbers.astype(np.float32, copy=False)

    def blobs(self, values: Array) -> dict[Key, Array]:
        """Numbers of all parameters, by blob, in Caffe's shapes."""
        return {
            key: values[parameter.positions].reshape(parameter.shape).copy()
            for key, parameter in self.by_key.items()
        }


def parameters(net: Net) -> Parameters:
    """The parameters of a net in phase TRAIN.

    Raises PrototxtError where layers that share one disagree, as Caffe does, and
    UnsupportedLayerError for normalisations whose training is not known.
    """
    by_name: dict[str, Parameter] = {}
    by_key: dict[Key, Parameter] = {}
    offset = 0
    for layer in net.layers:
        for index, blob in enumerate(layer.blobs):
            key = _key(layer, index, blob)
            share = layer.shares.get(index)
            if share is not None and share.name in by_name:
                owner = by_name[share.name] = _agreed(by_name[share.name], layer, index)
                by_key = {k: owner if p.key == owner.key else p for k, p in by_key.items()}
                by_key[key] = owner
                continue
            by_key[key] = parameter = _parameter(layer, index, key, blob, offset)
            offset += prod(blob.shape)
            if share is not None:
                by_name[share.name] = parameter
    ordered = {parameter.key: parameter for parameter in by_key.values()}
    normalizations = tuple(
        _normalization(layer, by_key) for layer in net.layers if layer.type == "BatchNorm"
    )
    return Parameters(tuple(ordered.values()), by_key, normalizations)


def _key(layer: Layer, index: int, blob: Blob) -> Key:
    return (layer.name, blob.origin.index if blob.origin else index)


def _parameter(layer: Layer, index: int, key: Key, blob: Blob, offset: int) -> Parameter:
    return Parameter(
        key,
        blob.shape,
        offset,
        layer.learning.rates.get(index, 1.0),
        layer.learning.decays.get(index, 1.0),
        is_statistics=layer.type == "BatchNorm",
        blob=blob,
    )


def _agreed(owner: Parameter, layer: Layer, index: int) -> Parameter:
    """The shared parameter, with the factors of whichever layer states them (Net::AppendParam)."""
    own = layer.learning
    return replace(
        owner,
        rate=_one_of(layer, "lr_mult", owner.rate, own.rates.get(index)),
        decay=_one_of(layer, "decay_mult", owner.decay, own.decays.get(index)),
    )


def _one_of(layer: Layer, name: str, known: float, stated: float | None) -> float:
    if stated is None or stated == known:
        return known
    if known != 1:
        raise PrototxtError(
            f"layers share a parameter with different {name}s",
            where=layer,
            expected=known,
            received=stated,
        )
    return stated


# ---- batch normalisation ---------------------------------------------------------------------


def _is_by_batch(layer: Layer) -> bool:
    """Whether a BatchNorm normalises by the statistics of each batch, in training.

    Raises UnsupportedLayerError for those of forks.
    """
    own = layer.params.get("batch_norm_param", {})
    if has_affine_blobs(layer) or own.get("instance_norm"):
        raise UnsupportedLayerError(
            "it is not known how this fork's layer trains",
            where=layer,
            expected="BVLC's BatchNorm, followed by a Scale",
            received=", ".join(own) or f"{len(layer.blobs)} blobs",
        )
    return not own.get("use_global_stats", False)


def _normalization(layer: Layer, by_key: Mapping[Key, Parameter]) -> Normalization:
    defaults = schema.defaults("BatchNormParameter")
    fields = {**defaults, **layer.params.get("batch_norm_param", {})}
    by_batch = _is_by_batch(layer)
    if len(layer.blobs) < 3:
        raise UnsupportedLayerError(
            "the shape of its statistics is not known",
            where=layer,
            expected="mean, variance and their factor",
            received=f"{len(layer.blobs)} blobs",
            hint="inspect names the first layer whose shape is not known: what does it lack?",
        )
    mean, variance, factor = (by_key[layer.name, index] for index in range(3))
    fraction = fields["moving_average_fraction"]
    return Normalization(layer.name, by_batch, mean, variance, factor, fraction)


# ---- the net to plan -------------------------------------------------------------------------


def to_be_planned(net: Net) -> Net:
    """The net with blobs of unknown numbers, so that no plan depends on what they are before the
    training; and with normalisations as they are in testing, which have weights for statistics."""
    unknown: dict[object, Blob] = {}

    def replaced(layer: Layer) -> Layer:
        blobs = [_unknown(layer, index, blob, unknown) for index, blob in enumerate(layer.blobs)]
        return replace(layer, blobs=tuple(blobs))

    return in_testing(replace(net, layers=tuple(map(replaced, net.layers))))


def in_testing(net: Net) -> Net:
    """The net with normalisations by their statistics, whatever it says of them."""

    def replaced(layer: Layer) -> Layer:
        own = layer.params.get("batch_norm_param", {})
        fields = {name: value for name, value in own.items() if name != "use_global_stats"}
        return replace(
            layer, params={**layer.params, "batch_norm_param": fields} if own else layer.params
        )

    return replace(net, layers=tuple(map(replaced, net.layers)))


def _unknown(layer: Layer, index: int, blob: Blob, unknown: dict[object, Blob]) -> Blob:
    """NaN everywhere, one for all layers that share a blob; the factor of statistics is 1."""
    is_factor = layer.type == "BatchNorm" and index == 2
    source = blob.span or id(blob.read)
    if source not in unknown:
        fill = np.float32(1 if is_factor else np.nan)
        unknown[source] = Blob(blob.shape, partial(np.full, blob.shape, fill), origin=blob.origin)
    first = unknown[source]
    return first if first.shape == blob.shape else first.reshaped(*blob.shape)
