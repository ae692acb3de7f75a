"""How far a call has come: what the `progress` argument of the public functions is called with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

Progress = Callable[[str], None]
"""Is called with the name of each stage; of one that is partly done, with a `Part`."""

Bytes = Callable[[int, int], None]
"""Is called with how many bytes are written, of how many."""

_STEP = 2**24  # bytes, of which a call is told: smaller files are written at once
_UNITS = ((10**9, "GB"), (10**6, "MB"))


def silent(stage: str) -> None:
    """Reports no progress."""


def uncounted(done: int, total: int) -> None:
    """Reports no bytes."""


class Part(str):
    """A stage that is partly done, as text: `stage`, of which `done` of `total` is."""

    __slots__ = ("done", "stage", "total")

    stage: str
    done: int
    total: int

    @classmethod
    def of(cls, stage: str, done: int, total: int, amount: str | None = None) -> Self:
        """`amount` is what is done in words, where numbers are not."""
        part = cls(f"{stage}: {amount or f'{done} of {total}'}")
        part.stage, part.done, part.total = stage, done, total
        return part


def in_bytes(progress: Progress, stage: str) -> Bytes:
    """Reports the bytes of a stage in steps that a person can follow."""
    last = 0

    def written(done: int, total: int) -> None:
        nonlocal last
        if done - last >= _STEP:
            last = done
            progress(Part.of(stage, done, total, _amount(done, total)))

    return written


def _amount(done: int, total: int) -> str:
    size, unit = next((entry for entry in _UNITS if total >= entry[0]), _UNITS[-1])
    decimals = 2 if unit == "GB" else 0
    return f"{done / size:.{decimals}f} of {total / size:.{decimals}f} {unit}"
