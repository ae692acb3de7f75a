"""Names the nodes and values of an ONNX graph after Keras layers instead of TensorFlow's scopes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import count

import onnx
from onnx import TensorProto, defs

from bridge.graph.fusion import MOVING, RECURRENT

_FLOATS = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE}

_SCOPE = re.compile(r"^operation(\d+)/")


def scope(number: int) -> str:
    """TensorFlow's scope for a call, by which its nodes are recognised."""
    return f"operation{number}/"


def name_nodes(graph: onnx.GraphProto, layers: Sequence[str]) -> None:
    """Names nodes after the layers of their calls.

    The last node of a layer that has weights gets its name, or else the last that computes, as
    tf2onnx moves transposes past other layers; the rest are `<layer>/<operator>`. The rest of a
    batch normalisation keeps TensorFlow's name, by which raising recognises it.
    """
    numbers = _numbers(graph)
    arrays = {t.name for t in graph.initializer if t.dims and t.data_type in _FLOATS}
    by_weight = sorted(range(len(numbers)), key=lambda index: _weight(graph.node[index], arrays))
    last = {numbers[index]: index for index in by_weight}
    taken: Counter[str] = Counter()
    for index, (node, number) in enumerate(zip(graph.node, numbers, strict=True)):
        if number is None:
            continue
        name, tail = layers[number], node.name.partition("/batchnorm/")[2]
        if tail:
            name = f"{name}/batchnorm/{tail}"
        elif last[number] != index:
            name = f"{name}/{node.op_type.lower()}"
        taken[name] += 1
        node.name = name if taken[name] == 1 else f"{name}_{taken[name]}"


def _weight(node: onnx.NodeProto, arrays: set[str]) -> int:
    """How well a node stands for its layer: better if it computes, best if it has weights."""
    return 0 if node.op_type in MOVING else 1 + bool(arrays.intersection(node.input))


def _numbers(graph: onnx.GraphProto) -> list[int | None]:
    """The call to which each node belongs, by its own name or by that of its weights.

    A node that replaces a whole loop has neither, and belongs to the consumer of its result.
    """
    computed = {name for node in graph.node for name in node.output}
    consumer = {name: index for index, node in enumerate(graph.node) for name in node.input}
    numbers: list[int | None] = [None] * len(graph.node)
    for index, node in reversed(list(enumerate(graph.node))):
        names = (node.name, *node.output, *(name for name in node.input if name not in computed))
        match = next(filter(None, map(_SCOPE.match, names)), None)
        consumers = [consumer[name] for name in node.output if name in consumer]
        if match:
            numbers[index] = int(match[1])
        elif consumers and node.op_type in RECURRENT | MOVING:
            numbers[index] = numbers[consumers[0]]
    return numbers


def name_values(graph: onnx.GraphProto) -> None:
    """Names an output of a node after the node, `conv1:0`, and a weight after its first consumer
    and ONNX's name for the input, `conv1.W`.

    The bare name would be that of a Caffe blob, which is another value if layers work in place.
    """
    if any(attribute.HasField("g") for node in graph.node for attribute in node.attribute):
        return  # the body of a loop reads values by their names
    names = _new_names(graph)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for tensor in graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    for info in graph.value_info:
        info.name = names.get(info.name, info.name)


def _new_names(graph: onnx.GraphProto) -> dict[str, str]:
    weights = {tensor.name for tensor in graph.initializer}
    fixed = {info.name for info in (*graph.input, *graph.output)}
    names, taken = {name: name for name in fixed}, set(fixed)
    for node in graph.node:
        words = [entry.name for entry in defs.get_schema(node.op_type, domain=node.domain).inputs]
        renamed = [
            (name, f"{node.name}.{words[min(index, len(words) - 1)]}")
            for index, name in enumerate(node.input)
            if name in weights
        ]
        renamed += [
            (name, f"{node.name}:{index}") for index, name in enumerate(node.output) if name
        ]
        for old, new in renamed:
            if old not in names:
                names[old] = _free(new, taken)
    return names


def _free(name: str, taken: set[str]) -> str:
    """The name, with a number if it is taken."""
    numbered = (name if number == 1 else f"{name}_{number}" for number in count(1))
    free = next(candidate for candidate in numbered if candidate not in taken)
    taken.add(free)
    return free
