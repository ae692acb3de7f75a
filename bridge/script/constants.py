"""The arrays that a script computes with besides its weights: small ones in its text, others in the
file of its weights."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import prod
from typing import Any

import numpy as np

from bridge.archive.hdf5 import Dataset
from bridge.archive.weights import Entry
from bridge.errors import UnsupportedError
from bridge.layout import Weight
from bridge.script.lines import Source
from bridge.script.literals import literal, quoted
from bridge.types import Array

_SMALL = 8  # elements
FUNCTION = '''\
def constant(number):
    """An array from the file of the weights."""
    with h5py.File(WEIGHTS) as file:
        return file["constants"][number][()]'''


class Constants:
    """Spells arrays, and collects those that the file has."""

    def __init__(self) -> None:
        self._stored: dict[int, Array] = {}
        self.any_small = False

    def __bool__(self) -> bool:
        return bool(self._stored)

    def source(self, value: Weight | Array) -> Source:
        """The source of an array. Raises UnsupportedError for a large one of no numbers."""
        shape = value.stored_shape if isinstance(value, Weight) else value.shape
        array = value.array() if isinstance(value, Weight) else value
        if prod(shape) > _SMALL:
            return f"constant({quoted(self._number(array))})"
        self.any_small = True
        items = _listed(array) if array.size else f"np.zeros({literal(array.shape)})"
        return f"np.array({items}, {quoted(array.dtype.name)})"

    def _number(self, array: Array) -> str:
        if array.dtype.kind not in "iuf":
            raise UnsupportedError(
                "no script has an array like this",
                received=f"{array.size} elements of {array.dtype.name}",
                hint="write a .keras file",
            )
        for number, known in self._stored.items():
            if known.dtype == array.dtype and np.array_equal(known, array):
                return str(number)
        self._stored[len(self._stored)] = array
        return str(len(self._stored) - 1)

    def arrays(self) -> Iterator[tuple[str, Array]]:
        """The arrays of the file, by their paths in it."""
        yield from ((f"constants/{number}", array) for number, array in self._stored.items())

    def entries(self) -> Iterator[Entry]:
        """The same, as the writer of weights takes them."""
        for path, array in self.arrays():
            dataset = Dataset(path, array.shape, array.dtype)
            yield Entry(dataset, Weight(array.shape, partial(np.asarray, array), dtype=array.dtype))


def _listed(array: Array) -> str:
    """Nested lists; of single precision, in the fewest digits that give the same."""
    exact: Any = array
    if array.dtype in (np.float16, np.float32):
        exact = np.array([float(str(x)) for x in array.ravel()]).reshape(array.shape)
    return literal(exact.tolist())
