"""The values of a layer's blobs before training: Caffe's fillers.

A layer without weights in a caffemodel keeps the values of its fillers. `constant` and `bilinear`
always produce the same values; all others draw them at random, here from a generator seeded by
layer and blob, so that they are the same in every run. Nothing is drawn before it is read.
(Source: include/caffe/filler.hpp)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, prod, sqrt
from typing import Any
from zlib import crc32

import numpy as np

from bridge.caffe.net import Blob, Layer, Shape
from bridge.errors import ShapeError, UnsupportedError
from bridge.files.memory import refuse_large, size_of
from bridge.types import Array

Settings = Mapping[str, Any]
"""The fields of a FillerParameter that the text sets."""

_WEIGHT_AND_BIAS = ("weight_filler", "bias_filler")

# The fillers of layer types that several forks define differently; the statistics have none.
_BATCH_NORM_SCALES = (("scale_filler", "filler"), ("bias_filler", "shift_filler"))
_BN = {2: ("scale_filler", "shift_filler"), 4: ("slope_filler", "bias_filler")}

# By type: its message, and the fillers of its blobs in order.
_FIELDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "Bias": ("bias_param", ("filler",)),
    "Convolution": ("convolution_param", _WEIGHT_AND_BIAS),
    "Convolution3D": ("convolution3d_param", _WEIGHT_AND_BIAS),
    "ConvolutionDepthwise": ("convolution_param", _WEIGHT_AND_BIAS),
    "Deconvolution": ("convolution_param", _WEIGHT_AND_BIAS),
    "DepthwiseConvolution": ("convolution_param", _WEIGHT_AND_BIAS),
    "DeformableConvolution": ("deformable_convolution_param", _WEIGHT_AND_BIAS),
    "DenseBlock": ("denseblock_param", ("Filter_Filler", "BN_Scaler_Filler", "BN_Bias_Filler")),
    "Embed": ("embed_param", _WEIGHT_AND_BIAS),
    "InnerProduct": ("inner_product_param", _WEIGHT_AND_BIAS),
    "LSTM": ("recurrent_param", _WEIGHT_AND_BIAS),
    "Lstm": ("lstm_param", ("weight_filler", "weight_filler", "bias_filler")),
    "Normalize": ("norm_param", ("scale_filler",)),
    "PReLU": ("prelu_param", ("filler",)),
    "RNN": ("recurrent_param", _WEIGHT_AND_BIAS),
    "Scale": ("scale_param", ("filler", "bias_filler")),
}

# The defaults where the text sets no filler. Weights are not here: they are zero then, which is
# never intended.
_DEFAULTS: Mapping[tuple[str, str], Settings] = {
    ("batch_norm_param", "scale_filler"): {"value": 1},
    ("batch_norm_param", "bias_filler"): {"value": 0},
    ("bias_param", "filler"): {"value": 0},
    ("bn_param", "bias_filler"): {"value": 0},
    ("bn_param", "shift_filler"): {"value": 0},
    ("denseblock_param", "BN_Bias_Filler"): {"value": 0},
    ("denseblock_param", "BN_Scaler_Filler"): {"value": 1},
    ("norm_param", "scale_filler"): {"value": 1},
    ("prelu_param", "filler"): {"value": 0.25},
    ("scale_param", "filler"): {"value": 1},
    **{(message, "bias_filler"): {"value": 0} for message, _ in _FIELDS.values()},
}

# Layers without fillers. Statistics start as those of normalised data. (Caffe starts them as zeros,
# and divides by the root of eps until it has seen a batch.)
_FIXED: Mapping[str, tuple[float, ...]] = {"BatchNorm": (0, 1, 1), "Parameter": (0,)}

LEARNING = frozenset({*_FIELDS, *_FIXED, "BN"})
"""The layer types that are known to have weights."""


@dataclass(frozen=True)
class Filler:
    """How one blob of a layer is filled.

    `is_specified` is whether the text or the layer's own default says so, and nothing in it is
    unknown. Weights without a filler are zero.
    """

    shape: Shape
    settings: Settings
    seed: tuple[int, int]
    is_specified: bool = True

    @property
    def kind(self) -> str:
        kind: str = self.settings.get("type", "constant")
        return kind

    @property
    def is_exact(self) -> bool:
        """Whether Caffe itself would produce exactly these values."""
        return self.is_specified and self.kind in ("constant", "bilinear")

    @property
    def blob(self) -> Blob:
        return Blob(self.shape, self.values)

    def values(self) -> Array:
        """The values, drawn again on each call, and the same each time."""
        refuse_large(size_of(self.shape, 8), f"weights of {self.shape} from a filler")
        return _FILLERS[self.kind](self.shape, self.settings, np.random.default_rng(self.seed))


def is_filled(blob: Blob) -> bool:
    """Whether a filler makes the values of a blob, and no file has them."""
    return isinstance(getattr(blob.read, "__self__", None), Filler)


def fillers(layer: Layer, shapes: tuple[Shape, ...]) -> tuple[Filler, ...] | None:
    """A filler for each blob of a layer, by their shapes; None for an unknown layer.

    Errors: UnsupportedError for an unknown filler, ShapeError where Caffe would abort.
    """
    if layer.type == "BN":
        return _of_bn(layer, shapes)
    if layer.type in _FIXED:
        fixed = tuple(
            Filler(shape, {"value": value}, _seed(layer, index), is_specified=False)
            for index, (shape, value) in enumerate(zip(shapes, _FIXED[layer.type], strict=False))
        )
        return fixed + _of_scales(layer, shapes, len(fixed))
    message, names = _FIELDS.get(layer.type, ("", ()))
    if layer.type in ("LSTM", "RNN"):
        names = tuple(_WEIGHT_AND_BIAS[len(shape) == 1] for shape in shapes)
    if layer.type == "DenseBlock":
        return _of_dense_block(layer, shapes)
    if layer.type == "Scale" and len(layer.bottoms) == 2:
        names = names[1:]
    if len(names) < len(shapes):
        return None
    pairs = zip(names, shapes, strict=False)
    return tuple(_filler(layer, message, *pair, index) for index, pair in enumerate(pairs))


def _of_scales(layer: Layer, shapes: Sequence[Shape], first: int) -> tuple[Filler, ...]:
    """The fillers of the scale and bias that a BatchNorm of forks has after its statistics."""
    fields = layer.params.get("batch_norm_param", {})
    names = [next((n for n in names if n in fields), names[0]) for names in _BATCH_NORM_SCALES]
    return tuple(
        _filler(layer, "batch_norm_param", name, shape, index)
        for index, (name, shape) in enumerate(zip(names, shapes[first:], strict=False), first)
    )


def _of_bn(layer: Layer, shapes: tuple[Shape, ...]) -> tuple[Filler, ...] | None:
    """SegNet's scale and shift; PSPNet's slope and bias, followed by its mean and variance."""
    names = _BN.get(len(shapes))
    if names is None:
        return None
    learned = [_filler(layer, "bn_param", name, shapes[i], i) for i, name in enumerate(names)]
    statistics = [
        Filler(shape, {"value": value}, _seed(layer, index), is_specified=False)
        for index, (shape, value) in enumerate(zip(shapes[2:], (0, 1), strict=False), 2)
    ]
    return (*learned, *statistics)


def _of_dense_block(layer: Layer, shapes: tuple[Shape, ...]) -> tuple[Filler, ...]:
    """One of each kind of blob per transition: kernels, scale, bias, mean, variance; with
    bottlenecks all these again; finally the factor of the means and variances."""
    message, names = _FIELDS[layer.type]
    count = layer.params[message]["numTransition"]
    statistics = _FIXED["BatchNorm"][:2]
    result = []
    for index, shape in enumerate(shapes):
        kind = index // count % 5 if index + 1 < len(shapes) else 4
        if kind < 3:
            result.append(_filler(layer, message, names[kind], shape, index))
        else:
            settings = {"value": statistics[kind - 3]}
            result.append(Filler(shape, settings, _seed(layer, index), is_specified=False))
    return tuple(result)


def _filler(layer: Layer, message: str, name: str, shape: Shape, index: int) -> Filler:
    default = _DEFAULTS.get((message, name))
    settings = layer.params.get(message, {}).get(name, default)
    is_clear = not any(c.path[:2] == (message, name) for c in layer.complaints)
    is_specified = settings is not None and is_clear
    filler = Filler(shape, settings or {}, _seed(layer, index), is_specified)
    if filler.kind not in _FILLERS:
        raise UnsupportedError(
            f"its {name} has an unknown type",
            where=layer,
            expected=", ".join(_FILLERS),
            received=filler.kind,
        )
    if filler.kind == "bilinear" and not (len(shape) == 4 and shape[2] == shape[3]):
        raise ShapeError(
            "a bilinear filler needs square kernels",
            where=layer,
            expected="4 axes, the last two equal",
            received=shape,
        )
    return filler


def _seed(layer: Layer, index: int) -> tuple[int, int]:
    return crc32(layer.name.encode()), index


# ---- the fillers themselves ------------------------------------------------------------------

Generator = np.random.Generator


def _constant(shape: Shape, filler: Settings, _: Generator) -> Array:
    return np.full(shape, filler.get("value", 0), np.float32)


def _uniform(shape: Shape, filler: Settings, random: Generator) -> Array:
    return _between(filler.get("min", 0), filler.get("max", 1), shape, random)


def _gaussian(shape: Shape, filler: Settings, random: Generator) -> Array:
    """`sparse` is how many inputs of each output have a weight, on average."""
    values = _normal(filler.get("mean", 0), filler.get("std", 1), shape, random)
    sparse = filler.get("sparse", -1)
    if sparse >= 0:
        values *= random.random(shape, np.float32) < sparse / shape[0]
    return values


def _positive_unitball(shape: Shape, _: Settings, random: Generator) -> Array:
    """Positive numbers that sum to 1 for each output."""
    values = random.random(shape, np.float32)
    values /= values.sum(axis=tuple(range(1, len(shape))), keepdims=True)
    return values


def _xavier(shape: Shape, filler: Settings, random: Generator) -> Array:
    limit = sqrt(3 / _fan(shape, filler))
    return _between(-limit, limit, shape, random)


def _msra(shape: Shape, filler: Settings, random: Generator) -> Array:
    return _normal(0, sqrt(2 / _fan(shape, filler)), shape, random)


def _fan(shape: Shape, filler: Settings) -> float:
    """Fan-in, fan-out or their average, as `variance_norm` says."""
    count = prod(shape)
    fan_in = count / shape[0]
    fan_out = count / shape[1] if len(shape) > 1 else count
    fans = {"FAN_OUT": fan_out, "AVERAGE": (fan_in + fan_out) / 2}
    return fans.get(filler.get("variance_norm", "FAN_IN"), fan_in)


def _bilinear(shape: Shape, _: Settings, __: Generator) -> Array:
    """A kernel with which a Deconvolution upsamples by linear interpolation: a tent in h and w."""
    size = shape[-1]
    half = ceil(size / 2)
    tent = 1 - np.abs(np.arange(size) / half - (size - 1) / (2 * half))
    return np.broadcast_to(np.outer(tent, tent), shape).astype(np.float32)


def _between(low: float, high: float, shape: Shape, random: Generator) -> Array:
    values = random.random(shape, np.float32)
    values *= high - low
    values += low
    return values


def _normal(mean: float, deviation: float, shape: Shape, random: Generator) -> Array:
    values = random.standard_normal(shape, np.float32)
    values *= deviation
    values += mean
    return values


_FILLERS: Mapping[str, Callable[[Shape, Settings, Generator], Array]] = {
    "constant": _constant,
    "uniform": _uniform,
    "gaussian": _gaussian,
    "positive_unitball": _positive_unitball,
    "xavier": _xavier,
    "msra": _msra,
    "bilinear": _bilinear,
}
