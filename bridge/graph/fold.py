"""Constants, computed beforehand: exporters spell out arithmetic on shapes as nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import ceil, prod

import numpy as np

from bridge import ir
from bridge.errors import GraphError
from bridge.graph.constants import (
    FINDING,
    SMALL,
    ConstantNode,
    Type,
    computed,
    new_constant,
    unread,
)
from bridge.graph.invariants import where_of

# What the constants of a graph may become: 1 GiB, and more where the file has large weights, of
# which some may be computed several times, as halves that are cast and then transposed.
ROOM = 2**30
ROOM_FOR_EACH_BYTE = 16

_RANDOM = {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
_RANDOM |= {"Bernoulli", "Multinomial"}


def fold_constants(model: ir.Model) -> bool:
    """Every standard node of constants becomes an initializer, and so does a Shape whose input's
    shape is known; what gives an output of the graph stays a node. Returns whether there was one.

    Large results are computed when they are read. Raises GraphError where results do not fit
    into memory, and for nodes that cannot be computed.
    """
    opset, room = model.opset_imports[""], _Room(model.graph)
    folded = False
    for node in list(model.graph):
        results = _results(node, opset, room) if _may_fold(node) else None
        if results is not None:
            folded = True
            for value in node.outputs:
                if value.name:
                    _make_constant(model.graph, value, results[value.name])
            model.graph.remove(node, safe=True)
    return folded


def settle_reshapes(model: ir.Model) -> None:
    """A Reshape whose target is computed gets a constant one, where its result's shape is known
    but for one dim: with 0 for a dim that stays in place, -1 for one that does not."""
    taken = {value.name for node in model.graph for value in node.outputs}
    taken.update(model.graph.initializers, (value.name for value in model.graph.inputs))
    for node in model.graph:
        if node.op_type != "Reshape" or node.domain or len(node.inputs) != 2:
            continue
        x, target = node.inputs
        shape = node.outputs[0].shape
        if x is None or target is None or target.const_value is not None or shape is None:
            continue
        sizes = [_target(size, axis, x.shape) for axis, size in enumerate(shape)]
        name = f"{node.outputs[0].name}.shape"
        if (
            sizes.count(-1) <= 1
            and name not in taken
            and not node.attributes.get_int("allowzero", 0)
        ):
            settled = ir.Tensor(np.asarray(sizes, np.int64), name=name)
            node.replace_input_with(1, new_constant(model.graph, name, settled))


def _target(size: int | ir.SymbolicDim, axis: int, source: ir.Shape | None) -> int:
    if isinstance(size, int):
        return size
    stays = size.value is not None and source is not None and axis < len(source)
    return 0 if stays and source is not None and source[axis] == size else -1


def _may_fold(node: ir.Node) -> bool:
    graphs = (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS)
    return (
        node.domain == ""
        and node.op_type not in _RANDOM
        and not any(attribute.type in graphs for attribute in node.attributes.values())
        and not any(value.is_graph_output() for value in node.outputs)
    )


def _results(node: ir.Node, opset: int, room: _Room) -> Mapping[str, ir.TensorBase] | None:
    """What the node gives, by name; None where that is not known."""
    if node.op_type == "Shape" and node.inputs and node.inputs[0] is not None:
        return _sizes(node, node.inputs[0].shape)
    inputs: dict[str, ir.TensorBase] = {}
    for value in node.inputs:
        if value is not None and value.name:
            if value.const_value is None:
                return None
            inputs[value.name] = value.const_value
    constant = ConstantNode(ir.node_proto(node), inputs, opset, where_of(node))
    types = constant.types() if inputs else None
    if types is None or not constant.can_run:
        return None
    room.take(constant.where, types.values())
    if node.op_type in FINDING or all(prod(shape) <= SMALL for _, shape in types.values()):
        arrays = computed(constant)
        return {name: ir.Tensor(arrays[name], name=name) for name in types}
    return {name: unread(constant, name, *type_) for name, type_ in types.items()}


def _sizes(node: ir.Node, shape: ir.Shape | None) -> Mapping[str, ir.TensorBase] | None:
    start, end = node.attributes.get_int("start", 0), node.attributes.get_int("end", None)
    sizes: Sequence[object] = [None] if shape is None else list(shape)[start:end]
    name = node.outputs[0].name
    if name is None or not all(isinstance(size, int) for size in sizes):
        return None
    return {name: ir.Tensor(np.asarray(sizes, np.int64), name=name)}


class _Room:
    """Counts the memory of computed constants: a Tile or an Expand may turn little into much."""

    def __init__(self, graph: ir.Graph) -> None:
        stored = sum(map(_bytes, graph.initializers.values()))
        self._limit = ROOM + ROOM_FOR_EACH_BYTE * stored
        self._taken = 0

    def take(self, where: str, types: Iterable[Type]) -> None:
        for dtype, shape in types:
            if any(size < 0 for size in shape):
                raise GraphError("it gives a negative size", where=where, received=shape)
            self._taken += ceil(ir.DataType(dtype).itemsize * prod(shape))
        if self._taken > self._limit:
            raise GraphError(
                "the constants that the graph computes would take too much memory",
                where=where,
                expected=f"at most {self._limit} bytes for all of them",
                received=f"{self._taken} bytes, with this node's",
                hint="is a size mistaken? Let the graph hold the numbers themselves, or compute "
                "them of its inputs",
            )


def _bytes(value: ir.Value) -> int:
    return 0 if value.const_value is None else value.const_value.nbytes


def _make_constant(graph: ir.Graph, value: ir.Value, tensor: ir.TensorBase) -> None:
    value.replace_all_uses_with(new_constant(graph, str(value.name), tensor))
