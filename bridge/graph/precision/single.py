"""Graphs of half precision, computed in single: float16 and bfloat16 are how their numbers are
stored, and what goes in and comes out has these dtypes.

onnxruntime computes such a graph so on a CPU, and rounds only what it gives out: its kernels are of
single precision, and it takes out the rounding between them. Keras's layers compute in single as
well, unless each is told otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bridge import ir
from bridge.graph.fusion.matching import replace

_NARROW = (10, 16)  # ONNX's numbers of float16 and bfloat16
_SINGLE = 1
# Attributes that name the dtype of a result.
_DTYPES = ("to", "dtype", "output_dtype")


def to_single(model: ir.Model) -> None:
    """Makes every value of half precision one of single, in place, between a Cast of each input and
    of each output. Casts from one to the other are none then."""
    graph = model.graph
    if not is_half(model):
        return
    kept = _narrow_values_to_keep(graph)
    for value in list(_values(graph)):
        if _is_narrow(value) and value not in kept:
            _widen(value)
    for node in list(graph.all_nodes()):
        if kept.isdisjoint(node.outputs):
            _widen_attributes(node)
            _drop_idle_cast(node)


def _narrow_values_to_keep(graph: ir.Graph) -> set[ir.Value]:
    """Inputs, outputs and what a BitCast reads and gives, behind and before a Cast of each."""
    kept = set[Any]()
    for node in list(graph.all_nodes()):
        if node.op_type == "BitCast" and not node.domain:
            kept |= _around_bits(node)
    for index, value in enumerate(graph.outputs):
        if _is_narrow(value) and not value.is_graph_input():
            graph.outputs[index] = _narrowed_output(graph, value)
            kept.add(graph.outputs[index])
    for value in graph.inputs:
        if _is_narrow(value) and value.const_value is None:
            _widen_uses(graph, value)
            kept.add(value)
    return kept


def may_be_half(model: ir.Model) -> bool:
    """Whether a graph that has not gone through the passes names half precision at all."""
    named = (
        node.attributes.get_int(name, 0) in _NARROW
        for node in model.graph.all_nodes()
        for name in _DTYPES
        if not node.domain
    )
    return any(map(_is_narrow, _values(model.graph))) or any(named)


def is_half(model: ir.Model) -> bool:
    """Whether some value within is of half precision: of what more than a Cast reads or gives."""
    graph, casts = model.graph, ("Cast", "CastLike")
    nodes = (node for node in graph.all_nodes() if node.op_type not in casts)
    values = (value for node in nodes for value in (*node.inputs, *node.outputs))
    return any(map(_is_narrow, values))


def _values(graph: ir.Graph) -> Iterator[ir.Value]:
    """Those of the graph, and of the graphs within it."""
    graphs = [graph]
    while graphs:
        graph = graphs.pop()
        yield from (*graph.inputs, *graph.initializers.values())
        for node in graph:
            yield from node.outputs
            graphs += node.subgraphs()


def _is_narrow(value: ir.Value | None) -> bool:
    return value is not None and value.dtype is not None and value.dtype.value in _NARROW


def _cast(x: ir.Value, dtype: int, name: str) -> ir.Node:
    node = ir.node("Cast", [x], {"to": dtype}, name=f"{name}/cast")
    node.outputs[0].name, node.outputs[0].shape = name, x.shape
    node.outputs[0].dtype = ir.DataType(dtype)
    return node


def _narrowed_output(graph: ir.Graph, value: ir.Value) -> ir.Value:
    """The output of the graph, with its name, in its dtype."""
    name = str(value.name)
    graph.rename(value, f"{name}/single")
    node = _cast(value, _number(value), name)
    graph.append(node)
    return node.outputs[0]


def _widen_uses(graph: ir.Graph, value: ir.Value) -> None:
    """Has all nodes read an input in single precision."""
    uses = list(value.uses())
    node = _cast(value, _SINGLE, f"{value.name}/single")
    for consumer, index in uses:
        consumer.replace_input_with(index, node.outputs[0])
    if uses:
        graph.insert_before(graph[0], node)


def _around_bits(node: ir.Node) -> set[ir.Value]:
    """Has a BitCast read and give numbers of half precision, which these are."""
    graph, x, y = node.graph, node.inputs[0], node.outputs[0]
    kept = set[Any]()
    if graph is not None and x is not None and _is_narrow(x):
        before = _cast(x, _number(x), f"{y.name}/half")
        graph.insert_before(node, before)
        node.replace_input_with(0, before.outputs[0])
        kept.add(before.outputs[0])
    if graph is not None and _is_narrow(y):
        uses = list(y.uses())
        after = _cast(y, _SINGLE, f"{y.name}/single")
        graph.insert_after(node, after)
        for consumer, index in uses:
            consumer.replace_input_with(index, after.outputs[0])
        kept.add(y)
    return kept


def _number(value: ir.Value) -> int:
    return 0 if value.dtype is None else value.dtype.value


def _widen(value: ir.Value) -> None:
    """The value in single precision; the numbers of a constant when they are read."""
    narrow = value.const_value
    value.dtype = ir.DataType.FLOAT
    if narrow is not None:
        value.const_value = ir.LazyTensor(
            lambda: ir.Tensor(narrow.numpy().astype(np.float32), name=value.name),
            dtype=ir.DataType.FLOAT,
            shape=ir.Shape(narrow.shape.numpy()),
            name=value.name,
        )


def _widen_attributes(node: ir.Node) -> None:
    for name in _DTYPES if not node.domain else ():
        if node.attributes.get_int(name, 0) in _NARROW:
            node.attributes[name] = ir.attribute(name, _SINGLE)
    value = node.attributes.get("value")
    if value is not None and value.type == ir.AttributeType.TENSOR:
        tensor = value.as_tensor()
        if tensor.dtype.value in _NARROW:
            wide = ir.Tensor(tensor.numpy().astype(np.float32))
            node.attributes["value"] = ir.attribute("value", wide)


def _drop_idle_cast(node: ir.Node) -> None:
    """Of what is in single precision already."""
    x, y = node.inputs[0] if node.inputs else None, node.outputs[0]
    if node.op_type != "Cast" or node.domain or x is None or x.dtype != y.dtype:
        return
    if y.is_graph_output():
        replace([node], "", "Identity", [x])
    else:
        y.replace_all_uses_with(x)
        if node.graph is not None:
            node.graph.remove(node, safe=True)
