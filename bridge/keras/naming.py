"""The names of layers, for an ONNX graph that has TensorFlow's."""

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
    """TensorFlow's scope for a call, by which its nodes are known again."""
    return f"operation{number}/"


def name_nodes(graph: onnx.GraphProto, layers: Sequence[str]) -> None:
    """Names nodes after the layers that the calls are of.

    Of each layer the last node with weights has its name, else the last that computes, for tf2onnx
    carries moves past other layers; the rest are `<layer>/<operator>`. What is left of a batch
    normalisation keeps TensorFlow's words, by which raising knows it.
    """
    numbers = _numbers(graph)
    arrays = {each.name for each in graph.initializer if each.dims and each.data_type in _FLOATS}
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
    """How much a node is its layer: more if it computes, and most if it has weights."""
    return 0 if node.op_type in MOVING else 1 + bool(arrays.intersection(node.input))


def _numbers(graph: onnx.GraphProto) -> list[int | None]:
    """Which call each node belongs to: by its own name, or by that of its weights.

    What tf2onnx makes of a whole loop has neither, and belongs to what reads its result.
    """
    made = {name for node in graph.node for name in node.output}
    reader = {name: index for index, node in enumerate(graph.node) for name in node.input}
    numbers: list[int | None] = [None] * len(graph.node)
    for index, node in reversed(list(enumerate(graph.node))):
        names = (node.name, *node.output, *(name for name in node.input if name not in made))
        found = next(filter(None, map(_SCOPE.match, names)), None)
        behind = [reader[name] for name in node.output if name in reader]
        if found:
            numbers[index] = int(found[1])
        elif behind and node.op_type in RECURRENT | MOVING:
            numbers[index] = numbers[behind[0]]
    return numbers


def name_values(graph: onnx.GraphProto) -> None:
    """Names what a node gives after the node, `conv1:0`, and a weight after the first node that
    reads it and ONNX's word for it there, `conv1.W`.

    By the bare name goes a blob of Caffe's, which is another value where layers work in place.
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
    weights = {each.name for each in graph.initializer}
    ends = {each.name for each in (*graph.input, *graph.output)}
    names, taken = {name: name for name in ends}, set(ends)
    for node in graph.node:
        words = [each.name for each in defs.get_schema(node.op_type, domain=node.domain).inputs]
        found = [
            (name, f"{node.name}.{words[min(index, len(words) - 1)]}")
            for index, name in enumerate(node.input)
            if name in weights
        ]
        found += [(name, f"{node.name}:{index}") for index, name in enumerate(node.output) if name]
        for old, new in found:
            if old not in names:
                names[old] = _free(new, taken)
    return names


def _free(name: str, taken: set[str]) -> str:
    """The name, or with a number, as no other has it."""
    numbered = (name if number == 1 else f"{name}_{number}" for number in count(1))
    found = next(each for each in numbered if each not in taken)
    taken.add(found)
    return found
