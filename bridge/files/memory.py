"""How much memory the numbers of one file may take: a few hundred bytes can ask for any amount.

What would take more is refused by its size, before it is computed. docs/reliability.md says where.
"""

from __future__ import annotations

import os
import re
from functools import cache
from math import prod
from pathlib import Path

from bridge.errors import UsageError

VARIABLE = "BRIDGE_MAX_MEMORY"
"""Names another amount, such as 500M or 8G."""

MAX_RANK = 64  # axes of NumPy's arrays

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_WITHOUT_SYSCONF = 8 * 2**30  # of a machine that does not say how much it has: Windows
_GROUPS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def most() -> int:
    """The bytes that one array may take: half of the machine's memory, or of what this process may
    have of it, unless the environment says otherwise. Raises UsageError where that is no amount."""
    named = os.environ.get(VARIABLE)
    return _half_of_the_machine() if named is None else _amount(named)


def refuse_large(size: int, what: str, where: object = None) -> None:
    """Raises UsageError where `what` would take more than `most()`."""
    if size > most():
        raise UsageError(
            f"{what} would take too much memory",
            where=where,
            expected=f"at most {most():,} bytes, half of this machine's memory",
            received=f"{size:,} bytes",
            hint=f"is a size mistaken? {VARIABLE}=16G in the environment allows as much",
        )


def size_of(shape: tuple[int, ...], itemsize: float) -> int:
    """The bytes of an array."""
    return int(prod(shape) * itemsize)


def _amount(text: str) -> int:
    match = re.fullmatch(r"(\d{1,15})([KMGT]?)", text.strip().upper().removesuffix("B"))
    if match is None:
        raise UsageError("no amount of memory", where=VARIABLE, expected="8G", received=text)
    return int(match[1]) * _UNITS[match[2]]


@cache
def _half_of_the_machine() -> int:
    limits = [int(text) for group in _GROUPS if (text := _content(group)).isdecimal()]
    try:
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        limits.append(_WITHOUT_SYSCONF)
    return min(limits) // 2


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
