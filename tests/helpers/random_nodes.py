"""The rows of all rules as nodes of a random graph: what is drawn for a rule by itself reads what
the graph has already, in whatever order that lies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st
from hypothesis.errors import UnsatisfiedAssumption

from tests.drawn import ROWS
from tests.helpers.graph_builder import Array, Graph, Shape
from tests.helpers.keras_against_onnx import OPSET
from tests.helpers.node_strategies import Drawn, Tensor, drawn_for

Row = tuple[str, int]

_REDUCTIONS = sorted(key for key in ROWS if key[0].startswith("Reduce"))

# What is written in another operator set than most, by that set.
ELSEWHERE: Mapping[int, Sequence[Row]] = {
    9: [("Slice", 1)],
    10: [("Clip", 6), ("RoiAlign", 10)],
    11: [
        *_REDUCTIONS,
        *(("Dropout", 1), ("Squeeze", 1), ("Unsqueeze", 1), ("Split", 1)),
        *[("Softmax", 1)] * 3,  # which is another operator there than later
    ],
    16: [("RoiAlign", 16)],
    18: [*_REDUCTIONS, ("Mish", 1), ("Pad", 11), ("Split", 1)],
    20: [("Gelu", 1), ("IsInf", 1), ("IsNaN", 1)],
}
# Shape is drawn by `counted`.
HERE = sorted(ROWS.keys() - {("Shape", 1)})

# Two runtimes may differ in the last digit, of which these make a whole step, or, dividing by what
# is nearly nothing, as much as they like. So they read what is equal to the last digit.
_STEPPED = frozenset(
    """
    ArgMax ArgMin Cast Ceil Equal Floor Greater GreaterOrEqual GridSample IsInf IsNaN Less
    LessOrEqual LpNormalization MaxRoiPool Mod NonMaxSuppression NonZero RoiAlign Round Sign
    ThresholdedRelu TopK
    """.split()
)
# It takes equal numbers from each other, and divides by what the runtime leaves of them.
_BY_ITSELF = frozenset(["MeanVarianceNormalization"])
# All but the first of what they read are places of an image.
_OF_PLACES = frozenset(["GridSample", "MaxRoiPool", "RoiAlign"])
# Nothing can be said of their sizes before they run, so no later node reads them.
_OF_UNKNOWN_SIZE = frozenset(["Compress", "NonMaxSuppression", "NonZero"])
# They are defined, or tame, only where the numbers are that are drawn for them.
_CONFINED = frozenset(
    """
    Acos Acosh Asin Atanh Cosh Div Exp Log Pow Reciprocal ReduceLogSum ReduceLogSumExp ReduceProd
    Sinh Sqrt Tan
    """.split()
)
_MOST = 1e4


def by_row(g: Graph, x: str, shape: Shape) -> bool:
    """Any operator of the raise table, as its row has it."""
    if g.free_batch:
        return counted(g, x, shape)
    keys = HERE if g.opset == OPSET else ELSEWHERE[g.opset]
    key = keys[g.generator.integers(len(keys))]  # hypothesis would draw the same few ones
    try:
        with drawn_for(shape):
            drawn = g.draw(ROWS[key])
    except UnsatisfiedAssumption:  # no such node over this shape, and the graph goes on without
        return False
    if drawn.opset != g.opset:
        return False
    return _attempt(g, x, drawn)


def counted(g: Graph, x: str, shape: Shape) -> bool:
    """A free batch, counted: where it is known, this would be a constant."""
    g.add("Shape", [x], [f"shape/{len(g.nodes)}"], end=1)
    return True


def _attempt(g: Graph, x: str, drawn: Drawn) -> bool:
    """Adds a node, unless its numbers are none that can be compared."""
    changed = replace(
        g,
        shapes=dict(g.shapes),
        exact=set(g.exact),
        feeds=dict(g.feeds),
        nodes=list(g.nodes),
        constants=list(g.constants),
    )
    results = changed.run(_added(changed, x, drawn))
    if not all(map(_is_tame, results.values())):
        return False
    if drawn.operators[-1] not in _OF_UNKNOWN_SIZE:
        floats = {name: each.shape for name, each in results.items() if each.dtype == np.float32}
        changed.shapes |= {name: shape for name, shape in floats.items() if shape}
    vars(g).update(vars(changed))
    return True


def _is_tame(array: Array) -> bool:
    return bool(np.isfinite(array).all() and np.abs(array.astype(float)).max(initial=0) < _MOST)


def _added(g: Graph, x: str, drawn: Drawn) -> list[str]:
    """The names of the results of the nodes that were added."""
    operands = [_operand(g, x, drawn, index) for index in range(len(drawn.operands))]
    *others, last = drawn.operators
    for operator in others:
        operands[:2] = [g.node(operator, operands[:2], ())]
        del g.shapes[operands[0]]
    outputs = [f"{last.lower()}/{len(g.nodes)}:{i}" for i in range(drawn.outputs)]
    outputs = ["" if i in drawn.absent else name for i, name in enumerate(outputs)]
    g.add(last, operands, outputs, **drawn.attributes)
    return [name for name in outputs if name]


def _operand(g: Graph, x: str, drawn: Drawn, index: int) -> str:
    """A value of the graph where one can be read, preferably x; else an input of its own."""
    operand = drawn.operands[index]
    if operand is None:
        return ""
    if not isinstance(operand, Tensor):
        return g.constant(np.asarray(operand))
    array, operators = operand.values, frozenset(drawn.operators)
    alone = operators & _BY_ITSELF or (index > 0 and operators & _OF_PLACES)
    names = [name for name, shape in g.shapes.items() if shape == array.shape]
    if operators & _STEPPED:
        names = [name for name in names if name in g.exact]
    if array.dtype != np.float32 or alone or not names:
        return g.input(array)
    name = x if x in names else g.draw(st.sampled_from(names))
    if not operators & _CONFINED:
        return name
    ends = [g.constant(np.asarray(each)) for each in (array.min(), array.max())]
    return g.node("Clip", [name, *ends], array.shape)
