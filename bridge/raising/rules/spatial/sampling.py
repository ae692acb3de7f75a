"""Sampling feature maps at arbitrary positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from math import prod

import numpy as np

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.building.candidates import inner_layout
from bridge.raising.building.recorder import Recorder
from bridge.raising.building.selecting import arange_like
from bridge.raising.plan import Ref
from bridge.raising.rules.detection.roi import image_layout
from bridge.raising.rules.spatial.interpolation import cubic_weight
from bridge.raising.table import Candidate, Node, Operand, lookup, raises

CUBIC = -0.75  # Keys's parameter, which GridSample has fixed

_MODES = {
    "nearest": "nearest",
    "linear": "linear",
    "bilinear": "linear",
    "cubic": "cubic",
    "bicubic": "cubic",
}
_PADDINGS = {padding: padding for padding in ("zeros", "border", "reflection")}


@raises("GridSample", since=16)
def grid_sample(
    node: Node,
    x: Operand,
    grid: Operand,
    *,
    align_corners: int = 0,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
) -> Candidate:
    """x: n c *s, grid: n *t d (from the last of *s to the first, each from -1 to 1)   ->   n c *t

    (onnx.ai/onnx/operators, GridSample)
    """
    channels, sizes = known_sizes(x)
    sampler = Sampler(
        lookup(_MODES, mode, "mode"),
        lookup(_PADDINGS, padding_mode, "padding_mode"),
        bool(align_corners),
    )

    def build(k: Recorder, x: Ref, grid: Ref) -> Ref:
        positions = [
            sampler.position(k, k.op("get_item", grid, (..., len(sizes) - 1 - axis)), size)
            for axis, size in enumerate(sizes)
        ]
        return sampler.sampled(k, x, positions, sizes, channels)

    input_layout, output_layout = (
        image_layout(shape, inner_layout(x, 1)) for shape in (x.shape, node.shape)
    )
    return Candidate((input_layout, Layout.identity(grid.shape)), (output_layout,), build)


def known_sizes(x: Operand) -> tuple[int, list[int]]:
    """The channels and the spatial sizes of a map. Raises UnsupportedError if not all are known."""
    sizes = [size for size in x.shape[1:] if isinstance(size, int)]
    if len(sizes) < x.rank - 1:
        raise UnsupportedError("positions in a map of unknown size", received=x.shape)
    return sizes[0], sizes[1:]


@dataclass(frozen=True)
class Neighbour:
    """index, weight: n *t, an index along one axis, and its weight in the interpolation"""

    index: Ref
    weight: Ref | None


@dataclass(frozen=True)
class Sampler:
    """The options of the operator: the nearest element, or the two or four neighbours of a
    position, and what is outside of the map."""

    mode: str
    padding: str
    is_aligned: bool

    def position(self, k: Recorder, at: Ref, size: int) -> Ref:
        """From -1 to 1, from the first centre to the last or from edge to edge, to indices."""
        half = (size - 1 if self.is_aligned else size) / 2
        return k.op("subtract", k.op("multiply", k.op("add", at, 1.0), half), half - (size - 1) / 2)

    def sampled(
        self, k: Recorder, x: Ref, at: Sequence[Ref], sizes: Sequence[int], channels: int
    ) -> Ref:
        """x: n *s c, at: for each of its spatial axes n *t   ->   n *t c"""
        flat = k.op("reshape", x, newshape=(-1, channels))
        axes = [self._along(k, *pair) for pair in zip(at, sizes, strict=True)]
        image = k.op("multiply", arange_like(k, axes[0][0].index, 0), sizes[0])
        parts = []
        for neighbours in product(*axes):
            rows = k.op("add", image, neighbours[0].index)
            for neighbour, size in zip(neighbours[1:], sizes[1:], strict=True):
                rows = k.op("add", k.op("multiply", rows, size), neighbour.index)
            values = k.op("take", flat, rows, axis=0)
            weights = [n.weight for n in neighbours if n.weight is not None]
            if weights:
                weight = reduce(lambda one, other: k.op("multiply", one, other), weights)
                values = k.op("multiply", values, k.op("expand_dims", weight, axis=-1))
            parts.append(values)
        return parts[0] if len(parts) == 1 else k.layer("Add", parts)

    def _along(self, k: Recorder, at: Ref, size: int) -> list[Neighbour]:
        """The neighbours of a position along an axis."""
        if self.padding == "border" and self.mode != "cubic":
            at = k.op("clip", at, 0.0, float(size - 1))
        if self.mode == "nearest":
            return [self._neighbour(k, k.op("round", at), None, size)]
        low = k.op("floor", at)
        rest = k.op("subtract", at, low)
        if self.mode == "linear":
            pairs = ((low, k.op("subtract", 1.0, rest)), (k.op("add", low, 1.0), rest))
            return [self._neighbour(k, index, weight, size) for index, weight in pairs]
        return [
            self._neighbour(
                k, k.op("add", low, float(offset)), cubic_weight(k, rest, offset, CUBIC), size
            )
            for offset in range(-1, 3)
        ]

    def _neighbour(self, k: Recorder, index: Ref, weight: Ref | None, size: int) -> Neighbour:
        if self.padding == "reflection":
            index = self._reflected(k, index, size)
        on_map = k.op("clip", index, 0.0, float(size - 1))
        if self.padding == "zeros":
            inside = k.op("equal", on_map, index)
            inside_weight = k.op("ones_like", index) if weight is None else weight
            weight = k.op("where", inside, inside_weight, 0.0)
        return Neighbour(k.op("cast", k.op("nan_to_num", on_map), dtype="int32"), weight)

    def _reflected(self, k: Recorder, index: Ref, size: int) -> Ref:
        """At the centres of the first and the last element, or at their outer edges."""
        period, last = (2 * size - 2, 2 * size - 2) if self.is_aligned else (2 * size, 2 * size - 1)
        index = k.op("mod", index, float(max(period, 1)))
        return k.op("minimum", index, k.op("subtract", float(last), index))


@raises("AffineGrid", since=20)
def affine_grid(node: Node, theta: Operand, size: Operand, *, align_corners: int = 0) -> Candidate:
    """theta: n d d+1, size: n c *t   ->   n *t d, where an affine map leads each point of a grid

    (onnx.ai/onnx/operators, AffineGrid)
    """
    sizes = [axis for axis in node.shape[1:-1] if isinstance(axis, int)]
    if len(sizes) < len(node.shape) - 2:
        raise UnsupportedError("a grid of unknown size", received=node.shape)
    if align_corners and 1 in sizes:
        raise UnsupportedError("a grid of one point between corners", received=sizes)
    axes = [np.linspace(-1, 1, count) if count > 1 else np.zeros(1) for count in sizes]
    if not align_corners:
        axes = [steps * (len(steps) - 1) / len(steps) for steps in axes]
    points = [*np.meshgrid(*axes, indexing="ij")][::-1]
    points.append(np.ones(sizes))
    base = np.stack(points, axis=-1).astype(np.float32).reshape(prod(sizes), len(sizes) + 1)

    def build(k: Recorder, theta: Ref) -> Ref:
        weight = Weight(base.shape, lambda: base, dtype=base.dtype)
        grid = k.op("einsum", "pj,nij->npi", weight, theta)
        return k.op("reshape", grid, newshape=(-1, *sizes, len(sizes)))

    return Candidate((Layout.identity(theta.shape), None), (Layout.identity(node.shape),), build)
