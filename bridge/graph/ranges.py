"""The ranges of the whole numbers that an ONNX graph takes as inputs: from the file's metadata,
otherwise from the nodes that consume them.

An index beyond its table is refused, and an integer division by 0 ends the process. Consumers
inside a loop or branch are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from bridge.errors import GraphError

Range: TypeAlias = tuple[int, int]
Columns: TypeAlias = tuple[tuple[int, int], ...]
"""The least and the greatest number, of each column of the last axis, or of all at once."""

RANGE = "range of "
"""The prefix of an input's name in the metadata of an ONNX file, as the key of its range."""

_MOVES = frozenset(
    {
        *("Cast", "Expand", "Flatten", "Identity", "Reshape", "Slice", "Split", "Squeeze"),
        *("Tile", "Transpose", "Unsqueeze"),
    }
)


def ranges(model: onnx.ModelProto) -> dict[str, Columns]:
    """The ranges of those inputs of which something is known."""
    values = _Values.of(model.graph)
    inferred: dict[str, Range] = {}
    for node in model.graph.node:
        consumers = _CONSUMERS.get(node.op_type, {}) if node.domain in ("", "ai.onnx") else {}
        for index, bounds in consumers.items():
            name = values.input_behind(node.input[index]) if index < len(node.input) else None
            limits = None if name is None else bounds(node, values)
            if name is not None and limits is not None:
                inferred[name] = _common(inferred.get(name, limits), limits)
    stored = ranges_in({entry.key: entry.value for entry in model.metadata_props})
    return {**{name: (limits,) for name, limits in inferred.items()}, **stored}


def _common(one: Range, other: Range) -> Range:
    low = max(one[0], other[0])
    return low, max(low, min(one[1], other[1]))


@dataclass(frozen=True)
class _Values:
    """The producers of values, and their shapes as far as known: 0 for an unknown size."""

    producers: Mapping[str, onnx.NodeProto]
    shapes: Mapping[str, tuple[int, ...]]
    inputs: Mapping[str, str]
    """The kind of NumPy's dtype of each."""
    constants: Mapping[str, onnx.TensorProto]

    @classmethod
    def of(cls, graph: onnx.GraphProto) -> _Values:
        constants = {tensor.name: tensor for tensor in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant" and node.attribute[0].HasField("t"):
                constants[node.output[0]] = node.attribute[0].t
        return cls(
            producers={name: node for node in graph.node for name in node.output},
            shapes={
                **_shapes((*graph.input, *graph.value_info)),
                **{name: tuple(tensor.dims) for name, tensor in constants.items()},
            },
            inputs={info.name: _kind(info) for info in graph.input if info.name not in constants},
            constants=constants,
        )

    def input_behind(self, name: str) -> str | None:
        """The input that a value is, moved; None where it is computed, or no whole number.

        Raises GraphError if nodes that move form a cycle.
        """
        name, is_cast = self._moved_from(name)
        # What is cast before a table reads it was whole in another type.
        return name if self.inputs.get(name, "") in [*("iuf" if is_cast else "iu")] else None

    def numbers_behind(self, name: str) -> NDArray[Any] | None:
        """The constant that a value is, moved; None where it is none, or outside the file."""
        tensor = self.constants.get(self._moved_from(name)[0])
        if tensor is None or tensor.data_location == onnx.TensorProto.EXTERNAL:
            return None
        return numpy_helper.to_array(tensor)

    def _moved_from(self, name: str) -> tuple[str, bool]:
        """What a value is, moved, and whether it was cast. Raises GraphError for a cycle."""
        passed, is_cast = set[str](), False
        while name in self.producers and self.producers[name].op_type in _MOVES:
            if name in passed:
                raise GraphError(f"'{name}' depends on itself", received=", ".join(sorted(passed)))
            passed.add(name)
            is_cast = is_cast or self.producers[name].op_type == "Cast"
            name = self.producers[name].input[0]
        return name, is_cast

    def size(self, name: str, axis: int) -> int:
        """0 where it is not known."""
        shape = self.shapes.get(name, ())
        return shape[axis] if -len(shape) <= axis < len(shape) else 0


def _shapes(infos: Iterable[onnx.ValueInfoProto]) -> dict[str, tuple[int, ...]]:
    return {
        info.name: tuple(dim.dim_value for dim in info.type.tensor_type.shape.dim) for info in infos
    }


def _kind(info: onnx.ValueInfoProto) -> str:
    """Nothing for an input that is no tensor, such as an optional one."""
    dtype = info.type.tensor_type.elem_type
    return helper.tensor_dtype_to_np_dtype(dtype).kind if dtype else ""


def _indices(node: onnx.NodeProto, values: _Values) -> Range | None:
    """Along an axis of the first input."""
    size = values.size(node.input[0], _number(node, "axis", 0))
    return (0, size - 1) if size else None


def _tuples(node: onnx.NodeProto, values: _Values) -> Range | None:
    """Along each of the axes that a tuple of indices goes through."""
    first = _number(node, "batch_dims", 0)
    count = values.size(node.input[1], -1)
    sizes = (values.size(node.input[0], first + axis) for axis in range(count))
    least = min(sizes, default=0)
    return (0, least - 1) if least else None


def _classes(node: onnx.NodeProto, values: _Values) -> Range | None:
    depth = values.numbers_behind(node.input[1])
    return None if depth is None else (0, int(depth.item()) - 1)


def _compared(other: int) -> Callable[[onnx.NodeProto, _Values], Range | None]:
    """What is compared with several constants is one of them: so some write a one-hot."""

    def bounds(node: onnx.NodeProto, values: _Values) -> Range | None:
        numbers = values.numbers_behind(node.input[other])
        if numbers is None or numbers.size < 2 or numbers.dtype.kind not in "iu":
            return None
        return int(numbers.min()), int(numbers.max())

    return bounds


def _steps(axis: Callable[[onnx.NodeProto], int]) -> Callable[[onnx.NodeProto, _Values], Range]:
    """How many steps of a sequence count: one, where it is not known how many there are."""

    def bounds(node: onnx.NodeProto, values: _Values) -> Range:
        return 1, max(1, values.size(node.input[0], axis(node)))

    return bounds


def _divisors(_: onnx.NodeProto, __: _Values) -> Range:
    return 1, 9


def _number(node: onnx.NodeProto, name: str, default: int) -> int:
    return next((a.i for a in node.attribute if a.name == name), default)


_RECURRENT = _steps(lambda node: _number(node, "layout", 0))
_CONSUMERS: Mapping[str, Mapping[int, Callable[[onnx.NodeProto, _Values], Range | None]]] = {
    "Gather": {1: _indices},
    "GatherElements": {1: _indices},
    "ScatterElements": {1: _indices},
    "GatherND": {1: _tuples},
    "ScatterND": {1: _tuples},
    "OneHot": {0: _classes},
    "Equal": {0: _compared(1), 1: _compared(0)},
    "Div": {1: _divisors},
    "Mod": {1: _divisors},
    "ReverseSequence": {1: _steps(lambda node: _number(node, "time_axis", 0))},
    "GRU": {4: _RECURRENT},
    "LSTM": {4: _RECURRENT},
    "RNN": {4: _RECURRENT},
}
"""The operators that read whole numbers, by input   (onnx.ai/onnx/operators)."""


# --- in the metadata of a file -------------------------------------------------------------------


def ranges_in(metadata: Mapping[str, str]) -> dict[str, Columns]:
    """The ranges in the metadata of an ONNX file."""
    return {
        key.removeprefix(RANGE): _parsed(text)
        for key, text in metadata.items()
        if key.startswith(RANGE)
    }


def written(columns: Columns) -> str:
    """A range as text for the metadata of an ONNX file: `0:0 0:111`."""
    return " ".join(f"{low}:{high}" for low, high in columns)


def _parsed(text: str) -> Columns:
    """The inverse of `written`. Raises ValueError."""
    pairs = (column.split(":") for column in text.split())
    return tuple((int(low), int(high)) for low, high in pairs)
