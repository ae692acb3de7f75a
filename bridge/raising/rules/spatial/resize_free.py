"""Resizing feature maps whose sizes are known only when the model runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bridge.errors import UnsupportedError
from bridge.layout import Layout, quotient
from bridge.raising.building.candidates import resized
from bridge.raising.building.recorder import Recorder
from bridge.raising.building.selecting import along, counted, length_of
from bridge.raising.plan import Ref, Size
from bridge.raising.rules.spatial.interpolation import (
    HALF_TOLERANCE,
    Interpolation,
    cubic_weight,
)
from bridge.raising.table import Candidate, Node, lookup


@dataclass(frozen=True)
class FreeAxis:
    """An axis of which a size is free: both sizes, and the scale, unless the sizes give it."""

    size: Size
    new_size: Size
    scale: np.float32 | None

    @property
    def factor(self) -> int | None:
        """The whole number by which the axis grows, if it does for any size."""
        factor = quotient(self.new_size, self.size)
        whole = isinstance(factor, int) and self.scale in (None, factor)
        return factor if whole and isinstance(factor, int) else None


@dataclass(frozen=True)
class _Numbers:
    """Those of an axis when the model runs, in float32: both sizes and the scale."""

    size: Ref
    new_size: Ref
    scale: Ref | float


@dataclass(frozen=True)
class FreeResize:
    """What is done to x, which is stored in `layout`; `axes` are those that change.

    An axis is resized by its elements at the nearest positions, or by those around them and their
    weights, which are computed from the positions as ONNX defines them.
    """

    how: Interpolation
    layout: Layout
    axes: Mapping[int, FreeAxis]
    sizes_layout: Layout | None
    positions_of_sizes: Mapping[int, int]

    def __post_init__(self) -> None:
        how = self.how
        if how.crops or how.antialias or how.exclude_outside:
            raise UnsupportedError(
                "a Resize of free sizes that crops, that is antialiased, or that leaves out what "
                "is outside",
                received=f"{how.mode}, {how.coordinates}",
                hint="fix the sizes of the inputs",
            )
        lookup(_POSITIONS, how.coordinates, "coordinate_transformation_mode")

    def candidate(self, node: Node, operands: Sequence[bool]) -> Candidate:
        """`operands` says of roi, scales and sizes whether they are there."""
        inputs: list[Layout | None] = [None] * len(operands)
        if self.sizes_layout is not None:
            inputs[-1] = self.sizes_layout
        output_layout = resized(self.layout, node.shape, [*self.axes])
        return Candidate((self.layout, *inputs), (output_layout,), self.build)

    def build(self, k: Recorder, x: Ref, sizes: Ref | None = None) -> Ref:
        for axis, change in self.axes.items():
            numbers = self._numbers(k, x, sizes, axis, change)
            x = self._along(k, x, self.layout.where(axis) or 0, numbers)
        return x

    def _numbers(
        self, k: Recorder, x: Ref, sizes: Ref | None, axis: int, change: FreeAxis
    ) -> _Numbers:
        size = k.op("cast", length_of(k, x, self.layout, axis), dtype="float32")
        if change.scale is not None:
            scale = float(change.scale)
            return _Numbers(size, k.op("floor", k.op("multiply", size, scale)), scale)
        if sizes is None:
            raise ValueError(f"axis {axis} has neither a scale nor a size")
        new_size = k.op("get_item", sizes, (self.positions_of_sizes[axis],))
        new_size = k.op("cast", new_size, dtype="float32")
        return _Numbers(size, new_size, k.op("divide", new_size, size))

    def _along(self, k: Recorder, x: Ref, stored_axis: int, numbers: _Numbers) -> Ref:
        count = k.op("cast", numbers.new_size, dtype="int64")
        index = k.op("cast", counted(k, count), dtype="float32")
        at = _POSITIONS[self.how.coordinates](k, index, numbers)
        last = k.op("subtract", numbers.size, 1.0)
        if self.how.mode == "nearest":
            return _taken(k, x, stored_axis, self._rounded(k, at), last)
        low = k.op("floor", at)
        rest = k.op("subtract", at, low)
        shape = along(stored_axis, len(self.layout.stored_shape))
        result: Ref | None = None
        for offset in (0, 1) if self.how.mode == "linear" else (-1, 0, 1, 2):
            part = _taken(k, x, stored_axis, k.op("add", low, float(offset)), last)
            weight = k.op("reshape", self._weight(k, rest, offset), newshape=shape)
            part = k.op("multiply", part, weight)
            # Not `ops.add`: see building/adding.py; both parts are of one shape here.
            result = part if result is None else k.layer("Add", [result, part])
        if result is None:
            raise ValueError("no neighbours")
        return result

    def _rounded(self, k: Recorder, at: Ref) -> Ref:
        """In double precision, in which the tolerance of a half does not vanish."""
        at = k.op("cast", at, dtype="float64")
        before, function = _ROUNDED[self.how.nearest]
        return k.op("cast", k.op(function, k.op("add", at, before)), dtype="float32")

    def _weight(self, k: Recorder, rest: Ref, offset: int) -> Ref:
        """Of the element at an offset from the one before the position."""
        if self.how.mode == "linear":
            return rest if offset else k.op("subtract", 1.0, rest)
        return cubic_weight(k, rest, offset, self.how.cubic_a)


def _taken(k: Recorder, x: Ref, axis: int, index: Ref, last: Ref) -> Ref:
    """The elements at these indices, those beyond either end being those at it."""
    index = k.op("minimum", k.op("maximum", index, 0.0), last)
    return k.op("take", x, k.op("cast", index, dtype="int32"), axis=axis)


# --- where each element of the result is among the elements of x ----------------------------------


def _half_pixel(k: Recorder, index: Ref, of: _Numbers) -> Ref:
    return k.op("subtract", _tf_half_pixel_for_nn(k, index, of), 0.5)


def _pytorch_half_pixel(k: Recorder, index: Ref, of: _Numbers) -> Ref:
    return k.op("where", k.op("greater", of.new_size, 1.0), _half_pixel(k, index, of), index)


def _half_pixel_symmetric(k: Recorder, index: Ref, of: _Numbers) -> Ref:
    share = k.op("divide", of.new_size, k.op("multiply", of.size, of.scale))
    offset = k.op("multiply", k.op("divide", of.size, 2.0), k.op("subtract", 1.0, share))
    # In double precision, as in interpolation.py: at whole positions rounding decides.
    scale = of.scale if isinstance(of.scale, float) else k.op("cast", of.scale, dtype="float64")
    index, offset = (k.op("cast", x, dtype="float64") for x in (index, offset))
    at = k.op("add", k.op("divide", k.op("add", index, 0.5), scale), offset)
    return k.op("cast", k.op("subtract", at, 0.5), dtype="float32")


def _align_corners(k: Recorder, index: Ref, of: _Numbers) -> Ref:
    last = k.op("maximum", k.op("subtract", of.new_size, 1.0), 1.0)
    return k.op("divide", k.op("multiply", index, k.op("subtract", of.size, 1.0)), last)


def _asymmetric(k: Recorder, index: Ref, of: _Numbers) -> Ref:
    return k.op("divide", index, of.scale)


def _tf_half_pixel_for_nn(k: Recorder, index: Ref, of: _Numbers) -> Ref:
    return k.op("divide", k.op("add", index, 0.5), of.scale)


_POSITIONS: Mapping[str, Callable[[Recorder, Ref, _Numbers], Ref]] = {
    "half_pixel": _half_pixel,
    "half_pixel_symmetric": _half_pixel_symmetric,
    "pytorch_half_pixel": _pytorch_half_pixel,
    "align_corners": _align_corners,
    "asymmetric": _asymmetric,
    "tf_half_pixel_for_nn": _tf_half_pixel_for_nn,
}

# For each nearest_mode what is added before rounding, and the function that rounds.
_ROUNDED: Mapping[str, tuple[float, str]] = {
    "round_prefer_floor": (-0.5 - HALF_TOLERANCE, "ceil"),
    "round_prefer_ceil": (0.5 + HALF_TOLERANCE, "floor"),
    "floor": (0.0, "floor"),
    "ceil": (0.0, "ceil"),
}
