"""Normalisations of groups of channels."""

from __future__ import annotations

from typing import Any

from bridge.errors import UnsupportedError
from bridge.layout import Layout
from bridge.raising.building.adding import add_dynamic
from bridge.raising.building.candidates import channels_last
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref
from bridge.raising.table import Candidate, Node, Operand, raises


@raises("InstanceNormalization")
def instance_normalization(
    node: Node, x: Operand, scale: Operand, bias: Operand, *, epsilon: float = 1e-5
) -> Candidate:
    """x: n c *s   scale, bias: c   ->   n c *s, with the mean and variance of each channel

    A GroupNormalization with a group for each channel.
    (onnx.ai/onnx/operators, InstanceNormalization)
    """
    return _normalized(x, scale, bias, channels_last(x), -1, epsilon)


@raises("GroupNormalization", since=21)
@raises("bridge::GroupNormalization")
def group_normalization(
    node: Node,
    x: Operand,
    scale: Operand,
    bias: Operand,
    *,
    num_groups: int,
    epsilon: float = 1e-5,
    stash_type: int = 1,
) -> Candidate:
    """x: n c *s   scale, bias: c   ->   n c *s, with the mean and variance of each of the groups
    that the channels are split into

    `bridge::GroupNormalization` is what PyTorch writes for it below opset 18 (see
    graph/fusion/norms.py).            (onnx.ai/onnx/operators, GroupNormalization)
    """
    layout = channels_last(x, identity_channels=True)
    return _normalized(x, scale, bias, layout, num_groups, epsilon)


@raises("bridge::Normalization")
def normalization(node: Node, x: Operand, mean: Operand, variance: Operand) -> Candidate:
    """(x - mean) / √variance: x: n c *s   mean, variance: c   ->   n c *s

    What standardises the channels of images before a net (see graph/fusion/linear.py).
    """
    layout = channels_last(x, identity_channels=True)
    inner = layout.axis(1)
    weights = {"adapt_mean": mean.weight(inner), "adapt_variance": variance.weight(inner)}

    def build(k: Recorder, x: Ref) -> Ref:
        return k.layer("Normalization", x, weights, axis=-1)

    return Candidate((layout, None, None), (layout,), build)


def _normalized(
    x: Operand, scale: Operand, bias: Operand, layout: Layout, groups: int, epsilon: float
) -> Candidate:
    """A layer with scale and bias where they are constants; else these are applied after it."""
    if not isinstance(x.shape[1], int):
        raise UnsupportedError("a normalisation of an unknown number of channels")
    inner = layout.axis(1)
    options: dict[str, Any] = {"groups": groups, "epsilon": epsilon}
    if scale.is_constant and bias.is_constant:
        weights = {"gamma": scale.weight(inner), "beta": bias.weight(inner)}

        def build(k: Recorder, x: Ref) -> Ref:
            return k.layer("GroupNormalization", x, weights, **options)

        return Candidate((layout, None, None), (layout,), build)

    def build_apart(k: Recorder, x: Ref, scale: Ref, bias: Ref) -> Ref:
        y = k.layer("GroupNormalization", x, {}, center=False, scale=False, **options)
        return add_dynamic(k, k.op("multiply", y, scale), bias)

    return Candidate((layout, inner, inner), (layout,), build_apart)
