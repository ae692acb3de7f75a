"""Loop and Scan, whose body is written once for each of their steps where the number of steps is
known: Keras's own loops take no weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from bridge import ir
from bridge.graph.lifting.writer import Writer, rewrite

MAX_NODES = 5_000
"""The most nodes that a loop may become."""


def unroll_loops(model: ir.Model) -> bool:
    """Replaces each Loop and Scan by what its steps compute; whether there was one.

    Stays as it is: one whose number of steps is not a constant or whose condition the steps
    compute, one that would be more than MAX_NODES, and one over sequences.
    """
    unrolled = False
    for node in list(model.graph):
        steps = _steps(node)
        if (
            steps is not None
            and steps * max(1, len(node.attributes["body"].as_graph())) <= MAX_NODES
        ):
            rewrite(node, partial(_FORMS[node.op_type], steps=steps))
            unrolled = True
    return unrolled


def _steps(node: ir.Node) -> int | None:
    """The number of a loop's steps, None if it is not known, or the node is none."""
    if node.domain or node.op_type not in _FORMS or not _has_tensors(node):
        return None
    return _length(node) if node.op_type == "Scan" else _trips(node)


def _has_tensors(node: ir.Node) -> bool:
    body, first = node.attributes["body"].as_graph(), 2 if node.op_type == "Loop" else 0
    if None in node.inputs[first:]:
        return False
    values = (*_known(node.inputs), *body.inputs, *body.outputs)
    return all(value.type is None or isinstance(value.type, ir.TensorType) for value in values)


def _trips(loop: ir.Node) -> int | None:
    trips, condition, *_ = loop.inputs
    body = loop.attributes["body"].as_graph()
    number = None if trips is None else _constant(trips)
    begins = 1 if condition is None else _constant(condition)
    if number is None or begins is None:
        return None
    goes_on = _origin(body.outputs[0])
    if not begins or number < 0:
        number = 0
    if number > 1 and goes_on is not body.inputs[1] and not _constant(goes_on):
        return None
    scans = len(body.outputs) - len(loop.inputs) + 1
    return None if number == 0 and scans else int(number)


def _origin(value: ir.Value) -> ir.Value:
    """The value of which another is a copy."""
    node = value.producer()
    while node is not None and node.op_type in ("Cast", "Identity") and node.inputs[0] is not None:
        value = node.inputs[0]
        node = value.producer()
    return value


def _constant(value: ir.Value) -> float | None:
    constant = value.const_value
    return None if constant is None or constant.size != 1 else constant.numpy().item()


def _length(scan: ir.Node) -> int | None:
    count = scan.attributes.get_int("num_scan_inputs", 0)
    lengths = set()
    for value, axis in zip(scan.inputs[-count:], _numbers(scan, "input_axes", count), strict=True):
        shape = None if value is None else value.shape
        lengths.add(None if shape is None else shape[axis])
    (length, *others) = lengths
    return length if isinstance(length, int) and length > 0 and not others else None


def _numbers(scan: ir.Node, name: str, count: int) -> Sequence[int]:
    return scan.attributes.get_ints(f"scan_{name}", None) or [0] * count


def _unrolled_loop(w: Writer, loop: ir.Node, steps: int) -> Sequence[ir.Value]:
    body = _hoisted(loop)
    condition, states = w.constant(np.asarray(True)), _known(loop.inputs[2:])
    scans: list[list[ir.Value]] = []
    for index in range(steps):
        number = w.constant(np.asarray(index, np.int64))
        _, *results = _step(w, body, [number, condition, *states], index)
        states = results[: len(states)]
        scans.append(results[len(states) :])
    stacked = [_stacked(w, parts, 0) for parts in zip(*scans, strict=True)]
    return [*(w.one("Identity", state) for state in states), *stacked]


def _unrolled_scan(w: Writer, scan: ir.Node, steps: int) -> Sequence[ir.Value]:
    body, count = _hoisted(scan), scan.attributes.get_int("num_scan_inputs", 0)
    states, sequences = _known(scan.inputs[:-count]), scan.inputs[-count:]
    outputs = len(body.outputs) - len(states)
    axes, backwards = (_numbers(scan, f"input_{name}", count) for name in ("axes", "directions"))
    scans: list[list[ir.Value]] = []
    for index in range(steps):
        positions = [steps - 1 - index if back else index for back in backwards]
        elements = [
            w.one("Gather", x, w.constant(np.asarray(position, np.int64)), axis=axis)
            for x, position, axis in zip(sequences, positions, axes, strict=True)
        ]
        results = _step(w, body, [*states, *elements], index)
        states = results[: len(states)]
        scans.append(results[len(states) :])
    axes, backwards = (_numbers(scan, f"output_{name}", outputs) for name in ("axes", "directions"))
    columns = zip(zip(*scans, strict=True), axes, backwards, strict=True)
    stacked = [_stacked(w, parts[::-1] if back else parts, axis) for parts, axis, back in columns]
    return [*(w.one("Identity", state) for state in states), *stacked]


_FORMS = {"Loop": _unrolled_loop, "Scan": _unrolled_scan}


def _known(values: Sequence[ir.Value | None]) -> list[ir.Value]:
    return [value for value in values if value is not None]


def _hoisted(loop: ir.Node) -> ir.Graph:
    """The body of a loop, whose constants are the graph's now: all steps have them in common."""
    graph, body = loop.graph, loop.attributes["body"].as_graph()
    constants = list(body.initializers.values())
    body.initializers.clear()
    for constant in constants:
        constant.name = f"{loop.name or loop.outputs[0].name}/{constant.name}"
        if graph is not None:
            graph.register_initializer(constant)
    return body


def _step(w: Writer, body: ir.Graph, arguments: Sequence[ir.Value], index: int) -> list[ir.Value]:
    """Writes one step; its results."""
    copy = ir.copied_graph(body)
    passed = dict(zip(copy.inputs, arguments, strict=True))
    nodes, results = list(copy), [passed.get(result, result) for result in copy.outputs]
    copy.outputs.clear()
    copy.remove(nodes)
    for parameter, argument in passed.items():
        parameter.replace_all_uses_with(argument)
    w.put(nodes, index)
    return results


def _stacked(w: Writer, parts: Sequence[ir.Value], axis: int) -> ir.Value:
    axes = w.constant([axis])
    return w.one("Concat", *(w.one("Unsqueeze", part, axes) for part in parts), axis=axis)
