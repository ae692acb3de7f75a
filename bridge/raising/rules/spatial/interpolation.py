"""The weights with which each element of a resized axis is interpolated from the old ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref
from bridge.raising.table import lookup

Numbers = NDArray[np.floating]

HALF_TOLERANCE = 1e-6
"""onnxruntime rounds coordinates within this distance of a half as if they were one."""


@dataclass(frozen=True)
class Axis:
    """An axis that is resized: both sizes, the scale, and the part of it that a crop starts with
    and ends with, from 0, its first element, to 1, its last."""

    size: int
    new_size: int
    scale: np.float32
    start: float = 0.0
    end: float = 1.0

    @property
    def last(self) -> np.float32:
        return np.float32(self.size - 1)

    def coordinates(self, mode: str) -> Numbers:
        """new_size: where each element of the result is among the elements 0 … size - 1."""
        at = lookup(_COORDINATES, mode, "coordinate_transformation_mode")
        index = np.arange(self.new_size, dtype=np.float32)
        return at(self, index).astype(np.float32).astype(np.float64)


def _half_pixel(axis: Axis, index: Numbers) -> Numbers:
    return (index + np.float32(0.5)) / axis.scale - np.float32(0.5)


def _pytorch_half_pixel(axis: Axis, index: Numbers) -> Numbers:
    return _half_pixel(axis, index) if axis.new_size > 1 else index


def _half_pixel_symmetric(axis: Axis, index: Numbers) -> Numbers:
    """If the new size was rounded, the excess is split between both ends."""
    exact = axis.scale * np.float32(axis.size)
    offset = np.float32(axis.size / 2) * (1 - np.float32(axis.new_size) / exact)
    return float(offset) + (index + 0.5) / np.float64(axis.scale) - 0.5


def _align_corners(axis: Axis, index: Numbers) -> Numbers:
    return index * axis.last / np.float32(axis.new_size - 1 or 1)


def _asymmetric(axis: Axis, index: Numbers) -> Numbers:
    return index / axis.scale


def _tf_half_pixel_for_nn(axis: Axis, index: Numbers) -> Numbers:
    return (index + np.float32(0.5)) / axis.scale


def _tf_crop_and_resize(axis: Axis, index: Numbers) -> Numbers:
    start, end = np.float32(axis.start), np.float32(axis.end)
    if axis.new_size == 1:
        return np.float32(0.5) * (start + end) * axis.last + index
    return start * axis.last + index * (end - start) * axis.last / np.float32(axis.new_size - 1)


_COORDINATES: Mapping[str, Callable[[Axis, Numbers], Numbers]] = {
    "half_pixel": _half_pixel,
    "half_pixel_symmetric": _half_pixel_symmetric,
    "pytorch_half_pixel": _pytorch_half_pixel,
    "align_corners": _align_corners,
    "asymmetric": _asymmetric,
    "tf_half_pixel_for_nn": _tf_half_pixel_for_nn,
    "tf_crop_and_resize": _tf_crop_and_resize,
}

_ROUNDED: Mapping[str, Callable[[Numbers], Numbers]] = {
    "round_prefer_floor": lambda at: np.ceil(at - 0.5 - HALF_TOLERANCE),
    "round_prefer_ceil": lambda at: np.floor(at + 0.5 + HALF_TOLERANCE),
    "floor": np.floor,
    "ceil": np.ceil,
}


@dataclass(frozen=True)
class Interpolation:
    """The options of a Resize that hold for all axes, as ONNX names them."""

    mode: str = "nearest"
    coordinates: str = "half_pixel"
    nearest: str = "round_prefer_floor"
    cubic_a: float = -0.75
    exclude_outside: bool = False
    antialias: bool = False

    def __post_init__(self) -> None:
        lookup(_REACH, self.mode, "mode")
        lookup(_ROUNDED, self.nearest, "nearest_mode")

    @property
    def crops(self) -> bool:
        return self.coordinates == "tf_crop_and_resize"

    def is_on_map(self, axis: Axis) -> NDArray[np.bool_]:
        """new_size: whether the element takes anything from x; else it is a constant."""
        at = axis.coordinates(self.coordinates)
        return (at >= 0) & (at <= axis.size - 1) if self.crops else np.ones(axis.new_size, bool)

    def nearest_indices(self, axis: Axis) -> NDArray[np.int32]:
        """new_size: the index of the element that is taken, in mode nearest."""
        at = _ROUNDED[self.nearest](axis.coordinates(self.coordinates))
        return at.clip(0, axis.size - 1).astype(np.int32)

    def matrix(self, axis: Axis) -> NDArray[np.float32]:
        """new_size size: the weight of each element of x in each element of the result.

        Elements before the first and after the last have its value, or no weight if
        `exclude_outside`. An antialiasing filter is as much wider as the result is smaller.
        """
        at = axis.coordinates(self.coordinates)[:, None]
        shrink = min(float(axis.scale), 1.0) if self.antialias else 1.0
        reach = int(np.ceil(_REACH[self.mode] / shrink))
        index = np.floor(at) + np.arange(1 - reach, 1 + reach)
        weights = self._filter(np.abs(index - at) * shrink)
        if self.exclude_outside:
            weights = np.where((index < 0) | (index >= axis.size), 0, weights)
        sums = weights.sum(axis=1, keepdims=True)
        weights = np.where(self.is_on_map(axis)[:, None], weights / np.where(sums, sums, 1), 0)
        matrix = np.zeros((axis.new_size, axis.size))
        rows = np.broadcast_to(np.arange(axis.new_size)[:, None], index.shape)
        np.add.at(matrix, (rows, index.clip(0, axis.size - 1).astype(int)), weights)
        return matrix.astype(np.float32)

    def _filter(self, distance: Numbers) -> Numbers:
        """The weight of an element at a distance: a tent, or Keys's cubic with the parameter a."""
        if self.mode == "linear":
            return np.maximum(1 - distance, 0)
        x, a = distance, self.cubic_a
        near = ((a + 2) * x - (a + 3)) * x * x + 1
        far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
        return np.where(x <= 1, near, np.where(x < 2, far, 0))


def cubic_weight(k: Recorder, rest: Ref, offset: int, a: float) -> Ref:
    """The same weight where the model computes positions: that of the element at an offset from the
    one before the position, which is `rest` behind that."""
    x = k.op("absolute", k.op("subtract", rest, float(offset)))
    near, far = (a + 2, -(a + 3), 0, 1), (a, -5 * a, 8 * a, -4 * a)
    first, *others = near if offset in (0, 1) else far
    weight = k.op("multiply", k.op("ones_like", x), float(first))
    for number in others:
        weight = k.op("add", k.op("multiply", weight, x), float(number))
    return weight


# How far away an element has weight; the nearest one is taken whole.
_REACH: Mapping[str, int] = {"nearest": 0, "linear": 1, "cubic": 2}


def repeats(indices: NDArray[np.int32], size: int) -> int | None:
    """How often each element is repeated; None unless that is all that the indices do."""
    times = len(indices) // size
    if times * size != len(indices):
        return None
    return times if np.array_equal(indices, np.arange(size).repeat(times)) else None
