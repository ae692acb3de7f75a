"""How groups of nodes are recognised, and replaced by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge import ir
from bridge.types import Array

if TYPE_CHECKING:
    Shape = ir.Shape | Sequence[object]


# What gives a result another shape or order, and computes nothing.
MOVING = {"Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}


def summand(add: ir.Node, kind: str, index: int | None = None) -> ir.Node | None:
    """The node of a kind whose result an Add alone reads, and no user; as input `index`, or as
    the one beside a constant."""
    if add.op_type != "Add":
        return None
    return producer(tensor_and_constant(add)[0] if index is None else add.inputs[index], kind)


def producer(value: ir.Value | None, kind: str) -> ir.Node | None:
    """The node of a kind that produces a value, if that has one consumer and is no output."""
    node = None if value is None else value.producer()
    if value is None or node is None or node.op_type != kind or value.is_graph_output():
        return None
    return node if len(value.uses()) == 1 else None


def is_named(node: ir.Node, end: str) -> bool:
    return bool(node.name) and str(node.name).endswith(end)


def is_one_shape(one: Shape | None, other: Shape | None) -> bool:
    """Whether shapes of as many elements have the same sizes; of one size that is not known on
    either side the others leave no doubt."""
    if one is None or other is None or len(one) != len(other):
        return False
    pairs = zip(one, other, strict=True)
    doubtful = [pair for pair in pairs if not _is_one_size(*pair)]
    known = any(isinstance(size, int) for pair in doubtful for size in pair)
    return len(doubtful) <= 1 and not known


def _is_one_size(one: object, other: object) -> bool:
    return isinstance(one, int) and one == other


def is_over_channels(constant: ir.Value | None, x: ir.Value | None) -> bool:
    """Whether a constant has one number for each index along axis 1 of a tensor."""
    if constant is None or constant.shape is None or x is None or x.shape is None:
        return False
    rank, dims = len(x.shape), list(constant.shape)
    padded = [1] * (rank - len(dims)) + dims
    return rank >= 2 and padded == [1, x.shape[1], *[1] * (rank - 2)]


def is_zero(value: ir.Value | None) -> bool:
    """Whether a value is nothing but zeros, spread to a size and moved perhaps."""
    while value is not None and value.const_value is None:
        node = value.producer()
        if node is None or node.op_type not in {*MOVING, "Expand"}:
            return False
        value = node.inputs[0]
    return (
        value is not None and value.const_value is not None and not value.const_value.numpy().any()
    )


def tensor_and_constant(node: ir.Node) -> tuple[ir.Value | None, ir.Value | None]:
    one, other = node.inputs
    if one is not None and one.const_value is not None:
        one, other = other, one
    return one, other if other is not None and other.const_value is not None else None


def number_of(value: ir.Value | None) -> float | None:
    """The one number that a constant holds."""
    constant = None if value is None else value.const_value
    if constant is None or constant.size != 1:
        return None
    return float(constant.numpy().item())


def reduced_axes(reduction: ir.Node) -> tuple[int, ...]:
    """The axes that a reduction is over, and keeps, in their order; none where they are not known
    or not kept."""
    return all_axes(reduction) if reduction.attributes.get_int("keepdims", 1) else ()


def all_axes(reduction: ir.Node) -> tuple[int, ...]:
    """The axes that a reduction is over, kept or not."""
    x, axes = reduction.inputs[0], reduction.attributes.get_ints("axes", ())
    if len(reduction.inputs) > 1 and reduction.inputs[1] is not None:
        constant = reduction.inputs[1].const_value
        axes = () if constant is None else tuple(constant.numpy().tolist())
    if x is None or x.shape is None:
        return ()
    rank = len(x.shape)
    return tuple(sorted(axis % rank for axis in axes))


def replace(
    group: Sequence[ir.Node],
    domain: str,
    kind: str,
    inputs: Sequence[ir.Value | None],
    /,
    name: str | None = None,
    **attributes: Any,
) -> ir.Node:
    """Replaces several nodes, the last of which gives the result, by one, which is returned."""
    last, graph = group[-1], group[-1].graph
    if graph is None:
        raise ValueError("the nodes are in no graph")
    node = ir.Node(domain, kind, inputs, ir.attributes_of(attributes), name=name or last.name)
    ir.replace_nodes(graph, list(group), [node], [last.outputs[0]], [node.outputs[0]])
    return node


def renamed(value: ir.Value, end: str) -> ir.Value:
    """A value that is no longer what the file calls so, under a name of its own: the check of a
    conversion compares values by their names."""
    value.name = f"{value.name}/{end}"
    return value


def remove_unused(graph: ir.Graph, value: ir.Value | None) -> None:
    """Removes the producer of a value without consumers, and what only that consumed."""
    node = None if value is None else value.producer()
    if node is None or any(output.uses() or output.is_graph_output() for output in node.outputs):
        return
    inputs = list(node.inputs)
    graph.remove(node, safe=True)
    for operand in inputs:
        remove_unused(graph, operand)


def constant(graph: ir.Graph, name: str, array: Array) -> ir.Value:
    """A new constant of the graph."""
    tensor = ir.Tensor(array, name=_free(graph, name))
    shape, type_ = ir.Shape(array.shape), ir.TensorType(tensor.dtype)
    value = ir.Value(tensor.name, shape=shape, type=type_, const_value=tensor)
    graph.register_initializer(value)
    return value


def _free(graph: ir.Graph, name: str) -> str:
    """The name, numbered where it is taken, as by a layer that is called twice."""
    candidates = (name if number == 1 else f"{name}_{number}" for number in count(1))
    return next(candidate for candidate in candidates if candidate not in graph.initializers)


def derived(
    graph: ir.Graph, constant: ir.Value | None, name: str, function: Callable[[Array], Array]
) -> ir.Value:
    """A constant that is computed of another when it is read, of the same dtype."""
    if constant is None or constant.const_value is None:
        raise ValueError("only constants can be derived from")
    name = _free(graph, name)
    source = constant.const_value
    shape = function(np.empty(source.shape.numpy(), np.uint8)).shape
    tensor = ir.LazyTensor(
        lambda: ir.Tensor(function(source.numpy()), name=name),
        dtype=source.dtype,
        shape=ir.Shape(shape),
        name=name,
    )
    value = ir.Value(
        name=name, shape=ir.Shape(shape), type=ir.TensorType(source.dtype), const_value=tensor
    )
    graph.register_initializer(value)
    return value


def flat(array: Array) -> Array:
    return array.reshape(-1)
