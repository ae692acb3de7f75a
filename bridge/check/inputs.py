"""What a check feeds: seeded numbers, what was recorded, or what a user gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bridge.check.sides.recorded import RecordedSide
from bridge.errors import UsageError

if TYPE_CHECKING:
    from bridge.check.sides.side import Given, Side

Array = NDArray[Any]
Feeds = Mapping[str, Array]
Source = Callable[[Sequence[str]], Feeds]
"""Gives the arrays of inputs by their names, as far as it has them."""

# A layout fault can hide in a batch of one.
FREE_BATCH = 2
FREE_SIZE = 64


def seeded_inputs(
    inputs: Mapping[str, tuple[Sequence[int | str], str]],
    seed: int = 0,
    batch: int = FREE_BATCH,
    sizes: Mapping[str, int] | None = None,
) -> dict[str, Array]:
    """Values in [-1, 1) for each input, given its shape and dtype; integers are 0 or 1.

    A free batch size becomes 2, any other free size that of `sizes`, else 64.
    """
    generator = np.random.default_rng(seed)
    return {
        name: _values(generator, fixed(_sized(shape, sizes or {}), batch), np.dtype(dtype))
        for name, (shape, dtype) in inputs.items()
    }


def _sized(shape: Sequence[int | str], sizes: Mapping[str, int]) -> tuple[int | str, ...]:
    return tuple(sizes.get(size, size) if isinstance(size, str) else size for size in shape)


def fixed(shape: Sequence[int | str], batch: int = FREE_BATCH) -> tuple[int, ...]:
    """A shape with every free size decided."""
    return tuple(
        size if isinstance(size, int) else FREE_SIZE if axis and size != "batch" else batch
        for axis, size in enumerate(shape)
    )


def _values(generator: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    if dtype.kind == "f":
        return generator.uniform(-1, 1, shape).astype(dtype)
    return generator.integers(0, 2, shape).astype(dtype)


def all_feeds(
    expected: Side,
    received: Side,
    given: Source | None,
    seed: int,
    batch: int,
    batches: int,
) -> list[tuple[str, Feeds]]:
    """What to feed in each run, and in words what it is.

    That is what the user gives; else what a recording was fed; else `batches` times seeded
    numbers. Raises UsageError where an input is missing or cannot have its shape.
    """
    inputs = {**received.inputs, **expected.inputs}
    if given is not None:
        return [("the inputs given", _fitting(given(list(inputs)), inputs))]
    if not inputs:
        return [("nothing, both are recorded", {})]
    for side in (expected, received):
        if isinstance(side, RecordedSide):
            return [(f"what {side.title} was fed", _fitting(side.feeds(list(inputs)), inputs))]
    return [
        (f"seeded numbers, seed {each}", seeded_inputs(inputs, each, batch))
        for each in range(seed, seed + batches)
    ]


def _fitting(feeds: Feeds, inputs: Mapping[str, Given]) -> dict[str, Array]:
    missing = [name for name in inputs if name not in feeds]
    if missing:
        raise UsageError(
            "not every input is given",
            expected=", ".join(inputs),
            received=", ".join(feeds) or "none",
            hint="give the others in an .npz: --inputs FILE.npz",
        )
    for name, (shape, _) in inputs.items():
        if not _may_be(feeds[name].shape, shape):
            raise UsageError(
                f"the input '{name}' has another shape",
                expected=" ".join(map(str, shape)),
                received=" ".join(map(str, feeds[name].shape)),
            )
    return {name: feeds[name].astype(dtype, copy=False) for name, (_, dtype) in inputs.items()}


def _may_be(shape: Sequence[int], wanted: Sequence[int | str]) -> bool:
    return len(shape) == len(wanted) and all(
        isinstance(want, str) or size == want for size, want in zip(shape, wanted, strict=True)
    )
