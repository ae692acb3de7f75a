"""The tensors and operators of a `.tflite`, while they are emitted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bridge.layout import Layout, Weight
from bridge.tflite.schema import DTYPES
from bridge.types import Array

Dims = tuple[int | None, ...]
"""A shape; None is a size that is free."""


class NotWrittenError(Exception):
    """Why a call has no operators here: TensorFlow writes the file then."""


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor of the file: a constant if it has `data`, whose bytes are those of its array."""

    name: str
    shape: Dims
    dtype: str
    data: Weight | None = None

    @property
    def rank(self) -> int:
        return len(self.shape)


@dataclass(frozen=True, eq=False)
class Operator:
    """An operator by its name in the schema; an input that is left out is None."""

    code: str
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    options: dict[str, Any] = field(default_factory=dict)
    version: int = 1


@dataclass
class Graph:
    """A graph that grows: emitters call its methods. `scope` names what the next ones add."""

    operators: list[Operator] = field(default_factory=list)
    scope: str = ""
    _constants: dict[Any, tuple[Tensor, Any]] = field(default_factory=dict)
    _names: Counter[str] = field(default_factory=Counter)

    def op(
        self,
        code: str,
        *inputs: Tensor | None,
        shape: Dims,
        dtype: str = "",
        version: int = 1,
        **options: Any,
    ) -> Tensor:
        """An operator of one result, which has the dtype of the first input unless it is said."""
        kind = dtype or next(tensor.dtype for tensor in inputs if tensor is not None)
        (tensor,) = self.ops(code, inputs, [(shape, kind)], version, **options)
        return tensor

    def ops(
        self,
        code: str,
        inputs: Iterable[Tensor | None],
        results: Sequence[tuple[Dims, str]],
        version: int = 1,
        **options: Any,
    ) -> tuple[Tensor, ...]:
        """An operator, and its results of these shapes and dtypes."""
        outputs = tuple(self.tensor(code.lower(), *result) for result in results)
        self.operators.append(Operator(code, tuple(inputs), outputs, options, version))
        return outputs

    def tensor(self, role: str, shape: Dims, dtype: str, data: Weight | None = None) -> Tensor:
        """Raises NotWrittenError for what no tensor here is."""
        if dtype not in DTYPES:
            raise NotWrittenError(f"a tensor of {dtype}")
        if 0 in shape:
            raise NotWrittenError("a tensor without elements")
        return Tensor(self.unique(f"{self.scope}/{role}"), shape, dtype, data)

    def copy(self, tensor: Tensor) -> Tensor:
        """The same numbers in a tensor of their own."""
        kind = DTYPES[tensor.dtype]
        return self.op("CAST", tensor, shape=tensor.shape, in_data_type=kind, out_data_type=kind)

    def unique(self, name: str) -> str:
        """The name, with a number behind it where it is taken."""
        self._names[name] += 1
        return name if self._names[name] == 1 else f"{name}_{self._names[name]}"

    def weight(
        self, role: str, weight: Weight, order: Sequence[int] = (), shape: Dims = ()
    ) -> Tensor:
        """A weight as Keras has it, or with its axes in another order, in another shape of as many
        numbers; one tensor for all that ask for the same."""
        key = (id(weight), tuple(order), shape)
        if key not in self._constants:
            stored = weight.stored_shape
            sizes = shape or tuple(stored[axis] for axis in order or range(len(stored)))
            data = transposed(weight, order) if order else weight
            tensor = self.tensor(role, sizes, weight.dtype.name, data)
            self._constants[key] = tensor, weight  # which lives on: its id is in the key
        return self._constants[key][0]

    def constant(self, value: Any, dtype: str = "int32") -> Tensor:
        """A small array; one tensor for all of the same numbers."""
        array = np.asarray(value, dtype)
        key = (array.dtype.name, array.shape, array.tobytes())
        if key not in self._constants:
            data = Weight(array.shape, lambda: array, dtype=array.dtype)
            tensor = self.tensor("constant", array.shape, array.dtype.name, data)
            self._constants[key] = tensor, array
        return self._constants[key][0]


def transposed(weight: Weight, order: Sequence[int]) -> Weight:
    """The weight whose physical array has the axes of this one's in another order."""
    stored = Layout.ordered(weight.stored_shape, order)
    if weight.layout is None:
        return weight.with_layout(stored)
    try:
        return weight.with_layout(weight.layout.compose(stored))
    except ValueError:  # the two have no common atoms
        shape = tuple(weight.stored_shape[axis] for axis in order)

        def read(array: Array) -> Array:
            return array.transpose(order)

        return Weight.derived(shape, read, weight)


def sizes_of(shape: Iterable[int | str | None]) -> Dims:
    """A shape of the plan, of which symbols are free."""
    return tuple(size if isinstance(size, int) else None for size in shape)
