"""Normalisations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bridge.errors import UnsupportedError
from bridge.layout import Layout
from bridge.raising.building.adding import add_dynamic
from bridge.raising.building.candidates import channels_last, own_axes
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref
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

    Keeps the layout of x; the vectors have the layout of its channels. A scale of 1 and a bias of
    0 throughout, beside learned statistics, are no weights. In training mode the mean and the
    variance are those of x, and what they leave of the others after a step are outputs.
    (onnx.ai/onnx/operators, BatchNormalization)
    """
    if not spatial:
        raise UnsupportedError("BatchNormalization with spatial=0")
    if x.rank < 2:
        raise UnsupportedError(
            "BatchNormalization over a single axis", expected="n c ...", received=x.shape
        )
    layout = x.layout if x.layout.where(1) is not None else channels_last(x)
    inner = layout.axis(1)
    vectors = (scale, bias, mean, variance)
    if training_mode or not all(vector.is_constant for vector in vectors):
        computed = _ComputedBatchNorm(layout, epsilon, momentum if training_mode else None)
        outputs = (layout, inner, inner)[: len(node.shapes)]
        return Candidate((layout, *[inner] * 4), outputs, computed.build)
    weights = {
        "gamma": scale.weight(inner),
        "beta": bias.weight(inner),
        "moving_mean": mean.weight(inner),
        "moving_variance": variance.weight(inner),
    }
    axis = layout.where(1)
    options: dict[str, Any] = {"axis": axis, "epsilon": epsilon}
    absent = _absent(*vectors)
    weights = {role: weights[role] for role in weights if role not in absent}
    options |= {_OPTIONS[role]: False for role in absent}

    def build(k: Recorder, x: Ref) -> Ref:
        return k.layer("BatchNormalization", x, weights, **options)

    return Candidate((layout,), (layout,), build)


_OPTIONS = {"gamma": "scale", "beta": "center"}


def _absent(scale: Operand, bias: Operand, mean: Operand, variance: Operand) -> Sequence[str]:
    """Which of a layer's weights it does not have, for which ONNX has 1 and 0.

    In training a layer's own move away from there, all of them. A layer that was not trained may
    have them or not, and so has them.
    """
    if _is_filled(mean, 0) and _is_filled(variance, 1):
        return ()
    starts = {"gamma": _is_filled(scale, 1), "beta": _is_filled(bias, 0)}
    return [role for role, is_at_start in starts.items() if is_at_start]


def _is_filled(vector: Operand, number: int) -> bool:
    return bool((vector.array() == number).all())


@dataclass(frozen=True)
class _ComputedBatchNorm:
    """A batch normalisation by statistics that are tensors; with a momentum, by those of x."""

    layout: Layout
    epsilon: float
    momentum: float | None

    def build(
        self, k: Recorder, x: Ref, scale: Ref, bias: Ref, mean: Ref, variance: Ref
    ) -> tuple[Ref, ...]:
        channels, rank = self.layout.where(1), len(self.layout.stored)
        others = tuple(axis for axis in range(rank) if axis != channels)
        running: list[Ref] = []
        if self.momentum is not None:
            own = k.ops("moments", x, axes=others, outputs=2)
            running = [
                k.op(
                    "add",
                    k.op("multiply", old, self.momentum),
                    k.op("multiply", new, 1 - self.momentum),
                )
                for old, new in zip((mean, variance), own, strict=True)
            ]
            mean, variance = own
        vectors = [k.op("expand_dims", ref, axis=others) for ref in (mean, variance, scale, bias)]
        deviation = k.op("sqrt", k.op("add", vectors[1], self.epsilon))
        normal = k.op("divide", k.op("subtract", x, vectors[0]), deviation)
        return (add_dynamic(k, k.op("multiply", normal, vectors[2]), vectors[3]), *running)


@raises("LRN")
def lrn(
    node: Node, x: Operand, *, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0, size: int
) -> Candidate:
    """y = x / (bias + alpha/size · Σ x²)^beta, the sum over `size` neighbouring channels

    In native ops: the sum is over `size` slices of the padded squares, and the power is
    exp(-beta · log(·)) if the base is positive, which takes half the time of `power`.

    (onnx.ai/onnx/operators, LRN)
    """
    layout = channels_last(x, identity_channels=True)
    channels = x.shape[1]
    before = (size - 1) // 2
    if not isinstance(channels, int):
        raise UnsupportedError("LRN over an unknown number of channels")

    def build(k: Recorder, x: Ref) -> Ref:
        pads = [(0, 0)] * (len(node.shape) - 1) + [(before, size - 1 - before)]
        squares = k.op("pad", k.op("square", x), pad_width=pads)
        leading = (slice(None),) * (len(node.shape) - 1)
        total: Ref | None = None
        for offset in range(size):
            part = k.op("get_item", squares, (*leading, slice(offset, offset + channels)))
            total = part if total is None else k.op("add", total, part)
        base = k.op("add", k.op("multiply", total, alpha / size), bias)
        factor = _power(k, base, -beta, is_positive=bias > 0 and alpha >= 0)
        return k.op("multiply", x, factor)

    return Candidate((layout,), (layout,), build)


def _power(k: Recorder, base: Ref, exponent: float, *, is_positive: bool) -> Ref:
    if is_positive:
        return k.op("exp", k.op("multiply", k.op("log", base), exponent))
    return k.op("power", base, exponent)


@raises("LpNormalization")
def lp_normalization(node: Node, x: Operand, *, axis: int = -1, p: int = 2) -> Candidate:
    """x over its norm along an axis, ∑ |x| or √ ∑ x²; 0 if the norm is 0

    (onnx.ai/onnx/operators, LpNormalization)
    """
    layout, stored_axes = own_axes(x.layout, [axis % x.rank])

    def build(k: Recorder, x: Ref) -> Ref:
        terms = k.op("absolute" if p == 1 else "square", x)
        norm = k.op("sum", terms, axis=stored_axes, keepdims=True)
        norm = norm if p == 1 else k.op("sqrt", norm)
        return k.op("divide", x, k.op("where", k.op("equal", norm, 0.0), 1.0, norm))

    return Candidate((layout,), (layout,), build)


@raises("MeanVarianceNormalization")
def mean_variance_normalization(
    node: Node, x: Operand, *, axes: Sequence[int] = (0, 2, 3)
) -> Candidate:
    """(x - mean) / (deviation + 1e-9) over some axes

    (onnx.ai/onnx/operators, MeanVarianceNormalization)
    """
    layout, stored_axes = own_axes(x.layout, [axis % x.rank for axis in axes])

    def build(k: Recorder, x: Ref) -> Ref:
        centred = k.op("subtract", x, k.op("mean", x, axis=stored_axes, keepdims=True))
        variance = k.op("mean", k.op("square", centred), axis=stored_axes, keepdims=True)
        return k.op("divide", centred, k.op("add", k.op("sqrt", variance), 1e-9))

    return Candidate((layout,), (layout,), build)
