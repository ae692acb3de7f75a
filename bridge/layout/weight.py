"""Weights that are stored in another order than they are read in, copied once, when asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np

from bridge.layout.concatenated import Array
from bridge.layout.layout import Layout


@dataclass(frozen=True)
class Weight:
    """A constant tensor, unread, and how it is to be stored.

    `read` gives the tensor, of `shape`, which is the logical shape of `layout` (else ValueError).
    It makes it of the stores of the `sources`, by numpy's functions alone, so that it can be asked
    for the formula too. A weight with a `name` is a constant of the graph, and has no sources.
    """

    read: Callable[..., Array] = field(repr=False)
    shape: tuple[int, ...]
    layout: Layout
    sources: tuple[Weight, ...] = ()
    name: str = ""

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

    @property
    def constants(self) -> tuple[Weight, ...]:
        """The constants of the graph that it is made of, each once."""
        if self.name:
            return (self,)
        return tuple(dict.fromkeys(chain.from_iterable(each.constants for each in self.sources)))

    def computed_from(self, constants: Callable[[Weight], Any]) -> Any:
        """What `array()` would be with these arrays, or Traced ones, for its constants."""
        if self.name:
            values = constants(self)
        else:
            values = self.read(*(source.computed_from(constants) for source in self.sources))
        return self._lean_layout.apply(values.reshape(self.shape))

    @property
    def _lean_layout(self) -> Layout:
        """A layout that does the same, and does not reshape to give atoms of size 1 an axis."""
        more_atoms = len(self.layout.atoms) > len(self.shape)
        return self.layout.canonical() if more_atoms and 1 in self.layout.atoms else self.layout

    @cached_property
    def _array(self) -> Array:
        return np.asarray(self.computed_from(lambda constant: constant.read()), order="C")
