"""The float model that a quantized graph stands for: rounding left out, saturation kept.

A pair of QuantizeLinear and DequantizeLinear rounds numbers to steps, and limits them to what the
integers can hold. The limits are part of the model: where a net was quantized, a ReLU is often no
node, but a zero point at the least integer. So a pair becomes a Clip, and nothing only where the
numbers are within its limits anyway. Weights are the numbers that they are rounded to.

What an output gives as integers, and what reads an input's, stays quantized; so does what is
quantized by scales that are computed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from bridge import ir
from bridge.graph.fusion.matching import replace
from bridge.graph.lifting.writer import Writer
from bridge.graph.passes import simplify
from bridge.graph.quantization.grid import Grid, grid_of, is_a, operand
from bridge.graph.quantization.limits import (
    PICKING,
    Interval,
    Limits,
    clip_limits,
    is_interpolation,
    picked,
)
from bridge.graph.quantization.operators import DEFINITIONS, as_definitions
from bridge.graph.quantization.weights import dequantize_constants

QUANTIZED = frozenset((*DEFINITIONS, "DequantizeLinear", "QuantizeLinear"))


def to_floats(model: ir.Model) -> bool:
    """Makes a quantized graph the float model that it stands for, in place; whether this is another
    one: weights alone may be quantized. Raises GraphError as the passes do."""
    if not any(node.op_type in QUANTIZED for node in _all_nodes(model)):
        return False
    simplify(model)
    dequantize_constants(model.graph)
    before = _count(model)
    as_definitions(model)
    simplify(model)
    dequantize_constants(model.graph)
    _Floats(model.graph).take_pairs_out()
    simplify(model)
    return _count(model) != before


def _all_nodes(model: ir.Model) -> Sequence[ir.Node]:
    functions = (node for function in model.functions.values() for node in function.all_nodes())
    return [*model.graph.all_nodes(), *functions]


def _count(model: ir.Model) -> Counter[str]:
    return Counter(node.op_type for node in model.graph if node.op_type in QUANTIZED)


class _Floats:
    """The floats of quantized values, found from the inputs to the outputs."""

    def __init__(self, graph: ir.Graph) -> None:
        self._graph, self._limits = graph, Limits()
        self._floats: dict[ir.Value, tuple[ir.Value, Grid]] = {}
        self._nameless: set[ir.Value] = set()

    def take_pairs_out(self) -> None:
        for node in list(self._graph):
            if is_a(node, "QuantizeLinear"):
                self._quantized(node)
            elif is_a(node, "DequantizeLinear"):
                self._dequantized(node)
            elif not node.domain and (node.op_type in PICKING or is_interpolation(node)):
                self._picked(node)
            self._limits.add(node)

    def _quantized(self, node: ir.Node) -> None:
        x, grid = node.inputs[0], grid_of(node)
        if x is not None and grid is not None and x.const_value is None:
            self._floats[node.outputs[0]] = (self._saturated(node, x, grid), grid)

    def _dequantized(self, node: ir.Node) -> None:
        """Hands the floats on, if they are counted by the same steps."""
        q, y = node.inputs[0], node.outputs[0]
        floats, grid = (None, None) if q is None else self._floats.get(q, (None, None))
        if floats is None or grid != grid_of(node) or floats.dtype != y.dtype:
            return
        if y.is_graph_output():
            replace([node], "", "Identity", [floats])
            return
        if floats in self._nameless:  # it gets the name that the graph has for it
            self._nameless.remove(floats)
            floats.name, y.name = y.name, floats.name
        y.replace_all_uses_with(floats)

    def _picked(self, node: ir.Node) -> None:
        """What moves or picks integers does the same with the floats that they stand for."""
        indices = picked(node) if node.op_type in PICKING else (0,)
        operands = [operand(node, index) for index in indices]
        grids = {self._floats[value][1] for value in operands if value in self._floats}
        results = [value for value in node.outputs if value.name]
        if len(grids) != 1 or (len(results) > 1 and node.op_type != "Split"):
            return
        grid, w = grids.pop(), Writer(node)
        floats = [self._floats_of(w, value, grid) for value in operands]
        if grid.axis is not None or None in floats:
            return
        inputs = [*node.inputs, *[None] * (max(indices) + 1 - len(node.inputs))]
        for index, value in zip(indices, floats, strict=True):
            inputs[index] = value
        for old, new in zip(node.outputs, w.again(node, inputs), strict=True):
            new.shape, new.dtype = old.shape, ir.DataType.FLOAT
            self._floats[old] = (new, grid)
            self._nameless.add(new)
        self._graph.insert_after(node, w.nodes)
        self._limits.add(w.nodes[-1])

    def _floats_of(self, w: Writer, value: ir.Value | None, grid: Grid) -> ir.Value | None:
        """None for integers that are computed otherwise; the default of Pad is the integer 0."""
        if value is None:
            return w.constant(grid.floats(np.zeros((), np.int8)))
        if value.const_value is not None:
            return w.constant(grid.floats(value.const_value.numpy()))
        return self._floats.get(value, (None, grid))[0]

    def _saturated(self, node: ir.Node, x: ir.Value, grid: Grid) -> ir.Value:
        """x, limited to what the integers of a QuantizeLinear stand for."""
        w, producer = Writer(node), x.producer()
        if grid.axis is not None:
            y = _limited_along(w, x, grid)
        else:
            (low,), (high,) = (map(float, limit) for limit in grid.limits)
            least, most = self._limits.of(x)
            if low <= least and most <= high:
                return x
            y = _put_together(w, x, (low, high)) or w.one(
                "Clip",
                x,
                None if low <= least else w.like(x, low),
                None if most <= high else w.like(x, high),
            )
            if w.nodes[-1].inputs[0] is x:
                w.nodes[-1].name = f"{x.name if producer is None else producer.name}/clip"
            self._limits.known[y] = (max(low, least), min(high, most))
        y.shape, y.type = x.shape, x.type
        self._nameless.add(y)
        self._graph.insert_before(node, w.nodes)
        return y


def _put_together(w: Writer, x: ir.Value, limits: Interval) -> ir.Value | None:
    """The Relu or Clip that gives x, within these limits as well; None if there is none, or its
    result is needed by itself. It keeps its name."""
    node = x.producer()
    own = None if node is None else clip_limits(node)
    if node is None or own is None or len(x.uses()) > 1 or x.is_graph_output():
        return None
    low, high = (min(max(limit, limits[0]), limits[1]) for limit in own)
    y = w.one("Clip", node.inputs[0], w.like(x, low), w.like(x, high))
    w.nodes[-1].name = node.name
    return y


def _limited_along(w: Writer, x: ir.Value, grid: Grid) -> ir.Value:
    """Limits for each index of an axis."""
    rank = 0 if x.shape is None else len(x.shape)
    axis = 0 if grid.axis is None else grid.axis
    shape = [-1 if index == axis % rank else 1 for index in range(rank)]
    low, high = (limit.reshape(shape) for limit in grid.limits)
    return w.one("Min", w.one("Max", x, w.constant(low)), w.constant(high))
