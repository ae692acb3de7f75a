"""Inputs for a graph whose sizes are partly open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

Array = NDArray[Any]


def has_open_batch(model: onnx.ModelProto) -> bool:
    """Whether the first size of some input is open."""
    return any(shape and not isinstance(shape[0], int) for shape in shapes_of(model).values())


def shapes_of(model: onnx.ModelProto) -> Mapping[str, Sequence[int | str]]:
    """The shapes of the inputs that are no initializers; a size that is open by its name."""
    constants = {tensor.name for tensor in model.graph.initializer}
    return {
        value.name: [
            size.dim_value if size.dim_value > 0 else size.dim_param or f"{value.name}{axis}"
            for axis, size in enumerate(value.type.tensor_type.shape.dim)
        ]
        for value in model.graph.input
        if value.name not in constants
    }


def random_feeds(
    model: onnx.ModelProto, batch: int, size: int, indices_below: int = 4
) -> dict[str, Array]:
    """Arrays in which an open first axis, and every axis called batch, has `batch` elements, and
    any other open axis `size`. Whole numbers are from 0 to below `indices_below`; a mask is 1 up to
    somewhere, and 0 from there on."""
    rng = np.random.default_rng(batch)
    types = {value.name: value.type.tensor_type.elem_type for value in model.graph.input}
    return {
        name: _random(
            rng,
            [
                s if isinstance(s, int) else batch if s == "batch" or (axis == 0) else size
                for axis, s in enumerate(shape)
            ],
            onnx.helper.tensor_dtype_to_np_dtype(types[name]),
            name,
            indices_below,
        )
        for name, shape in shapes_of(model).items()
    }


def _random(
    rng: np.random.Generator, shape: Sequence[int], dtype: np.dtype[Any], name: str, below: int
) -> Array:
    if name == "mask":
        ends = rng.integers(1, shape[-1] + 1, (*shape[:-1], 1))
        return (np.arange(shape[-1]) < ends).astype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        return rng.integers(0, below, shape).astype(dtype)
    return rng.uniform(-1, 1, shape).astype(dtype)
