"""Normalisations."""

from __future__ import annotations

from bridge.errors import UnsupportedError
from bridge.raising.orders import channels_last
from bridge.raising.plan import Ref
from bridge.raising.recorder import Recorder
from bridge.raising.table import Node, Operand, Step, raises


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
) -> Step:
    """x: n c ...   scale, bias, mean, variance: c   ->   n c ...

    Stays in the order in which x is stored; the vectors follow its channels.
    (onnx.ai/onnx/operators, BatchNormalization)
    """
    if training_mode or not spatial:
        raise UnsupportedError("BatchNormalization in training mode, or with spatial=0")
    want = x.layout if x.layout.where(1) is not None else channels_last(x)
    inner = want.axis(1)
    weights = {
        "gamma": scale.weight(inner),
        "beta": bias.weight(inner),
        "moving_mean": mean.weight(inner),
        "moving_variance": variance.weight(inner),
    }
    axis = want.where(1)

    def build(k: Recorder, x: Ref) -> Ref:
        return k.layer("BatchNormalization", x, weights, axis=axis, epsilon=epsilon)

    return Step((want,), (want,), build)


@raises("LRN")
def lrn(
    node: Node, x: Operand, *, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0, size: int
) -> Step:
    """y = x / (bias + alpha/size · Σ x²)^beta, the sum over `size` neighbouring channels

    Native ops: the sum is `size` slices of the padded squares, and the power is
    exp(-beta · log(·)), which costs half of `power`.        (onnx.ai/onnx/operators, LRN)
    """
    want = channels_last(x, plain_channels=True)
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
        factor = k.op("exp", k.op("multiply", k.op("log", base), -beta))
        return k.op("multiply", x, factor)

    return Step((want,), (want,), build)
