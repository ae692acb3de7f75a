"""Resizing feature maps."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import UnsupportedError
from bridge.graph.sizes import resized as resized_sizes
from bridge.layout import Layout, Weight
from bridge.raising.building.candidates import (
    channels_last,
    resized,
    spatial_orders,
    with_identity_axes,
)
from bridge.raising.building.recorder import Recorder
from bridge.raising.building.selecting import select
from bridge.raising.plan import Ref, Size
from bridge.raising.rules.spatial.interpolation import Axis, Interpolation, repeats
from bridge.raising.rules.spatial.resize_free import FreeAxis, FreeResize
from bridge.raising.table import Candidate, Node, Operand, lookup, raises

WHOLE = (0.0, 1.0)  # an axis of which nothing is cropped


@raises("Resize", since=11)
def resize(
    node: Node,
    x: Operand,
    roi: Operand | None = None,
    scales: Operand | None = None,
    sizes: Operand | None = None,
    *,
    antialias: int = 0,
    axes: Sequence[int] | None = None,
    coordinate_transformation_mode: str = "half_pixel",
    cubic_coeff_a: float = -0.75,
    exclude_outside: int = 0,
    extrapolation_value: float = 0.0,
    keep_aspect_ratio_policy: str = "stretch",
    mode: str = "nearest",
    nearest_mode: str = "round_prefer_floor",
) -> list[Candidate]:
    """x resized along axes, by scales or to sizes             (onnx.ai/onnx/operators, Resize)

    An UpSampling layer if elements are repeated, or interpolated as it does. Otherwise each axis
    has its nearest elements taken, or is multiplied with the matrix of its interpolation weights:
    for any mode, these are computed here, as ONNX defines them.
    """
    how = Interpolation(
        mode,
        coordinate_transformation_mode,
        nearest_mode,
        cubic_coeff_a,
        bool(exclude_outside),
        bool(antialias),
    )
    if mode != "nearest" and "float" not in x.dtype:
        raise UnsupportedError("an interpolation of integers", received=x.dtype)
    named = [*range(x.rank)] if axes is None else [axis % x.rank for axis in axes]
    if any(_is_free(pair) for pair in zip(x.shape, node.shape, strict=True)):
        return _of_free_sizes(node, x, how, (roi, scales, sizes), named, keep_aspect_ratio_policy)
    factors = _scales(node, x, scales, sizes, named, keep_aspect_ratio_policy)
    if how.coordinates == "align_corners":
        _refuse_rounded_sizes(node, x, factors)
    crops = _crops(roi, named) if how.crops else {}
    if any(factors[axis] == 1 for axis, crop in crops.items() if crop != WHOLE):
        raise UnsupportedError(
            "a Resize that crops an axis and does not scale it: onnxruntime only copies that",
            hint="spell the crop as a Slice, and the sampling as a Resize of what is left",
        )
    changes = {
        axis: Axis(int(size), int(new_size), factors[axis], *crops.get(axis, WHOLE))
        for axis, (size, new_size) in enumerate(zip(x.shape, node.shape, strict=True))
        if crops.get(axis, WHOLE) != WHOLE or (factors[axis] != 1 and isinstance(size, int))
    }
    constants = sum(operand is not None for operand in (roi, scales, sizes))
    return [
        _Resize(how, extrapolation_value, layout, changes).candidate(node, constants)
        for layout in _layouts(x, changes)
    ]


def _is_free(sizes: tuple[Size, Size]) -> bool:
    """Whether an axis changes of which a size is not known."""
    return sizes[0] != sizes[1] and not all(isinstance(size, int) for size in sizes)


def _of_free_sizes(
    node: Node,
    x: Operand,
    how: Interpolation,
    operands: tuple[Operand | None, Operand | None, Operand | None],
    named: Sequence[int],
    policy: str,
) -> list[Candidate]:
    """An UpSampling layer where free axes grow by whole numbers, or else computed positions."""
    _, scales, sizes = operands
    _refuse_policy(policy)
    numbers = [] if scales is None else scales.array().tolist()
    factors = {axis: np.float32(scale) for axis, scale in zip(named, numbers, strict=False)}
    changes = {
        axis: FreeAxis(size, new_size, factors.get(axis))
        for axis, (size, new_size) in enumerate(zip(x.shape, node.shape, strict=True))
        if size != new_size
    }
    there = [operand is not None for operand in operands]
    layouts = _layouts(x, changes)
    if how.coordinates != "align_corners" and all(c.factor for c in changes.values()):
        samples = {axis: _sample(change) for axis, change in changes.items()}
        grown = [_Resize(how, 0.0, layout, samples) for layout in layouts]
        if all(resize.is_up_sampling for resize in grown):
            return [resize.candidate(node, sum(there)) for resize in grown]
    positions = {axis: position for position, axis in enumerate(named)}
    by_data = not numbers and sizes is not None
    shape = Layout.identity(sizes.shape) if by_data and sizes is not None else None
    return [
        FreeResize(how, layout, changes, shape, positions).candidate(node, there)
        for layout in layouts
    ]


def _refuse_policy(policy: str) -> None:
    if policy != "stretch":
        raise UnsupportedError(
            "one scale for all axes, of which some have an unknown size",
            received=f"keep_aspect_ratio_policy {policy}",
            hint="fix the sizes of the inputs, or name the axes that are resized",
        )


def _sample(axis: FreeAxis) -> Axis:
    """An axis of some size, which stands for any that is not to be aligned at its corners."""
    factor = axis.factor or 1
    return Axis(_SAMPLE, _SAMPLE * factor, np.float32(factor))


_SAMPLE = 5


def _layouts(x: Operand, axes: Collection[int]) -> list[Layout]:
    """The layouts of x to choose from: channels last if only spatial axes change."""
    if not axes:
        return [x.layout]
    if min(axes) < 2:
        return [with_identity_axes(x, [*axes])]
    return [channels_last(x, spatial=order) for order in spatial_orders(x)]


@dataclass(frozen=True)
class _Resize:
    """What is done to x, which is stored in `layout`; `axes` are those that change."""

    how: Interpolation
    outside: float
    layout: Layout
    axes: Mapping[int, Axis]

    def candidate(self, node: Node, constants: int) -> Candidate:
        output_layout = resized(self.layout, node.shape, [*self.axes])
        return Candidate((self.layout, *(None,) * constants), (output_layout,), self.build)

    @property
    def by_stored_axis(self) -> dict[int, Axis]:
        stored = {self.layout.where(axis) or 0: change for axis, change in self.axes.items()}
        return dict(sorted(stored.items()))

    def build(self, k: Recorder, x: Ref) -> Ref:
        changes, shape = self.by_stored_axis, [*self.layout.stored_shape]
        if (factors := self._factors()) is not None:
            return self._up_sampled(k, x, factors)
        for stored_axis, axis in changes.items():
            if self.how.mode == "nearest":
                x = _taken(k, x, stored_axis, self.how.nearest_indices(axis), axis.size)
            else:
                shape[stored_axis] = axis.new_size
                matrix = self.how.matrix(axis)
                if not np.array_equal(matrix, np.eye(axis.size)):
                    x = _along(k, x, stored_axis, matrix, shape)
        for stored_axis, axis in changes.items():
            x = self._outside(k, x, stored_axis, self.how.is_on_map(axis))
        return x

    @property
    def is_up_sampling(self) -> bool:
        """Whether one of Keras's UpSampling layers does the same."""
        return self._factors() is not None

    def _factors(self) -> dict[int, int] | None:
        """The factor of each stored axis with which Keras's UpSampling layer does the same."""
        rank, changes = len(self.layout.stored_shape), self.by_stored_axis
        if not 3 <= rank <= 5 or not changes or {0, rank - 1} & changes.keys() or self.how.crops:
            return None
        if self.how.mode == "nearest":
            factors = {
                at: repeats(self.how.nearest_indices(axis), axis.size)
                for at, axis in changes.items()
            }
        else:
            factors = {at: _whole(axis) for at, axis in changes.items()}
        bilinear = (
            self.how.mode == "linear"
            and rank == 4
            and self.how.coordinates in ("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel")
        )
        known = {at: factor for at, factor in factors.items() if factor is not None}
        fits = len(known) == len(factors) and (self.how.mode == "nearest" or bilinear)
        return known if fits else None

    def _up_sampled(self, k: Recorder, x: Ref, factors: Mapping[int, int]) -> Ref:
        size = tuple(factors.get(at, 1) for at in range(1, len(self.layout.stored_shape) - 1))
        options: dict[str, Any] = {"size": size[0] if len(size) == 1 else size}
        if self.how.mode == "linear":
            options["interpolation"] = "bilinear"
        return k.layer(f"UpSampling{len(size)}D", x, **options)

    def _outside(self, k: Recorder, x: Ref, stored_axis: int, is_on_map: NDArray[np.bool_]) -> Ref:
        """A crop may reach beyond x, where the result is a constant."""
        if is_on_map.all():
            return x
        mask = is_on_map.reshape(-1, *(1,) * (len(self.layout.stored_shape) - 1 - stored_axis))
        return k.op("where", mask, x, self.outside)


def _whole(axis: Axis) -> int | None:
    """The factor by which an axis grows, if it is a whole number."""
    factor = axis.new_size // axis.size
    return factor if factor == axis.scale and factor * axis.size == axis.new_size else None


def _scales(
    node: Node,
    x: Operand,
    scales: Operand | None,
    sizes: Operand | None,
    named: Sequence[int],
    policy: str,
) -> list[np.float32]:
    """The factor of each axis, from the scales or else from the sizes. If no size changes,
    onnxruntime copies x, whatever the scales are."""
    lookup({"stretch": 0, "not_larger": 0, "not_smaller": 0}, policy, "keep_aspect_ratio_policy")
    if x.shape == node.shape:
        return [np.float32(1)] * x.rank
    explicit = None if scales is None else scales.array().tolist()
    if not explicit and (sizes is None or policy == "stretch"):
        return [
            np.float32(1) if axis == 0 and isinstance(x.shape[0], str) else _ratio(*pair)
            for axis, pair in enumerate(zip(x.shape, node.shape, strict=True))
        ]
    if not explicit and not all(isinstance(x.shape[axis], int) for axis in named):
        _refuse_policy(policy)
    known = [size if isinstance(size, int) else 1 for size in x.shape]
    new_sizes = None if explicit or sizes is None else sizes.array().tolist()
    factors, _ = resized_sizes(known, explicit or None, new_sizes, named, policy)
    for size, new_size, factor in zip(x.shape, node.shape, factors, strict=True):
        if factor != 1 and not (isinstance(size, int) and isinstance(new_size, int)):
            raise UnsupportedError("Resize of an axis of unknown size", received=x.shape)
    return factors


def _ratio(size: Size, new_size: Size) -> np.float32:
    if isinstance(size, int) and isinstance(new_size, int):
        return np.float32(new_size) / np.float32(size)
    if size != new_size:
        raise UnsupportedError(
            "Resize of an axis of unknown size",
            received=f"{size} to {new_size}",
            hint="fix the sizes of the inputs",
        )
    return np.float32(1)


def _refuse_rounded_sizes(node: Node, x: Operand, factors: Sequence[np.float32]) -> None:
    """Where a new size was rounded, onnxruntime and PyTorch align the corner of the result, which
    is what ONNX's text says; ONNX's reference aligns a point beyond it, to which ONNX's tests hold
    maps that shrink."""
    for size, new_size, factor in zip(x.shape, node.shape, factors, strict=True):
        if (
            isinstance(size, int)
            and factor < 1
            and abs(float(factor) * size - float(new_size)) > 1e-3
        ):
            raise UnsupportedError(
                "align_corners by a scale that gives no whole size: runtimes disagree",
                received=f"{size} by {factor}",
                hint="export the graph with sizes instead of scales",
            )


def _crops(roi: Operand | None, named: Sequence[int]) -> dict[int, tuple[float, float]]:
    """The start and the end of each axis that is cropped."""
    values = [] if roi is None else roi.array().astype(np.float64).reshape(-1).tolist()
    if not values:
        raise UnsupportedError("a Resize that crops without a region", hint="give it a roi")
    half = len(values) // 2
    return {
        axis: (start, end)
        for axis, start, end in zip(named, values[:half], values[half:], strict=True)
    }


def _taken(k: Recorder, x: Ref, axis: int, indices: NDArray[np.int32], size: int) -> Ref:
    """The elements at these indices of a stored axis."""
    times = repeats(indices, size)
    if times is not None:
        return x if times == 1 else k.op("repeat", x, times, axis=axis)
    return select(k, x, axis, indices.tolist(), size)


def _along(
    k: Recorder, x: Ref, axis: int, matrix: NDArray[np.float32], shape: Sequence[int | str]
) -> Ref:
    """An EinsumDense over one stored axis, not trainable, since the matrix is not learned. Along
    the first axis, the batch of a layer, an einsum."""
    letters = ascii_lowercase[: len(shape)]
    old, new = letters[axis], "z"
    kernel = Weight(matrix.T.shape, lambda: matrix.T, dtype=matrix.dtype)
    equation = f"{letters},{old}{new}->{letters.replace(old, new)}"
    if axis == 0:
        return k.op("einsum", equation, x, kernel)
    sizes = tuple(size if isinstance(size, int) else None for size in shape[1:])
    return k.layer(
        "EinsumDense",
        x,
        {"kernel": kernel},
        equation=equation,
        output_shape=sizes,
        trainable=False,
    )
