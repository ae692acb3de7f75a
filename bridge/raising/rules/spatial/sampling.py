"""Sampling feature maps at arbitrary positions."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from bridge.errors import UnsupportedError
from bridge.layout import Layout
from bridge.raising.building.candidates import inner_layout
from bridge.raising.building.recorder import Recorder
from bridge.raising.building.selecting import arange_like
from bridge.raising.plan import Ref
from bridge.raising.rules.detection.roi import image_layout, known_map
from bridge.raising.table import Candidate, Node, Operand, raises


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
    """x: n c h w, grid: n H W 2 (x and y, from -1 to 1)   ->   n c H W, interpolated there

    (onnx.ai/onnx/operators, GridSample)
    """
    if x.rank != 4 or mode not in ("bilinear", "linear", "nearest"):
        raise UnsupportedError("this GridSample", received=f"mode {mode}, {x.rank} axes")
    if padding_mode not in ("zeros", "border"):
        raise UnsupportedError("this GridSample", received=f"padding_mode {padding_mode}")
    channels, rows, columns = known_map(x)
    sampler = _Sampler(mode == "nearest", padding_mode == "border", bool(align_corners))

    def build(k: Recorder, x: Ref, grid: Ref) -> Ref:
        flat = k.op("reshape", x, newshape=(-1, channels))
        down = sampler.along(k, k.op("get_item", grid, (..., 1)), rows)
        across = sampler.along(k, k.op("get_item", grid, (..., 0)), columns)
        image = k.op("multiply", arange_like(k, down[0].index, 0), rows)
        parts = []
        for one, other in product(down, across):
            row = k.op("multiply", k.op("add", image, one.index), columns)
            values = k.op("take", flat, k.op("add", row, other.index), axis=0)
            weight = k.op("multiply", one.weight, other.weight)
            parts.append(k.op("multiply", values, k.op("expand_dims", weight, axis=-1)))
        return parts[0] if len(parts) == 1 else k.layer("Add", parts)

    input_layout, output_layout = (
        image_layout(shape, inner_layout(x, 1)) for shape in (x.shape, node.shape)
    )
    return Candidate((input_layout, Layout.identity(grid.shape)), (output_layout,), build)


@dataclass(frozen=True)
class _Neighbour:
    """index, weight: n H W, an index along one axis, and its weight in the interpolation"""

    index: Ref
    weight: Ref


@dataclass(frozen=True)
class _Sampler:
    """The options of the operator: the nearest element or the two neighbours of a position, and
    zeros or the border outside of the map."""

    is_nearest: bool
    is_border: bool
    is_aligned: bool

    def along(self, k: Recorder, at: Ref, size: int) -> list[_Neighbour]:
        """at: n H W, from -1 to 1: from the first centre to the last, or from edge to edge"""
        half = (size - 1 if self.is_aligned else size) / 2
        at = k.op("subtract", k.op("multiply", k.op("add", at, 1.0), half), half - (size - 1) / 2)
        at = k.op("clip", at, 0.0, float(size - 1)) if self.is_border else at
        if self.is_nearest:
            at = k.op("round", at)
            return [self._neighbour(k, at, k.op("ones_like", at), size)]
        low = k.op("floor", at)
        rest = k.op("subtract", at, low)
        pairs = ((low, k.op("subtract", 1.0, rest)), (k.op("add", low, 1.0), rest))
        return [self._neighbour(k, index, weight, size) for index, weight in pairs]

    def _neighbour(self, k: Recorder, index: Ref, weight: Ref, size: int) -> _Neighbour:
        on_map = k.op("clip", index, 0.0, float(size - 1))
        if not self.is_border:
            weight = k.op("where", k.op("equal", on_map, index), weight, 0.0)
        return _Neighbour(k.op("cast", k.op("nan_to_num", on_map), dtype="int32"), weight)
