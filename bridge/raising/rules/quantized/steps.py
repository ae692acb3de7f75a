"""Rounding to the steps of a quantized tensor, and back: exactly, half to even, saturating.

A quantized number q stands for (q - zero point) · scale. Scale and zero point are one for the whole
tensor, one for each index of an axis, or one for each block along an axis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.building.candidates import broadcast_layout, broadcastable
from bridge.raising.building.recorder import Recorder
from bridge.raising.building.selecting import along
from bridge.raising.plan import Ref
from bridge.raising.table import Operand, Shape
from bridge.types import Array

DTYPES = ("int8", "uint8", "int16", "uint16")

Argument = Ref | Weight | float | None


def require_integers(dtype: str) -> str:
    """The dtype, if Keras has it for quantized numbers. Raises UnsupportedError."""
    if dtype not in DTYPES:
        raise UnsupportedError(
            "Keras has no such quantized numbers", expected=", ".join(DTYPES), received=dtype
        )
    return dtype


def spread(steps: Operand, shape: Shape, axis: int, block: int = 0) -> Operand:
    """A scale or zero point in a shape that broadcasts to the tensor's.

    s   ->   (), or 1 s 1 …, or *s, in which each block's is repeated. Raises UnsupportedError for
    what is computed and is not one number.
    """
    if all(size == 1 for size in steps.shape) and not block:
        return steps if not steps.is_constant else _with_shape(steps, (), lambda w: w.reshape(()))
    if not steps.is_constant:
        raise UnsupportedError(
            "scales of an axis that are computed", expected="constants", received=steps.shape
        )
    axis %= len(shape)
    if not block:
        whole = along(axis, len(shape), int(steps.shape[0]))
        return _with_shape(steps, whole, lambda w: w.reshape(whole))
    size = shape[axis]
    if not isinstance(size, int):
        raise UnsupportedError("blocks along an axis of unknown size", received=size)
    full = (*steps.shape[:axis], size, *steps.shape[axis + 1 :])
    if steps.shape[axis] * block != size:
        raise UnsupportedError("blocks that do not fill the axis", expected=size, received=block)
    return _with_shape(steps, full, lambda w: np.repeat(w, block, axis))


def _with_shape(steps: Operand, shape: Shape, read: Callable[[Array], Array]) -> Operand:
    sizes = tuple(int(size) for size in shape)
    weight = Weight.derived(sizes, read, steps.weight())
    return replace(steps, shape=sizes, layout=Layout.identity(sizes), constant=weight)


def _input_layout(steps: Operand | None) -> Layout | None:
    return None if steps is None or steps.is_constant else steps.layout


def zeros_of(zero_point: Operand | None) -> Operand | None:
    """None for a zero point that is 0."""
    if zero_point is None or (zero_point.is_constant and not zero_point.array().any()):
        return None
    return zero_point


@dataclass(frozen=True)
class Steps:
    """The scale and the zero point of a tensor, as they broadcast to it; None for a 0."""

    scale: Operand
    zero_point: Operand | None

    @classmethod
    def of(
        cls, x: Operand, scale: Operand, zero_point: Operand | None, axis: int, block: int = 0
    ) -> Steps:
        zero_point = zeros_of(zero_point)
        return cls(
            spread(scale, x.shape, axis, block),
            None if zero_point is None else spread(zero_point, x.shape, axis, block),
        )

    def base(self, layout: Layout) -> Layout:
        """A layout of the tensor with which both broadcast."""
        both = (self.scale, *([] if self.zero_point is None else [self.zero_point]))
        return broadcastable(layout, [operand.shape for operand in both if operand.is_constant])

    @property
    def input_layouts(self) -> tuple[Layout | None, Layout | None]:
        """Those of the tensors among the two; None for what is constant."""
        return _input_layout(self.scale), _input_layout(self.zero_point)

    def arguments(
        self, k: Recorder, base: Layout, refs: Sequence[Ref]
    ) -> tuple[Argument, Argument]:
        """Scale and zero point as float32, for a tensor in layout `base`; `refs` are the computed
        ones."""
        tensors = iter(refs)

        def argument(operand: Operand) -> Argument:
            if operand.is_constant:
                return constant(operand, base)
            return k.op("cast", k.op("reshape", next(tensors), newshape=()), dtype="float32")

        scale = argument(self.scale)
        return scale, None if self.zero_point is None else argument(self.zero_point)


def constant(operand: Operand, base: Layout) -> Weight | float:
    """A constant as float32, for a tensor in layout `base`."""
    if operand.rank == 0:
        return float(operand.array().item())
    return as_float(operand.weight(broadcast_layout(base, operand.shape)))


def as_float(weight: Weight) -> Weight:
    """A constant as float32, where it is not."""
    if weight.dtype == np.float32:
        return weight
    shape = weight.stored_shape
    return Weight(shape, lambda w: w.astype(np.float32), sources=(weight,))


def _negative(k: Recorder, x: Ref | Weight | float) -> Ref | Weight | float:
    if isinstance(x, Ref):
        return k.op("negative", x)
    return Weight.derived(x.stored_shape, np.negative, x) if isinstance(x, Weight) else -x


def rounded(k: Recorder, x: Ref, zero_point: Argument, dtype: str) -> Ref:
    """Numbers of steps, rounded half to even, counted from the zero point, and saturated."""
    limits = np.iinfo(np.dtype(dtype))
    y: Any = k.op("round", x)
    if zero_point is not None:
        # `ops.add` may take a zero point of each index for a bias, see building/adding.py.
        y = k.op("subtract", y, _negative(k, zero_point))
    y = k.op("clip", y, x_min=float(limits.min), x_max=float(limits.max))
    return k.op("cast", y, dtype=dtype)
