"""How far two values may be apart, by what made them.

Nothing is ever allowed more than 1e-4 · (1 + max|expected|). Operators that copy or pick numbers
compute nothing, so they are held to more than that: what they give cannot differ by more than
what they were given. Operators that choose give positions, which are right or wrong.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bridge.check.compare import RELATIVE, Row

# What two runtimes may make of the same sum, inputs being equal: some rounding of float32.
NOISE = 1e-6


@dataclass(frozen=True)
class Tolerance:
    """A class of operators, by ONNX's, Keras's and Caffe's names, and what it is held to."""

    name: str
    allowed: str
    operators: frozenset[str] = frozenset()


_COPYING = """
    Abs AbsVal Clip Concat Concatenate Crop DepthToSpace Dropout Expand Flatten Gather
    GlobalMaxPool GlobalMaxPooling2D Identity Max MaxPool MaxPooling1D MaxPooling2D
    MaxPooling3D Neg Pad Permute ReLU Relu Reshape Slice SpaceToDepth Split Squeeze Tile
    Transpose Unsqueeze ZeroPadding1D ZeroPadding2D ZeroPadding3D
"""

COPIES = Tolerance(
    "copies and picks",
    "1e-6 · (1 + max) more than the inputs differ",
    frozenset(_COPYING.split()),
)
CHOOSES = Tolerance(
    "chooses",
    "nothing: positions and truth values are equal",
    frozenset(
        ["ArgMax", "ArgMin", "Equal", "Greater", "Less", "NonMaxSuppression", "NonZero", "Not"]
    ),
)
COMPUTES = Tolerance("computes", "1e-4 · (1 + max)")

CLASSES = (COPIES, CHOOSES, COMPUTES)


def class_of(operators: Collection[str]) -> Tolerance:
    """The class of what several operators in a row give: the strictest that holds all of them."""
    fits = (each for each in CLASSES if operators and each.operators.issuperset(operators))
    return next(fits, COMPUTES)


def limit(row: Row, kind: Tolerance, inputs: Collection[Row]) -> float:
    """What a row is allowed, given its limit as a sum and the rows of what it was made from."""
    if kind is COPIES and all(each.ok for each in inputs):
        size = row.limit / RELATIVE
        return min(row.limit, NOISE * size + max((each.error for each in inputs), default=0.0))
    return min(row.limit, 0.5) if kind is CHOOSES else row.limit
