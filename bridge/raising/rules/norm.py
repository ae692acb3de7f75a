"""Normalisations."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.building.candidates import broadcast_layout, channels_last
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref
from bridge.raising.rules.elementwise import reshaped
from bridge.raising.table import Candidate, Node, Operand, raises


@raises("BatchNormalization")
def batch_normalization(
    node: Node,
    x: Operand,
    scale: Operand,
    bias: Operand,
    mean: Operand,
    variance: Operand,
    *,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    spatial: int = 1,
    training_mode: int = 0,
) -> Candidate:
    """x: n c ...   scale, bias, mean, variance: c   ->   n c ...

    Stays in the order in which x is stored; the vectors follow its channels.
    (onnx.ai/onnx/operators, BatchNormalization)
    """
    if training_mode or not spatial:
        raise UnsupportedError("BatchNormalization in training mode, or with spatial=0")
    input_layout = x.layout if x.layout.where(1) is not None else channels_last(x)
    inner = input_layout.axis(1)
    weights = {
        "gamma": scale.weight(inner),
        "beta": bias.weight(inner),
        "moving_mean": mean.weight(inner),
        "moving_variance": variance.weight(inner),
    }
    axis = input_layout.where(1)

    def build(k: Recorder, x: Ref) -> Ref:
        return k.layer("BatchNormalization", x, weights, axis=axis, epsilon=epsilon)

    return Candidate((input_layout,), (input_layout,), build)


@raises("LRN")
def lrn(
    node: Node, x: Operand, *, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0, size: int
) -> Candidate:
    """y = x / (bias + alpha/size · Σ x²)^beta, the sum over `size` neighbouring channels

    Native ops: the sum is `size` slices of the padded squares, and the power is
    exp(-beta · log(·)) where the base is positive, which costs half of `power`.

    (onnx.ai/onnx/operators, LRN)
    """
    input_layout = channels_last(x, identity_channels=True)
    channels = x.shape[1]
    before = (size - 1) // 2
    if not isinstance(channels, int):
        raise UnsupportedError("LRN over an unknown number of channels")

    def build(k: Recorder, x: Ref) -> Ref:
        pads = [(0, 0)] * (len(node.shape) - 1) + [(before, size - 1 - before)]
        squares = k.op("pad", k.op("square", x), pad_width=pads)
        every = (slice(None),) * (len(node.shape) - 1)
        total: Ref | None = None
        for offset in range(size):
            part = k.op("get_item", squares, (*every, slice(offset, offset + channels)))
            total = part if total is None else k.op("add", total, part)
        base = k.op("add", k.op("multiply", total, alpha / size), bias)
        factor = _power(k, base, -beta, is_positive=bias > 0 and alpha >= 0)
        return k.op("multiply", x, factor)

    return Candidate((input_layout,), (input_layout,), build)


def _power(k: Recorder, base: Ref, exponent: float, *, is_positive: bool) -> Ref:
    if is_positive:
        return k.op("exp", k.op("multiply", k.op("log", base), exponent))
    return k.op("power", base, exponent)


@raises("InstanceNormalization")
def instance_normalization(
    node: Node, x: Operand, scale: Operand, bias: Operand, *, epsilon: float = 1e-5
) -> Candidate:
    """x: n c *s   scale, bias: c   ->   n c *s, by each channel's own mean and variance

    A GroupNormalization in which each channel is a group.
    (onnx.ai/onnx/operators, InstanceNormalization)
    """
    if not isinstance(x.shape[1], int):
        raise UnsupportedError("a normalisation of an unknown number of channels")
    input_layout = channels_last(x)
    weights = {
        "gamma": scale.weight(input_layout.axis(1)),
        "beta": bias.weight(input_layout.axis(1)),
    }

    def build(k: Recorder, x: Ref) -> Ref:
        return k.layer("GroupNormalization", x, weights, groups=-1, epsilon=epsilon)

    return Candidate((input_layout,), (input_layout,), build)


@raises("LayerNormalization")
def layer_normalization(
    node: Node,
    x: Operand,
    scale: Operand,
    bias: Operand | None = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-5,
    stash_type: int = 1,
) -> Candidate:
    """x: *p *q   scale, bias: *q   ->   *p *q, by the mean and variance over the axes *q

    (onnx.ai/onnx/operators, LayerNormalization)
    """
    axes = range(axis % x.rank, x.rank)
    if len(node.shapes) > 1:
        raise UnsupportedError("the mean and the deviation of LayerNormalization")
    if scale.shape != x.shape[axes.start :]:
        raise UnsupportedError("a scale that is broadcast", received=scale.shape)
    input_layout, places = _apart(x, axes)

    def weight(operand: Operand) -> Weight:
        given = operand.weight(broadcast_layout(input_layout, operand.shape))
        return reshaped(given, tuple(input_layout.stored_shape[place] for place in places))

    weights = {"gamma": weight(scale), **({} if bias is None else {"beta": weight(bias)})}
    options = {"axis": list(places), "epsilon": epsilon, "center": bias is not None}
    return Candidate(
        (input_layout,),
        (input_layout,),
        lambda k, x: k.layer("LayerNormalization", x, weights, **options),
    )


@raises("LpNormalization")
def lp_normalization(node: Node, x: Operand, *, axis: int = -1, p: int = 2) -> Candidate:
    """x over its norm along an axis, ∑ |x| or √ ∑ x²; 0 where that is 0

    (onnx.ai/onnx/operators, LpNormalization)
    """
    input_layout, places = _apart(x, [axis % x.rank])

    def build(k: Recorder, x: Ref) -> Ref:
        sizes = k.op("absolute" if p == 1 else "square", x)
        norm = k.op("sum", sizes, axis=places, keepdims=True)
        norm = norm if p == 1 else k.op("sqrt", norm)
        return k.op("divide", x, k.op("where", k.op("equal", norm, 0.0), 1.0, norm))

    return Candidate((input_layout,), (input_layout,), build)


@raises("MeanVarianceNormalization")
def mean_variance_normalization(
    node: Node, x: Operand, *, axes: Sequence[int] = (0, 2, 3)
) -> Candidate:
    """(x - mean) / (deviation + 1e-9) over some axes

    (onnx.ai/onnx/operators, MeanVarianceNormalization)
    """
    input_layout, places = _apart(x, [axis % x.rank for axis in axes])

    def build(k: Recorder, x: Ref) -> Ref:
        centred = k.op("subtract", x, k.op("mean", x, axis=places, keepdims=True))
        variance = k.op("mean", k.op("square", centred), axis=places, keepdims=True)
        return k.op("divide", centred, k.op("add", k.op("sqrt", variance), 1e-9))

    return Candidate((input_layout,), (input_layout,), build)


def _apart(x: Operand, axes: Sequence[int]) -> tuple[Layout, tuple[int, ...]]:
    """The order that x has, if each of the axes lies by itself in it, else ONNX's; and where."""
    fits = all(x.layout.where(axis) is not None for axis in axes)
    input_layout = x.layout if fits else Layout.identity(x.shape)
    return input_layout, tuple(sorted({input_layout.where(axis) or 0 for axis in axes}))
