"""Averages with other divisors than ONNX's, as `caffe-to-onnx` spells them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import prod
from typing import Any

import numpy as np

from bridge import ir
from bridge.graph.fusion.matching import constant, producer, renamed, replace, tensor_and_constant
from bridge.types import Array


def fuse_average(graph: ir.Graph, node: ir.Node) -> bool:
    """The average of what is on the map, times a number for each window that makes another divisor
    of its size, becomes an average over zeros around the map: times what then is left to do.

    So Caffe divides; and Keras pads with zeros before an average of its own. `node` is the product.
    """
    x, factors = tensor_and_constant(node)
    pool = producer(x, "AveragePool")
    windows = None if pool is None else _windows(pool)
    if pool is None or factors is None or factors.const_value is None or windows is None:
        return False
    begins, ends, counts = windows
    numbers = factors.const_value.numpy()
    if numbers.shape != (1, 1, *counts.shape):
        return False
    left = _left_to_do(numbers[0, 0], counts, prod(_ints(pool, "kernel_shape")))
    if left is None:
        return False
    options: dict[str, Any] = {name: _ints(pool, name) for name in _SIZES}
    options |= {"pads": [*begins, *ends], "count_include_pad": 1}
    if left.size == 1 and left == 1:
        replace([pool, node], "", "AveragePool", pool.inputs, **options)
        return True
    padded = replace([pool], "", "AveragePool", pool.inputs, **options)
    mean = renamed(padded.outputs[0], "whole")
    replace([node], "", "Mul", [mean, constant(graph, f"{node.name}.factors", left)])
    return True


_SIZES = ("kernel_shape", "strides")


def _ints(pool: ir.Node, name: str) -> tuple[int, ...]:
    rank = len(pool.attributes.get_ints("kernel_shape", ()))
    return tuple(pool.attributes.get_ints(name, (1,) * rank))


def _windows(pool: ir.Node) -> tuple[list[int], list[int], Array] | None:
    """The zeros before and behind each axis that the windows reach, and how many elements of each
    window are on the map; None for other windows, without zeros, and where sizes are unknown."""
    x, y, of = pool.inputs[0], pool.outputs[0], pool.attributes
    if x is None or x.shape is None or y.shape is None or "dilations" in of or "auto_pad" in of:
        return None
    sizes, counts = _known([*x.shape][2:]), _known([*y.shape][2:])
    if not sizes or not counts or of.get_int("count_include_pad", 0) > 0:
        return None
    begins = [*of.get_ints("pads", (0,) * len(sizes))][: len(sizes)]
    sides = zip(counts, _ints(pool, "strides"), begins, strict=True)
    starts = [np.arange(count) * stride - begin for count, stride, begin in sides]
    stops = [at + k for at, k in zip(starts, _ints(pool, "kernel_shape"), strict=True)]
    ends = [max(0, int(stop[-1]) - size) for stop, size in zip(stops, sizes, strict=True)]
    on_map = [
        np.minimum(stop, size) - np.maximum(start, 0)
        for start, stop, size in zip(starts, stops, sizes, strict=True)
    ]
    elements: Array = reduce(np.multiply.outer, on_map)
    return (begins, ends, elements) if any(begins + ends) and elements.min() > 0 else None


def _known(sizes: Sequence[int | ir.SymbolicDim]) -> list[int]:
    """The sizes; none if one is unknown, or 0."""
    known = [size for size in sizes if isinstance(size, int) and size > 0]
    return known if len(known) == len(sizes) else []


def _left_to_do(factors: Array, counts: Array, area: int) -> Array | None:
    """What is left of the factors when each window is divided by its whole area: one number if it
    is the same everywhere, or the area over a divisor that is an integer; None for others."""
    ratios = factors.astype(np.float64) * area / counts
    if np.allclose(ratios, ratios.flat[0], rtol=1e-6, atol=0):
        whole = factors[counts == area]
        return np.asarray(whole[0] if whole.size else ratios.flat[0], factors.dtype)
    divisors = np.rint(area / ratios)
    if not np.allclose(divisors * ratios, area, rtol=1e-6, atol=0):
        return None
    left: Array = (area / divisors).astype(factors.dtype)[None, None]
    return left
