"""Strategies for the nodes of an operator, and what they are built from.

Each test module of `tests/raising/rules` registers those of its family with `@nodes_of`; the
raising law and the random graphs draw from all of them (`tests.helpers.strategies.rules`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge.layout import Size

Array = NDArray[Any]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Tensor:
    """An operand that the model computes.

    `free` has a symbol for each axis whose size the graph may leave open.
    """

    values: Array
    free: Mapping[int, str] = field(default_factory=dict)

    def shape(self, symbols: set[str]) -> tuple[Size, ...]:
        sizes = enumerate(self.values.shape)
        return tuple(
            self.free[axis] if self.free.get(axis) in symbols else size for axis, size in sizes
        )


Operand = Tensor | Array | None  # an array is a constant, None an optional input left out


@dataclass(frozen=True)
class NodeExample:
    """One node. Where `operators` names several they are a chain: each takes the result of the one
    before and the next operand. `absent` are outputs that are left out. `shape` is what the graph
    says of the first output, for an operator from whose inputs ONNX does not know it."""

    operators: tuple[str, ...]
    operands: tuple[Operand, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    outputs: int = 1
    opset: int = 17
    absent: frozenset[int] = frozenset()
    shape: Shape | None = None


Strategy = st.SearchStrategy[NodeExample]
Draw = st.DrawFn

Key = tuple[str, int]  # the operator, and the operator set since which the rule holds

REGISTERED: dict[Key, Strategy] = {}
MODULES: dict[Key, str] = {}  # where each was registered

MAX_ELEMENTS = 1500
_SIZES = (1, 2, 3, 4, 4, 6, 6, 8)  # those of several factors can be shuffled


def nodes_of(
    *operators: str, since: int = 1
) -> Callable[[Callable[..., Strategy]], Callable[..., Strategy]]:
    """Registers a strategy for nodes of these operators; it is called with the operator's name."""

    def register(strategy: Callable[..., Strategy]) -> Callable[..., Strategy]:
        for operator in operators:
            assert (operator, since) not in REGISTERED, f"two strategies for {operator}-{since}"
            REGISTERED[operator, since] = strategy(operator)
            MODULES[operator, since] = strategy.__module__
        return strategy

    return register


# Sizes, shapes and operands


def sizes(largest: int = 8) -> st.SearchStrategy[int]:
    return st.sampled_from([size for size in _SIZES if size <= largest])


# The shape of a value that a random graph has already, for its next node to read.
_PREFERRED: ContextVar[Shape] = ContextVar("preferred_shape", default=())


@contextmanager
def preferring(shape: Shape) -> Iterator[None]:
    """Nodes that can read a tensor of this shape are drawn to do so."""
    token = _PREFERRED.set(shape)
    try:
        yield
    finally:
        _PREFERRED.reset(token)


@st.composite
def shapes(draw: Draw, low: int, high: int) -> Shape:
    """Equal sizes, distinct ones and ones; a fault can hide behind each."""
    preferred = _PREFERRED.get()
    if low <= len(preferred) <= high and prod(preferred) <= MAX_ELEMENTS:
        return preferred
    rank = draw(st.integers(low, high))
    equal = sizes(4).map(lambda size: (size,) * rank)
    any_sizes = st.lists(sizes(), min_size=rank, max_size=rank).map(tuple)
    shape = draw(st.one_of(equal, any_sizes, any_sizes))
    assume(prod(shape) <= MAX_ELEMENTS)
    return shape


@st.composite
def values(draw: Draw, shape: Sequence[int], low: float = -2, high: float = 2) -> Array:
    """Floats; sometimes from a coarse grid, where many are equal."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    array = generator.uniform(low, high, tuple(shape))
    array = np.ceil(array * 2) / 2 if draw(st.integers(0, 3)) == 0 else array
    return array.astype(np.float32)


def vector(size: int, low: float = -2, high: float = 2) -> st.SearchStrategy[Array]:
    return values((size,), low, high)


@st.composite
def tensor(
    draw: Draw, shape: Shape, low: float = -2, high: float = 2, batch: int | None = 0
) -> Tensor:
    """A tensor whose axis `batch` may have any size when the model runs."""
    return Tensor(draw(values(shape, low, high)), {} if batch is None else {batch: "batch"})


@st.composite
def image(draw: Draw, shape: Shape, low: float = -2, high: float = 2) -> Tensor:
    """A tensor n c *s, of which but c each axis may have any size."""
    names = (("batch", 0), ("depth", 2), ("height", 3), ("width", 4))
    free = {axis: name for name, axis in names if axis < len(shape)}
    return Tensor(draw(values(shape, low, high)), free)


@st.composite
def broadcast(draw: Draw, shape: Shape) -> Shape:
    """A shape that broadcasts to a larger one."""
    rank = draw(st.integers(0, len(shape)))
    return tuple(draw(st.sampled_from([1, size])) for size in shape[len(shape) - rank :])


def map_values(operand: Operand, function: Callable[[Array], Array]) -> Operand:
    """The operand with other values."""
    if isinstance(operand, Tensor):
        return replace(operand, values=function(operand.values))
    return None if operand is None else function(operand)
