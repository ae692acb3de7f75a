"""The weights of a plan as Keras's file has them: an HDF5 file with a group for each layer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from bridge.archive.graph import Graph
from bridge.archive.hdf5 import Dataset, Frame, frame
from bridge.archive.tables import layers
from bridge.errors import BridgeError
from bridge.layout import Weight
from bridge.public.progress import Bytes, uncounted
from bridge.types import Array

_PIECE = 2**20  # of bytes, which stay in the processor's cache for what is done with them


@dataclass(frozen=True)
class Entry:
    """An array of the file and its weight, or None for zeros: what a layer keeps besides."""

    dataset: Dataset
    weight: Weight | None

    def pieces(self) -> Iterator[Array]:
        """Its numbers, flat and in order."""
        dtype = self.dataset.dtype
        if self.weight is None:
            yield np.zeros(prod(self.dataset.shape), dtype)
        else:
            yield from (piece.astype(dtype, copy=False) for piece in self.weight.pieces())


@dataclass(frozen=True)
class WeightsFile:
    """The HDF5 file, whose pieces are read when they are written."""

    entries: Sequence[Entry]
    frame: Frame

    @classmethod
    def of(cls, graph: Graph) -> WeightsFile:
        """Raises UnsupportedError for a weight of a dtype that is no number."""
        arrays = tuple(entries(graph))
        return cls(arrays, frame([entry.dataset for entry in arrays]))

    @property
    def nbytes(self) -> int:
        datasets = (entry.dataset for entry in self.entries)
        arrays = sum(dataset.nbytes + len(Frame.padding(dataset)) for dataset in datasets)
        return len(self.frame.before) + arrays + len(self.frame.after)

    def pieces(self, written: Bytes = uncounted) -> Iterator[bytes | memoryview]:
        """Its bytes, in order; `written` is called with how many of them have been taken."""
        done, total = 0, self.nbytes
        for piece in self._pieces():
            yield piece
            done += len(piece)
            written(done, total)

    def _pieces(self) -> Iterator[bytes | memoryview]:
        yield self.frame.before
        for entry in self.entries:
            for array in entry.pieces():
                content = array.view(np.uint8).data
                for start in range(0, len(content), _PIECE):
                    yield content[start : start + _PIECE]
            yield Frame.padding(entry.dataset)
        yield self.frame.after


def entries(graph: Graph) -> Iterator[Entry]:
    """All arrays, by their paths, which count the layers of each class in Keras's order."""
    numbers: Counter[str] = Counter()
    for operation in graph.needed:
        use = graph.uses.get(operation)
        if use is None or not use.call.target.startswith("layers."):
            continue
        kind = use.call.target.removeprefix("layers.")
        number = f"_{numbers[kind]}" if numbers[kind] else ""
        numbers[kind] += 1
        yield from _of_layer(f"layers/{snake_case(kind)}{number}", kind, dict(use.call.weights))


def _of_layer(group: str, kind: str, weights: dict[str, Weight]) -> Iterator[Entry]:
    table = layers()[kind]
    numbers: Counter[str] = Counter()
    for path, role in table.weights.items():
        if (weight := weights.pop(role, None)) is None:
            continue  # a weight that a layer does without leaves its number to the next
        folder = path.rpartition("/")[0]
        path = f"{group}/{folder}/{numbers[folder]}"
        numbers[folder] += 1
        yield Entry(Dataset(path, weight.stored_shape, weight.dtype), weight)
    if weights:
        raise BridgeError(
            "a raise rule has weights that this Keras layer lacks",
            where=kind,
            received=", ".join(weights),
        )
    for path, state in table.state.items():
        shape, dtype = tuple(state["shape"]), np.dtype(state["dtype"])
        yield Entry(Dataset(f"{group}/{path}", shape, dtype), None)


def snake_case(kind: str) -> str:
    """The name of a class as Keras writes it in paths: Conv2D is conv2d, ReLU is re_lu."""
    words = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", kind)
    return re.sub("([a-z])([A-Z])", r"\1_\2", words).lower()
