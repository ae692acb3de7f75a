"""Seeded inputs for a check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# A layout fault can hide in a batch of one.
FREE_BATCH = 2
FREE_SIZE = 64


def seeded_inputs(
    inputs: Mapping[str, tuple[Sequence[int | str], str]], seed: int = 0
) -> dict[str, Array]:
    """Values in [-1, 1) for each input, given its shape and dtype; integers are 0 or 1.

    A free batch size becomes 2, any other free size 64.
    """
    generator = np.random.default_rng(seed)
    return {
        name: _values(generator, fixed(shape), np.dtype(dtype))
        for name, (shape, dtype) in inputs.items()
    }


def fixed(shape: Sequence[int | str]) -> tuple[int, ...]:
    """A shape with every free size decided."""
    return tuple(
        size if isinstance(size, int) else FREE_SIZE if axis else FREE_BATCH
        for axis, size in enumerate(shape)
    )


def _values(generator: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    if dtype.kind == "f":
        return generator.uniform(-1, 1, shape).astype(dtype)
    return generator.integers(0, 2, shape).astype(dtype)
