"""A model whose inputs and outputs have other names than those of the model it is compared with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from bridge.check.backends.backend import Backend, InputSpec, Origin
from bridge.types import Array


class RenamedBackend:
    """A model under other names: `names` has the new name of each value that gets one."""

    def __init__(self, backend: Backend, names: Mapping[str, str]) -> None:
        self._backend, self._names = backend, dict(names)
        self._back = {new: old for old, new in names.items()}
        self.title, self.dtypes = backend.title, backend.dtypes
        self.inputs: dict[str, InputSpec] = {
            self._new(name): spec for name, spec in backend.inputs.items()
        }
        self.outputs = tuple(map(self._new, backend.outputs))
        self.values = tuple(map(self._new, backend.values))
        self.origins: dict[str, Origin] = {
            self._new(name): replace(origin, inputs=tuple(map(self._new, origin.inputs)))
            for name, origin in backend.origins.items()
        }

    def _new(self, name: str) -> str:
        """A name that another value takes over gets a mark, so that all names differ."""
        if name in self._names:
            return self._names[name]
        return f"{name}'" if name in self._back else name

    def run(self, feeds: Mapping[str, Array], wanted: Sequence[str]) -> Iterator[tuple[str, Array]]:
        olds = {self._new(name): name for name in (*self._backend.inputs, *self._backend.values)}
        renamed = {olds[name]: feeds[name] for name in self.inputs}
        for name, array in self._backend.run(renamed, [olds[name] for name in wanted]):
            yield self._new(name), array


def same_io_names(backend: Backend, like: Backend) -> Backend:
    """The model with the inputs and outputs of `like` by position.

    If `like` knows any of the names, or the counts differ, names stay as they are. (An output of
    one may be on the way to a loss of the other.)
    """
    names: dict[str, str] = {}
    for own, other, known in (
        (backend.inputs, like.inputs, like.inputs),
        (backend.outputs, like.outputs, like.values),
    ):
        if len(own) == len(other) and set(own).isdisjoint(known):
            names.update(zip(own, other, strict=True))
    return RenamedBackend(backend, names) if names else backend
