"""Nodes, and the values between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.ir.attributes import Attr, Attributes, attributes_of
from bridge.ir.tensors import TensorBase
from bridge.ir.types import DataType, Shape, Type, tensor_type

if TYPE_CHECKING:
    from bridge.ir.graph import Graph


class Usage(NamedTuple):
    """A node that reads a value, and as which of its inputs."""

    node: Node
    position: int


class Value:
    """What a node gives, an input of a graph, or a constant. One without a name is an output that
    its node omits."""

    __slots__ = (
        "_input_of",
        "_output_of",
        "_producer",
        "_uses",
        "const_value",
        "name",
        "shape",
        "type",
    )

    def __init__(
        self,
        name: str | None = None,
        *,
        shape: Shape | None = None,
        type: Type | None = None,
        const_value: TensorBase | None = None,
    ) -> None:
        self.name, self.shape, self.type, self.const_value = name, shape, type, const_value
        self._producer: Node | None = None
        self._uses: dict[Usage, None] = {}
        self._input_of: Graph | None = None
        self._output_of: Graph | None = None

    def __repr__(self) -> str:
        return f"Value({self.name!r}, {self.type}, {self.shape})"

    @property
    def dtype(self) -> DataType | None:
        return None if self.type is None else self.type.dtype

    @dtype.setter
    def dtype(self, dtype: DataType) -> None:
        self.type = tensor_type(dtype)

    def producer(self) -> Node | None:
        return self._producer

    def uses(self) -> tuple[Usage, ...]:
        return tuple(self._uses)

    def consumers(self) -> tuple[Node, ...]:
        """The nodes that read it, each once."""
        return tuple(dict.fromkeys(use.node for use in self._uses))

    def is_graph_output(self) -> bool:
        return self._output_of is not None

    def is_graph_input(self) -> bool:
        return self._input_of is not None

    def replace_all_uses_with(self, other: Value, *, replace_graph_outputs: bool = False) -> None:
        """Has all nodes read another value, and the graph give it if asked for. Raises ValueError
        for an output of the graph otherwise."""
        if self._output_of is not None:
            if not replace_graph_outputs:
                raise ValueError(f"{self.name!r} is an output of the graph")
            outputs = self._output_of.outputs
            outputs[:] = [other if value is self else value for value in outputs]
        for node, index in self.uses():
            node.replace_input_with(index, other)


class Node:
    """An operator on values. Its outputs are its own, and so is the order of its inputs."""

    __slots__ = (
        "attributes",
        "domain",
        "following",
        "graph",
        "inputs",
        "name",
        "op_type",
        "outputs",
        "overload",
        "preceding",
    )

    def __init__(
        self,
        domain: str,
        op_type: str,
        inputs: Iterable[Value | None],
        attributes: Iterable[Attr] = (),
        *,
        overload: str = "",
        num_outputs: int = 1,
        outputs: Sequence[Value] | None = None,
        name: str | None = None,
    ) -> None:
        self.domain, self.op_type, self.overload, self.name = domain, op_type, overload, name
        self.attributes = Attributes(attributes)
        self.inputs: tuple[Value | None, ...] = tuple(inputs)
        if outputs is None:
            outputs = [Value() for _ in range(num_outputs)]
        self.outputs: tuple[Value, ...] = tuple(outputs)
        self.graph: Graph | None = None
        self.preceding: Node | None = None  # in the graph's order
        self.following: Node | None = None
        for index, value in enumerate(self.inputs):
            if value is not None:
                value._uses[Usage(self, index)] = None
        for value in self.outputs:
            value._producer = self

    def __repr__(self) -> str:
        return f"Node({self.name!r}, {self.op_type})"

    def op_identifier(self) -> tuple[str, str, str]:
        return self.domain, self.op_type, self.overload

    def replace_input_with(self, index: int, value: Value | None) -> None:
        old = self.inputs[index]
        if old is not None:
            del old._uses[Usage(self, index)]
        if value is not None:
            value._uses[Usage(self, index)] = None
        self.inputs = (*self.inputs[:index], value, *self.inputs[index + 1 :])

    def drop_inputs(self, start: int) -> None:
        """Leaves out the inputs from this one on."""
        for index in range(start, len(self.inputs)):
            self.replace_input_with(index, None)
        self.inputs = self.inputs[:start]

    def drop_outputs(self, start: int) -> None:
        """Leaves out the outputs from this one on, which nobody may read."""
        for value in self.outputs[start:]:
            value._producer = None
        self.outputs = self.outputs[:start]

    def subgraphs(self) -> Iterator[Graph]:
        """The branches of an If, the body of a loop."""
        for attribute in self.attributes.values():
            yield from attribute.graphs


def node(
    op_type: str,
    inputs: Sequence[Value | None],
    attributes: Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
) -> Node:
    """A node of ONNX's own domain with one output."""
    return Node("", op_type, inputs, attributes_of(attributes or {}), name=name)
