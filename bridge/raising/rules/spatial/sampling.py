"""Operators that look between the places of a map."""

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
    """x: n c h w, grid: n H W 2 (x and y, from -1 to 1)   ->   n c H W, what lies there

    (onnx.ai/onnx/operators, GridSample)
    """
    if x.rank != 4 or mode not in ("bilinear", "linear", "nearest"):
        raise UnsupportedError("this GridSample", received=f"mode {mode}, {x.rank} axes")
    if padding_mode not in ("zeros", "border"):
        raise UnsupportedError("this GridSample", received=f"padding_mode {padding_mode}")
    channels, rows, columns = known_map(x)
    looks = _Looks(mode == "nearest", padding_mode == "border", bool(align_corners))

    def build(k: Recorder, x: Ref, grid: Ref) -> Ref:
        flat = k.op("reshape", x, newshape=(-1, channels))
        down = looks.along(k, k.op("get_item", grid, (..., 1)), rows)
        across = looks.along(k, k.op("get_item", grid, (..., 0)), columns)
        image = k.op("multiply", arange_like(k, down[0].place, 0), rows)
        parts = []
        for one, other in product(down, across):
            row = k.op("multiply", k.op("add", image, one.place), columns)
            found = k.op("take", flat, k.op("add", row, other.place), axis=0)
            share = k.op("multiply", one.share, other.share)
            parts.append(k.op("multiply", found, k.op("expand_dims", share, axis=-1)))
        return parts[0] if len(parts) == 1 else k.layer("Add", parts)

    input_layout, output_layout = (
        image_layout(shape, inner_layout(x, 1)) for shape in (x.shape, node.shape)
    )
    return Candidate((input_layout, Layout.identity(grid.shape)), (output_layout,), build)


@dataclass(frozen=True)
class _Look:
    """place, share: n H W, a place along one axis, and what it counts for"""

    place: Ref
    share: Ref


@dataclass(frozen=True)
class _Looks:
    """How places are found: the nearest or the two beside; and what lies outside, 0 or the edge."""

    is_nearest: bool
    is_border: bool
    is_aligned: bool

    def along(self, k: Recorder, at: Ref, size: int) -> list[_Look]:
        """at: n H W, from -1 to 1: over the middles of the places, or from edge to edge"""
        half = (size - 1 if self.is_aligned else size) / 2
        at = k.op("subtract", k.op("multiply", k.op("add", at, 1.0), half), half - (size - 1) / 2)
        at = k.op("clip", at, 0.0, float(size - 1)) if self.is_border else at
        if self.is_nearest:
            at = k.op("round", at)
            return [self._look(k, at, k.op("ones_like", at), size)]
        low = k.op("floor", at)
        rest = k.op("subtract", at, low)
        beside = ((low, k.op("subtract", 1.0, rest)), (k.op("add", low, 1.0), rest))
        return [self._look(k, place, share, size) for place, share in beside]

    def _look(self, k: Recorder, place: Ref, share: Ref, size: int) -> _Look:
        on_map = k.op("clip", place, 0.0, float(size - 1))
        if not self.is_border:
            share = k.op("where", k.op("equal", on_map, place), share, 0.0)
        return _Look(k.op("cast", k.op("nan_to_num", on_map), dtype="int32"), share)
