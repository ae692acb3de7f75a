"""Deformable convolutions: each element of a window is sampled at an offset of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.building.padding import Window, window_of
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref
from bridge.raising.rules.detection.roi import image_layout
from bridge.raising.rules.spatial.sampling import Sampler, known_sizes
from bridge.raising.table import Candidate, Node, Operand, raises


@raises("DeformConv", since=19)
def deform_conv(
    node: Node,
    x: Operand,
    w: Operand,
    offset: Operand,
    b: Operand | None = None,
    mask: Operand | None = None,
    *,
    dilations: Sequence[int] | None = None,
    group: int = 1,
    kernel_shape: Sequence[int] | None = None,
    offset_group: int = 1,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Candidate:
    """x: n i *s   w: o i/group *k   offset: n (g *k d) *t   mask: n (g *k) *t   ->   n o *t

    The elements of all windows are interpolated, times the mask, and go through an EinsumDense.
    (onnx.ai/onnx/operators, DeformConv)
    """
    channels, sizes = known_sizes(x)
    window = window_of(sizes, w.weight().shape[2:], strides, dilations, pads, "NOTSET")
    targets = [int(size) for size in node.shape[2:] if isinstance(size, int)]
    if len(targets) < len(sizes):
        raise UnsupportedError("offsets of a map of unknown size", received=node.shape)
    samples = _Samples(window, targets, channels // offset_group, offset_group)
    weights = _weights(w.weight(), b, group)

    def build(k: Recorder, x: Ref, offset: Ref, *masks: Ref) -> Ref:
        values = samples.of(k, x, offset, masks[0] if masks else None)  # n *t k i
        letters, width = "hwd"[: len(sizes)], channels // group
        results = []
        for index, weight in enumerate(weights):
            part = values
            if group > 1:
                part = k.op("get_item", values, (..., slice(index * width, (index + 1) * width)))
            outputs = weight["kernel"].stored_shape[-1]
            results.append(
                k.layer(
                    "EinsumDense",
                    part,
                    weight,
                    equation=f"n{letters}ki,kio->n{letters}o",
                    output_shape=(*targets, outputs),
                    bias_axes=None if b is None else "o",
                )
            )
        return results[0] if group == 1 else k.layer("Concatenate", results, axis=-1)

    moved = None if mask is None else _channels_last(mask)
    layouts = (_channels_last(x), None, _channels_last(offset), None, moved)
    return Candidate(layouts, (_channels_last_of(node.shape),), build)


def _channels_last(x: Operand) -> Layout:
    return _channels_last_of(x.shape)


def _channels_last_of(shape: Sequence[int | str]) -> Layout:
    return image_layout(tuple(shape), Layout.identity((shape[1],)))


def _weights(w: Weight, b: Operand | None, group: int) -> list[dict[str, Weight]]:
    """For each group the kernel, o i *k stored as (*k) i o, and the bias."""
    outputs = w.shape[0] // group
    return [_part(w, b, slice(index * outputs, (index + 1) * outputs)) for index in range(group)]


def _part(w: Weight, b: Operand | None, part: slice) -> dict[str, Weight]:
    """Those of one group."""
    shape = (part.stop - part.start, w.shape[1], prod(w.shape[2:]))
    kernel = Weight.derived(shape, lambda w: w[part].reshape(shape), w)
    weights = {"kernel": kernel.with_layout(Layout.ordered(shape, (2, 1, 0)))}
    if b is not None:
        weights["bias"] = Weight.derived(shape[:1], lambda b: b[part], b.weight())
    return weights


@dataclass(frozen=True)
class _Samples:
    """The elements of the windows of a map, of sizes `targets`: `groups` of `channels` have
    offsets of their own."""

    window: Window
    targets: Sequence[int]
    channels: int
    groups: int

    def of(self, k: Recorder, x: Ref, offset: Ref, mask: Ref | None) -> Ref:
        """x: n *s c, offset: n *t (g *k d), mask: n *t (g *k)   ->   n *t (*k) c"""
        sampler, parts = Sampler("linear", "zeros", is_aligned=True), []
        rank, elements = self.window.rank, prod(self.window.kernel)
        for group in range(self.groups):
            first, stop = group * elements, (group + 1) * elements
            channels = slice(group * self.channels, (group + 1) * self.channels)
            source = x if self.groups == 1 else k.op("get_item", x, (..., channels))
            positions = []
            for axis in range(rank):
                key = slice(first * rank + axis, stop * rank, rank)
                moved = k.op("get_item", offset, (..., key))
                positions.append(k.op("subtract", moved, -self._positions(axis)))
            sizes = [int(size) for size in self.window.sizes]
            values = sampler.sampled(k, source, positions, sizes, self.channels)
            if mask is not None:
                weight = k.op("get_item", mask, (..., slice(first, stop)))
                values = k.op("multiply", values, k.op("expand_dims", weight, axis=-1))
            parts.append(values)
        return parts[0] if self.groups == 1 else k.layer("Concatenate", parts, axis=-1)

    def _positions(self, axis: int) -> NDArray[np.float32]:
        """*t (*k): where each element of each window is along an axis, without its offset."""
        window, rank = self.window, self.window.rank
        starts = np.arange(self.targets[axis]) * window.strides[axis] - window.begins[axis]
        steps = np.arange(window.kernel[axis]) * window.dilations[axis]
        steps = np.broadcast_to(
            steps.reshape([-1 if i == axis else 1 for i in range(rank)]), window.kernel
        )
        shape = [-1 if i == axis else 1 for i in range(rank)]
        return (starts.reshape(*shape, 1) + steps.reshape(-1)).astype(np.float32)
