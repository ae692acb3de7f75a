"""Nets that are deeper than calls may be nested in Python.

Keras follows a net from its outputs to its inputs, by a call within a call for each layer on the
way, whenever it builds or loads a model. Python's limit is there to stop endless recursion; a net
ends, and what is nested are Python's own frames, which take no room on the C stack.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from sys import getrecursionlimit, setrecursionlimit


@contextmanager
def room_for(layers: int) -> Iterator[None]:
    """Within it, calls may be nested as many times more as there are layers."""
    limit = getrecursionlimit()
    setrecursionlimit(limit + layers)
    try:
        yield
    finally:
        setrecursionlimit(limit)
