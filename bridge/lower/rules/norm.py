"""Normalisations.

Formulas: batch_norm_layer.cpp, lrn_layer.cpp, mvn_layer.cpp, softmax_layer.cpp, and
normalize_layer.cpp of Caffe's SSD branch; bn_layer.cpp of the PSPNet and SegNet forks;
normalize_layer.cpp of happynear's, l2_normalization_layer.cpp of others; batch_norm_layer.cpp of
NVIDIA's, mkldnn_batch_norm_layer.cpp of Intel's, and of pull request 4948 of BVLC (instance_norm)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bridge.caffe.net import Blob, Layer, Shape
from bridge.caffe.shapes.norm import HAPPYNEARS, SEGNETS, has_affine_blobs, is_nvidias
from bridge.errors import UnsupportedLayerError
from bridge.lower.emitter import Emitter
from bridge.lower.merge import MERGED
from bridge.lower.rules.activation import rectified
from bridge.lower.rules.spatial.pool import Axis, averages
from bridge.lower.table import layer
from bridge.lower.values import Value


@layer("BatchNorm", MERGED, params="batch_norm_param")
def batch_norm(
    e: Emitter,
    layer: Layer,
    x: Value,
    *,
    use_global_stats: bool | None = None,
    eps: float = 1e-5,
    instance_norm: bool = False,
    relu: bool = False,
    negative_slope: float = 0.0,
    **settings: object,
) -> Value:
    """y = (x - mean/s) / √(var/s + eps) · γ + β    x: n c *s → n c *s

    Blobs: mean, var and the factor s (0 means 1/s = 0), then γ and β if a Scale was merged in, or
    in NVIDIA's and Intel's Caffe; NVIDIA's ignores s, and its eps is at least 1e-5.
    Without `use_global_stats` the mean and the (biased) variance are the batch's own, and with
    `instance_norm` each image's. Intel's `relu` appends a ReLU.
    ONNX: https://onnx.ai/onnx/operators/onnx__BatchNormalization.html
    """
    channels = (x.fixed(1) if x.rank > 1 else 1,)
    is_affine = has_affine_blobs(layer) or layer.type == MERGED
    gamma, beta = (
        e.blob(i, channels) if is_affine and len(layer.blobs) > i else None for i in (3, 4)
    )
    nvidias = is_nvidias(layer)
    eps = max(eps, _NVIDIAS_EPS) if nvidias else eps
    if instance_norm:
        _refuse_global_stats(layer, x, use_global_stats)
        y = e.InstanceNormalization(x, *_affine(e, gamma, beta, channels), epsilon=eps)
    elif use_global_stats is False and not nvidias:
        y = _with_affine(e, _with_batch_statistics(e, x, eps), gamma, beta)
    else:
        mean, variance = (e.blob(i, channels) for i in range(2))
        factor = None if nvidias else e.blob(2, (1,))
        y = batch_normalized(e, x, gamma, beta, mean, variance, factor, eps)
    return rectified(e, y, negative_slope) if relu else y


_NVIDIAS_EPS = 1e-5


def _refuse_global_stats(layer: Layer, x: Value, use_global_stats: bool | None) -> None:
    if use_global_stats or x.rank < 3:
        raise UnsupportedLayerError(
            "instance_norm needs the statistics of each image",
            where=layer,
            expected="an input n c *s, and no use_global_stats",
            received=f"{x.rank} axes, use_global_stats {str(bool(use_global_stats)).lower()}",
        )


def _with_affine(e: Emitter, x: Value, gamma: Blob | None, beta: Blob | None) -> Value:
    """x · γ + β, per channel, without those that are None."""
    for operator, blob, role in ((e.Mul, gamma, "scale"), (e.Add, beta, "bias")):
        if blob is not None:
            operand = blob.reshaped(-1, *[1] * (x.rank - 2))
            x = operator(x, e.weight(operand, role))
    return x


def _affine(e: Emitter, gamma: Blob | None, beta: Blob | None, shape: Shape) -> tuple[Value, Value]:
    return _or_constant(e, gamma, shape, 1, "scale"), _or_constant(e, beta, shape, 0, "bias")


def batch_normalized(
    e: Emitter,
    x: Value,
    gamma: Blob | None,
    beta: Blob | None,
    mean: Blob,
    variance: Blob,
    factor: Blob | None,
    eps: float,
) -> Value:
    """The formula of `batch_norm`; all blobs have one number per channel, the factor just one."""
    return e.BatchNormalization(
        x,
        *_affine(e, gamma, beta, mean.shape),
        _divided(e, mean, factor, "mean"),
        _divided(e, variance, factor, "variance"),
        epsilon=eps,
    )


def _or_constant(e: Emitter, blob: Blob | None, shape: Shape, value: int, role: str) -> Value:
    if blob is None:
        return e.computed(shape, lambda: np.full(shape, value, np.float32), role)
    return e.weight(blob, role)


def _divided(e: Emitter, blob: Blob, factor: Blob | None, role: str) -> Value:
    """The blob divided by the factor; unchanged if that is 1 or None, so that its bytes can be
    copied."""
    number = 1 if factor is None else factor.array()[0]
    if factor is None or number == 1:
        return e.weight(blob, role)
    if number == 0:
        return e.computed(blob.shape, lambda x: x * 0, role, blob)
    return e.computed(blob.shape, lambda x, s: x / s, role, blob, factor)


def _with_batch_statistics(e: Emitter, x: Value, eps: float) -> Value:
    centred = e.Sub(x, _mean_of_channels(e, x))
    variance = _mean_of_channels(e, e.Mul(centred, centred))
    return e.Div(centred, e.Sqrt(e.Add(variance, eps)))


def _mean_of_channels(e: Emitter, x: Value) -> Value:
    """In two steps, as OpenCV is wrong on axes that are not adjacent."""
    return e.reduce("ReduceMean", e.reduce("ReduceMean", x, range(2, x.rank)), [0])


@layer("BN", params="bn_param")
def forks_batch_norm(
    e: Emitter,
    layer: Layer,
    x: Value,
    *,
    bn_mode: str = "LEARN",
    eps: float = 1e-5,
    **settings: object,
) -> Value:
    """Two forks' layers of one name, distinguished by their blobs    x: n c h w → n c h w

    PSPNet: slope, bias, mean and variance, y = (x - mean) / √(var + eps) · slope + bias.
    SegNet in mode INFERENCE: scale and shift, which already include the statistics.
    """
    channels = x.fixed(1)
    fields = layer.params.get("bn_param", {})
    is_segnets = bool(fields.keys() & SEGNETS)
    if len(layer.blobs) == 4 and not is_segnets and not fields.keys() & HAPPYNEARS:
        roles = ("scale", "bias", "mean", "variance")
        vectors = [e.weight(e.blob(i, (channels,)), role) for i, role in enumerate(roles)]
        return e.BatchNormalization(x, *vectors, epsilon=eps)
    if len(layer.blobs) == 2 and bn_mode == "INFERENCE":
        scale, shift = (e.blob(i, (channels, 1, 1)) for i in range(2))
        return e.Add(e.Mul(x, e.weight(scale, "scale")), e.weight(shift, "shift"))
    raise UnsupportedLayerError(
        "several forks have a BN, and this one could be any of them",
        where=layer,
        expected="PSPNet's (4 blobs), or SegNet's in mode INFERENCE (2 blobs)",
        received=f"{len(layer.blobs)} blobs, {', '.join(fields) or 'no settings'}",
        hint="SegNet's in mode LEARN uses the statistics of each batch: pass the net for testing, "
        "with `bn_mode: INFERENCE`, and the weights that compute_bn_statistics.py wrote for it"
        if is_segnets and len(layer.blobs) == 2
        else "define it with --plugin FILE",
    )


@layer("LRN", params="lrn_param")
def local_response(
    e: Emitter,
    layer: Layer,
    x: Value,
    *,
    local_size: int = 5,
    alpha: float = 1.0,
    beta: float = 0.75,
    norm_region: str = "ACROSS_CHANNELS",
    k: float = 1.0,
) -> Value:
    """y = x / (k + alpha/size · ∑ x²)^beta    x: n c h w → n c h w

    The sum is over `local_size` channels, which is ONNX's LRN; or, WITHIN_CHANNEL, over a square of
    positions, divided by its whole area even at the borders, and always with k = 1.
    """
    if norm_region == "ACROSS_CHANNELS":
        return e.LRN(x, size=local_size, alpha=alpha, beta=beta, bias=k)
    if norm_region != "WITHIN_CHANNEL":
        raise UnsupportedLayerError(f"unknown norm_region {norm_region}", where=layer)
    means = _means_around(e, e.Mul(x, x), local_size, alpha)
    return e.Div(x, e.Pow(e.Add(means, 1.0), beta))


def _means_around(e: Emitter, x: Value, size: int, factor: float) -> Value:
    """Sums over squares of positions, over the whole area of these, times a factor."""
    if any(isinstance(axis, str) for axis in x.shape[2:]):
        half = size // 2
        padded = e.Pad(x, [0, 0, half, half] * 2, np.float32(0))
        mean = e.AveragePool(padded, kernel_shape=[size] * 2, strides=[1, 1], pads=[0] * 4)
        return e.Mul(mean, factor)
    axes = [Axis(x.fixed(i), size, 1, size // 2, x.fixed(i)) for i in (2, 3)]
    return averages(e, x, axes, [np.full(axis.count, size) for axis in axes], factor)


@layer("MVN", params="mvn_param")
def mean_variance(
    e: Emitter,
    layer: Layer,
    x: Value,
    *,
    normalize_variance: bool = True,
    across_channels: bool = False,
    eps: float = 1e-9,
) -> Value:
    """y = (x - mean) / (deviation + eps)    x: n c *s → n c h w

    Over each channel, or each whole sample; eps is added to the deviation, not to the variance.
    The result always has four axes.
    """
    x = e.reshape(x, e.tops[0])
    axes = [1, 2, 3] if across_channels else [2, 3]
    centred = e.Sub(x, e.reduce("ReduceMean", x, axes))
    if not normalize_variance:
        return centred
    deviation = e.Sqrt(e.reduce("ReduceMean", e.Mul(centred, centred), axes))
    return e.Div(centred, e.Add(deviation, eps))


@layer("Normalize", params="norm_param", also=("normalize_param",))
def normalize(
    e: Emitter,
    layer: Layer,
    x: Value,
    *,
    across_spatial: bool = True,
    channel_shared: bool = True,
    eps: float = 1e-10,
) -> Value | tuple[Value, ...]:
    """y = x / √(∑ x² + eps) · scale    x: n c *s → n c *s    scale: c, or one number

    The sum is over the channels of each position, or over the whole sample. With a
    `normalize_param` it is another layer, from happynear's fork (see `_normalize_positions`).
    """
    if "normalize_param" in layer.params:
        return _normalize_positions(e, layer, x, **layer.params["normalize_param"])
    axes: Sequence[int] = range(1, x.rank) if across_spatial else [1]
    squares = e.sum(e.Mul(x, x), axes)
    ones = (1,) * (x.rank - 2)
    scale = e.blob(0, (1 if channel_shared else x.fixed(1), *ones))
    return e.Mul(e.Div(x, e.Sqrt(e.Add(squares, eps))), e.weight(scale, "scale"))


def _normalize_positions(
    e: Emitter,
    layer: Layer,
    x: Value,
    *,
    normalize_type: str = "L2",
    fix_gradient: bool = False,
    bp_norm: bool = False,
) -> tuple[Value, ...]:
    """y = x / norm, norm = √(∑ x² + 1e-6) or, L1, ∑ |x| + 1e-6    x: n c … → n c h w; n 1 h w

    The sum is over the channels of each position.
    """
    x = e.reshape(x, e.tops[0])
    if normalize_type == "L2":
        norm = e.Sqrt(e.Add(e.sum(e.Mul(x, x), [1]), 1e-6))
    elif normalize_type == "L1":
        norm = e.Add(e.sum(e.Abs(x), [1]), 1e-6)
    else:
        raise UnsupportedLayerError(f"unknown normalize_type {normalize_type}", where=layer)
    return (e.Div(x, norm), norm)[: len(e.tops)]


@layer("L2Normalization")
def normalize_samples(e: Emitter, layer: Layer, x: Value) -> Value:
    """y = x / √ ∑ x²    x: n *s → n *s, the sum over the whole sample"""
    squares = e.sum(e.Mul(x, x), range(1, x.rank))
    return e.Div(x, e.Sqrt(squares))


@layer("Softmax", params="softmax_param")
def softmax(
    e: Emitter, layer: Layer, x: Value, *, axis: int = 1, scaling_temperature: float = 1.0
) -> Value:
    """y = eˣ / ∑ eˣ over one axis; jolibrain's fork divides x by a temperature first"""
    if scaling_temperature == 0:
        raise UnsupportedLayerError("its scaling_temperature is 0", where=layer)
    return e.Softmax(x if scaling_temperature == 1 else e.Div(x, scaling_temperature), axis=axis)
