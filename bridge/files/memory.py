"""How much memory the numbers of one file may take: a few hundred bytes can ask for any amount.

What would take more is refused by its size, before it is computed. docs/reliability.md says where.
What no size was known of is refused by the system, on Linux: a process may not take all.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from math import prod
from pathlib import Path

from bridge.errors import UsageError

VARIABLE = "BRIDGE_MAX_MEMORY"
"""Names another amount, such as 500M or 8G; so does the option --max-memory, which sets it."""

MAX_RANK = 64  # axes of NumPy's arrays

_LIBRARIES = 2 * 2**30  # what a process needs for TensorFlow and its threads, without any model
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_WITHOUT_SYSCONF = 8 * 2**30  # of a machine that does not say how much it has: Windows
_GROUPS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def most() -> int:
    """The bytes that one array may take: half of the machine's memory, or of what this process may
    have of it, unless the environment says otherwise. Raises UsageError where that is no amount."""
    text = named()
    return _half_of_the_machine() if text is None else _amount(text, VARIABLE)


def named() -> str | None:
    """The amount that the environment names, as text."""
    return os.environ.get(VARIABLE)


def refuse_large(size: int, what: str, where: object = None) -> None:
    """Raises UsageError where `what` would take more than `most()`."""
    if size > most():
        half = "" if named() is not None else ", half of this machine's memory"
        raise UsageError(
            f"{what} would take too much memory",
            where=where,
            expected=f"at most {most():,} bytes{half}",
            received=f"{size:,} bytes",
            hint=f"is a size mistaken? --max-memory 16G, or {VARIABLE}=16G in the environment, "
            "allows as much",
        )


@contextmanager
def limited(amount: str | None) -> Iterator[None]:
    """Within it one array may take this `amount`, if there is one, and this process no more
    than `confine` says; both hold for the processes that it starts as well.

    Raises UsageError where that is no amount.
    """
    before = named()
    if amount is not None:
        _amount(amount, "--max-memory")
        os.environ[VARIABLE] = amount
    unconfined = confine()
    try:
        yield
    finally:
        _set_limit(unconfined)
        os.environ.pop(VARIABLE, None)
        if before is not None:
            os.environ[VARIABLE] = before


def confine() -> int | None:
    """Has the system give this process no more than the machine's memory, or twice what is named,
    and what the libraries need: it has an error then, instead of slowing the machine down or being
    ended by it. Only Linux counts what a process may write to. Returns the limit before."""
    return _set_limit(max(2 * most(), _LIBRARIES))


def _set_limit(size: int | None) -> int | None:
    if size is None or sys.platform != "linux":
        return None
    import resource

    before, hard = resource.getrlimit(resource.RLIMIT_DATA)
    allowed = size if hard == resource.RLIM_INFINITY else min(size, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (allowed, hard))
    return before


def size_of(shape: tuple[int, ...], itemsize: float) -> int:
    """The bytes of an array."""
    return int(prod(shape) * itemsize)


def _amount(text: str, where: str) -> int:
    match = re.fullmatch(r"(\d{1,15})([KMGT]?)", text.strip().upper().removesuffix("B"))
    if match is None:
        raise UsageError("no amount of memory", where=where, expected="8G", received=text)
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
