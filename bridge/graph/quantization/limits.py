"""Between which numbers the values of a graph are, as far as their operators say it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np

from bridge import ir
from bridge.graph.quantization.grid import constants, operand

Interval = tuple[float, float]
ANY: Interval = (-inf, inf)

# The results of some operators, whatever they read.
_RESULTS: dict[str, Interval] = {
    "Abs": (0.0, inf),
    "Exp": (0.0, inf),
    "HardSigmoid": (0.0, 1.0),
    "Sigmoid": (0.0, 1.0),
    "Softmax": (0.0, 1.0),
    "Softplus": (0.0, inf),
    "Sqrt": (0.0, inf),
    "Tanh": (-1.0, 1.0),
}

# Operators whose results are numbers that they read, moved or chosen.
PICKING = frozenset(
    """
    Concat DepthToSpace Expand Flatten Gather GatherElements GatherND Identity Max MaxPool Min Pad
    ReduceMax ReduceMin Reshape Slice SpaceToDepth Split Squeeze Tile Transpose Unsqueeze Where
    """.split()
)
_OF_ALL = frozenset(("Concat", "Max", "Min"))
_OF_SOME = {"Pad": (0, 2), "Where": (1, 2)}
_AVERAGING = frozenset("AveragePool Dropout GlobalAveragePool GlobalMaxPool ReduceMean".split())


def picked(node: ir.Node) -> Sequence[int]:
    """The indices of the inputs from which an operator has its numbers."""
    if node.op_type in _OF_ALL:
        return range(len(node.inputs))
    return _OF_SOME.get(node.op_type, (0,))


def is_interpolation(node: ir.Node) -> bool:
    """Whether it is a Resize whose results are averages of its input's numbers."""
    of = node.attributes
    return (
        node.op_type == "Resize"
        and of.get_string("mode", "nearest") in ("nearest", "linear")
        and of.get_string("coordinate_transformation_mode", "half_pixel") != "tf_crop_and_resize"
    )


@dataclass
class Limits:
    """The intervals of values, to which nodes are added in the graph's order."""

    known: dict[ir.Value, Interval] = field(default_factory=dict)

    def of(self, value: ir.Value | None) -> Interval:
        if value is not None and value.const_value is not None and value.const_value.size == 1:
            number = float(value.const_value.numpy().item())
            return number, number
        return ANY if value is None else self.known.get(value, ANY)

    def add(self, node: ir.Node) -> None:
        interval = ANY if node.domain else self._result(node)
        if interval != ANY:
            self.known.update(dict.fromkeys(node.outputs, interval))

    def _result(self, node: ir.Node) -> Interval:
        kind = node.op_type
        low, high = self.of(operand(node, 0))
        if kind in _RESULTS:
            return _RESULTS[kind]
        if kind == "Relu":
            return max(low, 0.0), max(high, 0.0)
        if kind == "Clip":
            least, most = clip_limits(node) or ANY
            return min(max(low, least), most), min(max(high, least), most)
        if kind in PICKING:
            return _hull([self._of_operand(node, index) for index in picked(node)])
        counted = node.attributes.get_int("count_include_pad", 0)
        if kind == "AveragePool" and counted:
            return min(low, 0.0), max(high, 0.0)
        return (low, high) if kind in _AVERAGING or is_interpolation(node) else ANY

    def _of_operand(self, node: ir.Node, index: int) -> Interval:
        value = operand(node, index)
        return (0.0, 0.0) if value is None else self.of(value)  # Pad's default


def _hull(intervals: Sequence[Interval]) -> Interval:
    return min(low for low, _ in intervals), max(high for _, high in intervals)


def clip_limits(node: ir.Node) -> Interval | None:
    """The limits of a Clip or a Relu; None where they are computed, or for another node."""
    if node.op_type == "Relu":
        return 0.0, inf
    limits = [operand(node, 1), operand(node, 2)]
    known = constants(*(limit for limit in limits if limit is not None))
    if node.op_type != "Clip" or known is None:
        return None
    numbers = iter(known)
    low, high = (
        default if limit is None else float(np.asarray(next(numbers)).item())
        for limit, default in zip(limits, ANY, strict=True)
    )
    return low, high
