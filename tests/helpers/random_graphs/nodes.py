"""The strategies of all rules as a source of nodes for random graphs: a node that is drawn for one
rule reads values that the graph has already, in whatever layout they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st
from hypothesis.errors import UnsatisfiedAssumption

from tests.helpers.keras_against_onnx import OPSET
from tests.helpers.random_graphs.builder import Array, Graph, Shape
from tests.helpers.strategies.nodes import Key, NodeExample, Tensor, preferring
from tests.helpers.strategies.rules import STRATEGIES

_REDUCTIONS = sorted(key for key in STRATEGIES if key[0].startswith("Reduce"))

# What is written in another operator set than OPSET, by that set.
OTHER_OPSETS: Mapping[int, Sequence[Key]] = {
    9: [("Slice", 1)],
    10: [("RoiAlign", 10)],
    11: [
        *_REDUCTIONS,
        *(("Dropout", 1), ("Squeeze", 1), ("Unsqueeze", 1), ("Split", 1)),
        *[("Softmax", 1)] * 3,  # which is another operator there than later
    ],
    16: [("RoiAlign", 16)],
    18: [*_REDUCTIONS, ("Mish", 1), ("Pad", 11), ("Split", 1)],
    20: [("Gelu", 1), ("IsInf", 1), ("IsNaN", 1)],
}
# Shape is added by `count_batch`.
USUAL = sorted(STRATEGIES.keys() - {("Shape", 1)})

# Two runtimes may differ in the last digit. These turn that into a whole step, or, dividing by
# almost 0, into anything. So they read values that are equal to the last digit.
_UNSTABLE = frozenset(
    """
    ArgMax ArgMin Cast CastLike Ceil Equal Floor Greater GreaterOrEqual GridSample IsInf IsNaN Less
    LessOrEqual LpNormalization MaxRoiPool Mod NonMaxSuppression NonZero RoiAlign Round Shrink
    Sign ThresholdedRelu TopK Unique
    """.split()
)
# It subtracts equal numbers, and divides by what the runtime leaves of them.
_INPUTS_ONLY = frozenset(["MeanVarianceNormalization"])
# All but the first of their operands are positions in an image; or onnxruntime 1.32.0 writes into
# them, where two are one value.
_OWN_OPERANDS = frozenset(["BatchNormalization", "GridSample", "MaxRoiPool", "RoiAlign"])
# Their sizes are unknown before they run, so no later node reads them.
_OF_UNKNOWN_SIZE = frozenset(["Compress", "NonMaxSuppression", "NonZero", "Unique"])
# Of these as well, where what says the sizes is an input of whole numbers.
_SIZED_BY_OPERANDS = frozenset(
    "CenterCropPad ConstantOfShape Expand OneHot Pad Range Reshape Resize Slice Tile".split()
)
# They are defined, or moderate, only within the range that their strategies draw from.
_CLIPPED = frozenset(
    """
    Acos Acosh Asin Atanh Cosh Div Exp Log Pow Reciprocal ReduceLogSum ReduceLogSumExp ReduceProd
    Sinh Sqrt Tan
    """.split()
)
MAX_ABSOLUTE = 1e4


def any_rule(g: Graph, x: str, shape: Shape) -> bool:
    """A node of any operator of the raise table, from its strategy."""
    if g.free_batch:
        return count_batch(g, x, shape)
    keys = USUAL if g.opset == OPSET else OTHER_OPSETS[g.opset]
    key = keys[g.generator.integers(len(keys))]  # hypothesis would draw the same few ones
    try:
        with preferring(shape):
            example = g.draw(STRATEGIES[key])
    except UnsatisfiedAssumption:  # no such node over this shape: the graph goes on without it
        return False
    if example.opset != g.opset:
        return False
    return _attempt(g, x, example)


def count_batch(g: Graph, x: str, shape: Shape) -> bool:
    """The size of a free batch; that of a known one would be a constant."""
    g.add("Shape", [x], [f"shape/{len(g.nodes)}"], end=1)
    return True


def _attempt(g: Graph, x: str, example: NodeExample) -> bool:
    """Adds a node, unless its results are numbers that cannot be compared."""
    changed = replace(
        g,
        shapes=dict(g.shapes),
        exact=set(g.exact),
        feeds=dict(g.feeds),
        nodes=list(g.nodes),
        constants=list(g.constants),
    )
    results = changed.run(_add(changed, x, example))
    if not all(map(_is_moderate, results.values())):
        return False
    if not _is_of_unknown_size(example):
        floats = {name: x.shape for name, x in results.items() if x.dtype == np.float32}
        changed.shapes |= {name: shape for name, shape in floats.items() if shape}
    vars(g).update(vars(changed))
    return True


def _is_of_unknown_size(example: NodeExample) -> bool:
    last = example.operators[-1]
    inputs = [operand.values for operand in example.operands if isinstance(operand, Tensor)]
    sized = last in _SIZED_BY_OPERANDS and any(array.dtype.kind == "i" for array in inputs)
    return sized or last in _OF_UNKNOWN_SIZE


def _is_moderate(array: Array) -> bool:
    return bool(
        np.isfinite(array).all() and np.abs(array.astype(float)).max(initial=0) < MAX_ABSOLUTE
    )


def _add(g: Graph, x: str, example: NodeExample) -> list[str]:
    """Adds the nodes of an example; the names of their results."""
    operands = [_operand(g, x, example, index) for index in range(len(example.operands))]
    *others, last = example.operators
    for operator in others:
        operands[:2] = [g.node(operator, operands[:2], ())]
        del g.shapes[operands[0]]
    outputs = [f"{last.lower()}/{len(g.nodes)}:{i}" for i in range(example.outputs)]
    outputs = ["" if i in example.absent else name for i, name in enumerate(outputs)]
    g.add(last, operands, outputs, **example.attributes)
    return [name for name in outputs if name]


def _operand(g: Graph, x: str, example: NodeExample, index: int) -> str:
    """A value of the graph where one can be read, preferably x; else an input of its own."""
    operand = example.operands[index]
    if operand is None:
        return ""
    if not isinstance(operand, Tensor):
        return g.constant(np.asarray(operand))
    array, operators = operand.values, frozenset(example.operators)
    inputs_only = operators & _INPUTS_ONLY or (index > 0 and operators & _OWN_OPERANDS)
    names = [name for name, shape in g.shapes.items() if shape == array.shape]
    if operators & _UNSTABLE:
        names = [name for name in names if name in g.exact]
    if array.dtype != np.float32 or inputs_only or not names:
        return g.input(array)
    name = x if x in names else g.draw(st.sampled_from(names))
    if not operators & _CLIPPED:
        return name
    bounds = [g.constant(np.asarray(bound)) for bound in (array.min(), array.max())]
    return g.node("Clip", [name, *bounds], array.shape)
