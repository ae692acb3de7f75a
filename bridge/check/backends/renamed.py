"""A side that calls its inputs and outputs otherwise than the one beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from bridge.check.backends.backend import Backend, Given, Origin

Array = NDArray[Any]


class RenamedBackend:
    """A side under other names: `names` has the new name of each value that gets one."""

    def __init__(self, backend: Backend, names: Mapping[str, str]) -> None:
        self._backend, self._names = backend, dict(names)
        self._back = {new: old for old, new in names.items()}
        self.title, self.dtypes = backend.title, backend.dtypes
        self.inputs: dict[str, Given] = {self._new(n): g for n, g in backend.inputs.items()}
        self.outputs = tuple(map(self._new, backend.outputs))
        self.values = tuple(map(self._new, backend.values))
        self.origins: dict[str, Origin] = {
            self._new(name): replace(origin, inputs=tuple(map(self._new, origin.inputs)))
            for name, origin in backend.origins.items()
        }

    def _new(self, name: str) -> str:
        """A name that another value takes over gets a mark, so that no two are one."""
        if name in self._names:
            return self._names[name]
        return f"{name}'" if name in self._back else name

    def run(self, feeds: Mapping[str, Array], wanted: Sequence[str]) -> Iterator[tuple[str, Array]]:
        olds = {self._new(name): name for name in (*self._backend.inputs, *self._backend.values)}
        given = {olds[name]: feeds[name] for name in self.inputs}
        for name, array in self._backend.run(given, [olds[name] for name in wanted]):
            yield self._new(name), array


def same_io_names(backend: Backend, like: Backend) -> Backend:
    """The side with its inputs and outputs called as `like` calls them, by their positions.

    Where `like` knows any of them, or their numbers differ, names are left as they are. (An output
    of one may be on the way to a loss of the other.)
    """
    names: dict[str, str] = {}
    for own, other, known in (
        (backend.inputs, like.inputs, like.inputs),
        (backend.outputs, like.outputs, like.values),
    ):
        if len(own) == len(other) and set(own).isdisjoint(known):
            names.update(zip(own, other, strict=True))
    return RenamedBackend(backend, names) if names else backend
