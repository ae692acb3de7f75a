"""Normalisations over the last axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bridge.layout import Layout, Weight
from bridge.raising.building.candidates import broadcast_layout, broadcastable, own_axes
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref
from bridge.raising.rules.elementwise import reshaped
from bridge.raising.table import Candidate, Node, Operand, raises


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
    """x: *p *q   scale, bias: *q   ->   *p *q, with the mean and variance over the axes *q

    A layer where scale and bias are constants of this shape, else ops; the outputs Mean and
    InvStdDev are computed apart.              (onnx.ai/onnx/operators, LayerNormalization)
    """
    axes = range(axis % x.rank, x.rank)
    operands = [scale] if bias is None else [scale, bias]
    layout, stored_axes = _with_own_axes(x, axes, operands)

    def moments(k: Recorder, x: Ref) -> tuple[Ref, Ref, Ref]:
        mean = k.op("mean", x, axis=stored_axes, keepdims=True)
        centred = k.op("subtract", x, mean)
        variance = k.op("mean", k.op("square", centred), axis=stored_axes, keepdims=True)
        return centred, mean, k.op("rsqrt", k.op("add", variance, epsilon))

    if not _are_weights(x, axes, operands):

        def normalized(k: Recorder, x: Ref) -> Ref:
            centred, _, factor = moments(k, x)
            return k.op("multiply", centred, factor)

        y = _applied(layout, operands, normalized)
    else:
        weights = _weights(
            layout, stored_axes, dict(zip(("gamma", "beta"), operands, strict=False))
        )
        options = {"axis": list(stored_axes), "epsilon": epsilon, "center": bias is not None}

        def layer(k: Recorder, x: Ref) -> Ref:
            return k.layer("LayerNormalization", x, weights, **options)

        y = Candidate((layout, *[None] * len(operands)), (layout,), layer)
    if not node.has_output(1) and not node.has_output(2):
        return y

    def build(k: Recorder, x: Ref, *vectors: Ref) -> tuple[Ref, ...]:
        _, mean, factor = moments(k, x)
        result = y.build(k, x, *vectors)
        return result, mean, factor  # type: ignore[return-value]

    one = _reduced(layout, axes)
    return Candidate(y.input_layouts, (layout, one, one), build)


@raises("RMSNormalization")
def rms_normalization(
    node: Node,
    x: Operand,
    scale: Operand,
    *,
    axis: int = -1,
    epsilon: float = 1e-5,
    stash_type: int = 1,
) -> Candidate:
    """x: *p *q   scale: *q   ->   scale · x / √(mean of x² + epsilon), the mean over the axes *q

    A layer where the scale is a constant of this shape and the axes *q are stored last, along
    which Keras's layer takes its scale to be whatever its axes are; else ops.
    (onnx.ai/onnx/operators, RMSNormalization)
    """
    axes = range(axis % x.rank, x.rank)
    layout, stored_axes = _with_own_axes(x, axes, [scale])
    options = {"axis": list(stored_axes), "epsilon": epsilon}
    stored_rank = len(layout.stored)
    are_last = stored_axes == tuple(range(stored_rank - len(stored_axes), stored_rank))
    if are_last and _are_weights(x, axes, [scale]):
        weights = _weights(layout, stored_axes, {"scale": scale})

        def layer(k: Recorder, x: Ref) -> Ref:
            return k.layer("RMSNormalization", x, weights, **options)

        return Candidate((layout, None), (layout,), layer)
    return _applied(layout, [scale], lambda k, x: k.op("rms_normalization", x, **options))


def _with_own_axes(
    x: Operand, axes: Sequence[int], operands: Sequence[Operand]
) -> tuple[Layout, tuple[int, ...]]:
    """The layout of x if each of the axes has a stored axis and the operands can be broadcast
    against it, else the identity layout; and these stored axes."""
    layout = x.layout
    if not _are_weights(x, axes, operands):
        layout = broadcastable(layout, [operand.shape for operand in operands])
    return own_axes(layout, axes)


def _are_weights(x: Operand, axes: Sequence[int], operands: Sequence[Operand]) -> bool:
    """Whether a layer can hold these operands: constants, of the size of the axes."""
    shape = tuple(x.shape[axis] for axis in axes)
    return all(operand.is_constant and operand.shape == shape for operand in operands)


def _weights(
    layout: Layout, stored_axes: Sequence[int], operands: dict[str, Operand]
) -> dict[str, Weight]:
    shape = tuple(layout.stored_shape[axis] for axis in stored_axes)
    return {
        name: reshaped(operand.weight(broadcast_layout(layout, operand.shape)), shape)
        for name, operand in operands.items()
    }


def _applied(
    layout: Layout, operands: Sequence[Operand], normalized: Callable[[Recorder, Ref], Ref]
) -> Candidate:
    """What is normalised, times a scale, plus a bias if there is one."""

    def build(k: Recorder, x: Ref, scale: Ref, *bias: Ref) -> Ref:
        y = k.op("multiply", normalized(k, x), scale)
        return k.op("subtract", y, k.op("negative", bias[0])) if bias else y

    layouts = [broadcast_layout(layout, operand.shape) for operand in operands]
    return Candidate((layout, *layouts), (layout,), build)


def _reduced(layout: Layout, axes: Sequence[int]) -> Layout:
    for axis in axes:
        layout = layout.resized(axis, 1)
    return layout
