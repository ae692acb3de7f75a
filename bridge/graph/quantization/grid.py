"""The numbers that a quantized tensor can stand for: (q - zero point) · scale, for whole q."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bridge import ir
from bridge.types import Array

# The least and the greatest q, by ONNX's dtype.
RANGES = {
    **{f"INT{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (2, 4, 8, 16)},
    **{f"UINT{bits}": (0, 2**bits - 1) for bits in (2, 4, 8, 16)},
}

DOMAINS = ("", "com.microsoft")  # onnxruntime has both operators of old for 16 bits as well


@dataclass(frozen=True)
class Grid:
    """Scale and zero point of a quantized tensor, one for all of it or for each index of `axis`."""

    dtype: str
    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int | None

    @property
    def limits(self) -> tuple[Array, Array]:
        """The least and the greatest number, in float32 as DequantizeLinear computes them."""
        scale, zero_point = np.array(self.scale, np.float32), np.array(self.zero_point, np.float32)
        low, high = ((np.float32(q) - zero_point) * scale for q in RANGES[self.dtype])
        return low, high

    def floats(self, q: Array) -> Array:
        """What numbers of steps stand for, where the grid is one for the whole tensor."""
        steps = q.astype(np.float32) - np.float32(self.zero_point[0])
        return np.asarray(steps * np.float32(self.scale[0]), np.float32)


def is_a(node: ir.Node | None, operator: str) -> bool:
    return node is not None and node.op_type == operator and node.domain in DOMAINS


def operand(node: ir.Node, index: int) -> ir.Value | None:
    """An input of a node; None for one that is left out."""
    return node.inputs[index] if index < len(node.inputs) else None


def constants(*values: ir.Value | None) -> Sequence[Array] | None:
    """The numbers of constants; None where a value is no constant."""
    tensors = [None if value is None else value.const_value for value in values]
    arrays = [tensor.numpy() for tensor in tensors if tensor is not None]
    return arrays if len(arrays) == len(values) else None


def grid_of(node: ir.Node) -> Grid | None:
    """The grid of a QuantizeLinear or a DequantizeLinear: None if it is computed, has blocks, or is
    of floats of 8 bits, whose steps differ."""
    quantized = node.outputs[0] if node.op_type == "QuantizeLinear" else node.inputs[0]
    scale = constants(operand(node, 1))
    zero_point = operand(node, 2)
    dtype = None if quantized is None else quantized.dtype
    if zero_point is not None and zero_point.dtype is not None:
        dtype = zero_point.dtype
    zeros = [np.zeros(1)] if zero_point is None else constants(zero_point)
    if dtype is None or dtype.name not in RANGES or scale is None or zeros is None:
        return None
    if node.attributes.get_int("block_size", 0) or scale[0].ndim > 1:
        return None
    count = scale[0].size
    return Grid(
        dtype.name,
        tuple(map(float, scale[0].reshape(-1))),
        tuple(map(int, np.broadcast_to(zeros[0].reshape(-1), count))),
        node.attributes.get_int("axis", 1) if count > 1 else None,
    )
