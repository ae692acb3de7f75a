"""Weights that are stored in another order than they are read in, copied once, when asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from bridge.layout.layout import Array, Layout


@dataclass(frozen=True)
class Weight:
    """A constant tensor, unread, and how it is to be stored.

    `read` gives the tensor, of `shape`, which is the logical shape of `layout` (else ValueError).
    """

    read: Callable[[], Array] = field(repr=False)
    shape: tuple[int, ...]
    layout: Layout

    def __post_init__(self) -> None:
        if self.layout.logical_shape != self.shape:
            raise ValueError(f"a weight of {self.shape} cannot be stored as {self.layout}")

    @property
    def stored_shape(self) -> tuple[int, ...]:
        return tuple(map(int, self.layout.stored_shape))

    def array(self) -> Array:
        """The store, contiguous: `layout.apply(read())`. Read once, and copied if it must be."""
        return self._array

    def with_layout(self, layout: Layout) -> Weight:
        """The same tensor, stored otherwise."""
        return replace(self, layout=layout)

    @cached_property
    def _array(self) -> Array:
        return np.asarray(self.layout.apply(self.read().reshape(self.shape)), order="C")
