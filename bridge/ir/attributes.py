"""The attributes of nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, TypeVar, overload

from bridge.ir.tensors import TensorBase

if TYPE_CHECKING:
    from bridge.ir.graph import Graph

Default = TypeVar("Default")


class AttributeType(IntEnum):
    """The kinds of attributes, by ONNX's numbers."""

    UNDEFINED = 0
    FLOAT = 1
    INT = 2
    STRING = 3
    TENSOR = 4
    GRAPH = 5
    FLOATS = 6
    INTS = 7
    STRINGS = 8
    TENSORS = 9
    GRAPHS = 10
    SPARSE_TENSOR = 11
    SPARSE_TENSORS = 12
    TYPE_PROTO = 13
    TYPE_PROTOS = 14


@dataclass(frozen=True, slots=True, eq=False)
class Attr:
    """An attribute: its value, or `refers_to` one of the function that the node is in."""

    name: str
    type: AttributeType
    value: Any
    refers_to: str = ""

    def as_int(self) -> int:
        value: int = self._as(AttributeType.INT)
        return value

    def as_float(self) -> float:
        value: float = self._as(AttributeType.FLOAT)
        return value

    def as_string(self) -> str:
        value: str = self._as(AttributeType.STRING)
        return value

    def as_tensor(self) -> TensorBase:
        value: TensorBase = self._as(AttributeType.TENSOR)
        return value

    def as_graph(self) -> Graph:
        value: Graph = self._as(AttributeType.GRAPH)
        return value

    def as_ints(self) -> tuple[int, ...]:
        value: tuple[int, ...] = self._as(AttributeType.INTS)
        return value

    def as_floats(self) -> tuple[float, ...]:
        value: tuple[float, ...] = self._as(AttributeType.FLOATS)
        return value

    @property
    def graphs(self) -> Sequence[Graph]:
        """The graphs that it holds: none, one or several."""
        if self.type is AttributeType.GRAPH and self.value is not None:
            return (self.value,)
        return self.value if self.type is AttributeType.GRAPHS and self.value is not None else ()

    def _as(self, kind: AttributeType) -> Any:
        if self.type is not kind:
            raise TypeError(f"attribute {self.name!r} is {self.type.name}, not {kind.name}")
        return self.value


class Attributes(dict[str, Attr]):
    """The attributes of a node by name. Each of the methods raises TypeError for an attribute of
    another kind, and gives the default where there is none."""

    def __init__(self, attributes: Iterable[Attr] = ()) -> None:
        super().__init__((attribute.name, attribute) for attribute in attributes)

    def add(self, attribute: Attr) -> None:
        self[attribute.name] = attribute

    @overload
    def get_int(self, name: str) -> int: ...
    @overload
    def get_int(self, name: str, default: Default) -> int | Default: ...
    def get_int(self, name: str, default: Any = None) -> Any:
        return self[name].as_int() if name in self else default

    @overload
    def get_float(self, name: str) -> float: ...
    @overload
    def get_float(self, name: str, default: Default) -> float | Default: ...
    def get_float(self, name: str, default: Any = None) -> Any:
        return self[name].as_float() if name in self else default

    @overload
    def get_string(self, name: str) -> str: ...
    @overload
    def get_string(self, name: str, default: Default) -> str | Default: ...
    def get_string(self, name: str, default: Any = None) -> Any:
        return self[name].as_string() if name in self else default

    @overload
    def get_ints(self, name: str) -> tuple[int, ...]: ...
    @overload
    def get_ints(self, name: str, default: Default) -> tuple[int, ...] | Default: ...
    def get_ints(self, name: str, default: Any = None) -> Any:
        return self[name].as_ints() if name in self else default

    @overload
    def get_floats(self, name: str) -> tuple[float, ...]: ...
    @overload
    def get_floats(self, name: str, default: Default) -> tuple[float, ...] | Default: ...
    def get_floats(self, name: str, default: Any = None) -> Any:
        return self[name].as_floats() if name in self else default

    def get_tensor(self, name: str, default: Default) -> TensorBase | Default:
        return self[name].as_tensor() if name in self else default


def attribute(name: str, value: Any) -> Attr:
    """An attribute of the kind of its value; a sequence with a float is one of floats, an empty one
    of ints. Raises TypeError for what no attribute holds."""
    if isinstance(value, Attr):
        return value
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = tuple(value)
        kinds = {type(item) for item in items}
        kind = _OF_SEVERAL[float] if kinds == {int, float} else None
        kind = kind or (_OF_SEVERAL.get(kinds.pop()) if len(kinds) == 1 else None)
        if not items:
            kind = AttributeType.INTS
        if kind is AttributeType.FLOATS:
            items = tuple(map(float, items))
        value = items
    else:
        kind = next((kind for type_, kind in _OF_ONE.items() if isinstance(value, type_)), None)
    if kind is None:
        raise TypeError(f"attribute {name!r} cannot be {value!r}")
    return Attr(name, kind, value)


_OF_ONE: Mapping[type, AttributeType] = {
    int: AttributeType.INT,
    float: AttributeType.FLOAT,
    str: AttributeType.STRING,
    TensorBase: AttributeType.TENSOR,
}
_OF_SEVERAL = {int: AttributeType.INTS, float: AttributeType.FLOATS, str: AttributeType.STRINGS}


def attributes_of(values: Mapping[str, Any]) -> list[Attr]:
    return [attribute(name, value) for name, value in values.items()]
