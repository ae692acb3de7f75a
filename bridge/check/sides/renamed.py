"""A side that calls its inputs and outputs otherwise than the one beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from bridge.check.sides.side import Given, Origin, Side

Array = NDArray[Any]


class RenamedSide:
    """A side under other names: `names` has the new name of each value that gets one."""

    def __init__(self, side: Side, names: Mapping[str, str]) -> None:
        self._side, self._names = side, dict(names)
        self._back = {new: old for old, new in names.items()}
        self.title, self.dtypes = side.title, side.dtypes
        self.inputs: dict[str, Given] = {self._new(n): g for n, g in side.inputs.items()}
        self.outputs = tuple(map(self._new, side.outputs))
        self.values = tuple(map(self._new, side.values))
        self.origins: dict[str, Origin] = {
            self._new(name): replace(origin, inputs=tuple(map(self._new, origin.inputs)))
            for name, origin in side.origins.items()
        }

    def _new(self, name: str) -> str:
        """A name that another value takes over gets a mark, so that no two are one."""
        if name in self._names:
            return self._names[name]
        return f"{name}'" if name in self._back else name

    def run(self, feeds: Mapping[str, Array], wanted: Sequence[str]) -> Iterator[tuple[str, Array]]:
        olds = {self._new(name): name for name in (*self._side.inputs, *self._side.values)}
        given = {olds[name]: feeds[name] for name in self.inputs}
        for name, array in self._side.run(given, [olds[name] for name in wanted]):
            yield self._new(name), array


def ends_named_alike(side: Side, like: Side) -> Side:
    """The side with its inputs and outputs called as `like` calls them, by their positions.

    Where `like` knows any of them, or their numbers differ, names are left as they are. (An output
    of one may be on the way to a loss of the other.)
    """
    names: dict[str, str] = {}
    for own, other, known in (
        (side.inputs, like.inputs, like.inputs),
        (side.outputs, like.outputs, like.values),
    ):
        if len(own) == len(other) and set(own).isdisjoint(known):
            names.update(zip(own, other, strict=True))
    return RenamedSide(side, names) if names else side
