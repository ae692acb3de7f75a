"""How far two values may be apart, by what they are and what made them.

A value is held to its own scale: 1e-4 of what it varies by, from one run to the next or, where
there is one run only, among its own numbers. Rounding alone may make more of a value that hardly
varies beside its size, so that is let through as well. Where such a value varies little more than
rounding does, it cannot tell right from wrong, and the row says so.

Nothing is ever allowed more than 1e-4 · (1 + max|expected|), or in half precision some roundings
of a half. Operators that copy or pick numbers compute nothing, so they are held to more: what they
give cannot differ by more than what they were given. Operators that choose give positions, which
are right or wrong.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from math import inf, prod

from bridge.check.compare import RELATIVE, TELLING, Row


@dataclass(frozen=True)
class Precision:
    """What two runtimes may make of one net, by a value's size: `noise` in all, `copying` of the
    same copy of inputs that are equal."""

    noise: float
    copying: float

    def cap(self, row: Row) -> float:
        """The most that is ever allowed; for narrower numbers there is their noise alone."""
        return RELATIVE * (1 + row.size) if self is SINGLE else inf


SINGLE = Precision(noise=1e-5, copying=1e-6)
NARROW = {
    "float16": Precision(noise=2.0**-7, copying=2.0**-10),
    "bfloat16": Precision(noise=2.0**-4, copying=2.0**-7),
}


def precision(dtypes: Collection[str]) -> Precision:
    """That of the narrowest of some dtypes."""
    found = [each for name, each in NARROW.items() if name in dtypes]
    return max(found, key=lambda each: each.noise, default=SINGLE)


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
    "1e-6 · max more than the inputs differ",
    frozenset(_COPYING.split()),
)
CHOOSES = Tolerance(
    "chooses",
    "nothing: positions and truth values are equal",
    frozenset(
        ["ArgMax", "ArgMin", "Equal", "Greater", "Less", "NonMaxSuppression", "NonZero", "Not"]
    ),
)
COMPUTES = Tolerance("computes", "1e-4 of what it varies by, or 1e-5 · max, the noise")

CLASSES = (COPIES, CHOOSES, COMPUTES)

# Results may be far smaller than what they are made of, whose noise they have nevertheless.
_ADDING = frozenset("Add Eltwise MVN MeanVarianceNormalization ReduceMean ReduceSum Sub".split())
# The relative noise of a power is the absolute noise of its exponent.
_EXPONENTIAL = frozenset("Exp LogSoftmax Sigmoid Softmax Softplus Tanh".split())
# A Sigmoid is computed as 1/2 and something: what is left near 0 has the rounding of the 1/2. A
# Swish is x times that, in one layer or in several.
_ABOUT_HALF = frozenset(["Sigmoid", "Swish"])
_TIMES_X = frozenset(["Mul", "Swish"])


def class_of(operators: Collection[str]) -> Tolerance:
    """The class of what several operators in a row give: the strictest that holds all of them."""
    fits = (each for each in CLASSES if operators and each.operators.issuperset(operators))
    return next(fits, COMPUTES)


def judged(
    row: Row,
    variation: float | None,
    operators: Collection[str] = (),
    inputs: Collection[Row] = (),
    *,
    at: Precision = SINGLE,
    depends: bool = True,
) -> Row:
    """A row with its limit, and its doubt where it has one.

    `variation` is what the value changes by from run to run, None where there was one run;
    `inputs` are the rows that `operators` made it from, and `depends` says whether what is fed has
    a part in it at all: a constant is right or wrong.
    """
    kind = COMPUTES if row.is_output else class_of(operators)
    spread = min(row.size, _range(row) if variation is None else variation)
    noise = _noise(row, operators, inputs, at)
    allowed = max(RELATIVE * spread, noise)
    if kind is CHOOSES or not _is_float(row):
        allowed, noise = 0.5, 0.0
    elif not depends:
        allowed = at.copying * row.size
    elif kind is COPIES and all(each.error <= each.limit for each in inputs):
        sizes = [row.size, *(each.size for each in inputs)]
        allowed = at.copying * max(sizes) + max((each.error for each in inputs), default=0.0)
    doubt = _doubt(row, spread, variation) if depends else ""
    if depends and not doubt and spread < TELLING * noise and not _is_told(operators, inputs):
        among = "among its numbers" if variation is None else "between inputs"
        doubt = f"it varies by {spread:.1e} {among}, and rounding alone makes {noise:.1e}"
    return replace(row, limit=min(allowed, at.cap(row)), kind=kind.name, doubt=doubt)


def _range(row: Row) -> float:
    """A single number is as far from others as from 0."""
    return row.size if prod(row.expected_shape) == 1 else row.range


def _noise(row: Row, operators: Collection[str], inputs: Collection[Row], at: Precision) -> float:
    """What rounding may make of a value: relative to its own size, or to what it is made of."""
    largest = max((each.size for each in inputs), default=0.0)
    if _are(operators, _ADDING | COPIES.operators):
        return at.noise * max(row.size, largest)
    half = largest if _TIMES_X.intersection(operators) else 1.0
    least = at.copying / 2 * half if _ABOUT_HALF.intersection(operators) else 0.0
    if _are(operators, _EXPONENTIAL):
        return max(row.size * max(at.noise, at.copying * largest), least)
    return max(at.noise * row.size, least, _of_factors(operators, inputs))


def _of_factors(operators: Collection[str], inputs: Collection[Row]) -> float:
    """What a product of two makes, at most, of what its factors differ by; twice that for one that
    was computed apart from them. What must not differ so far is a fault of the factor's own."""
    factors = [each for each in inputs if each.error <= each.limit]
    if not _are(operators, frozenset(["Mul"])) or len(factors) != 2:
        return 0.0
    one, other = factors
    return 2 * (one.error * other.size + other.error * one.size)


def _is_told(operators: Collection[str], inputs: Collection[Row]) -> bool:
    """Whether what a value was made of tells right from wrong, by layers that have no weights."""
    weightless = _are(operators, _EXPONENTIAL | COPIES.operators)
    return weightless and bool(inputs) and all(each.ok for each in inputs)


def _are(operators: Collection[str], kind: frozenset[str]) -> bool:
    return bool(operators) and kind.issuperset(operators)


def _doubt(row: Row, spread: float, variation: float | None) -> str:
    if not prod(row.expected_shape):
        return "it has no numbers"
    if row.not_finite[0] == prod(row.expected_shape):
        return "none of its numbers is finite"
    if spread == 0:
        return "all its numbers are equal" if variation is None else "it is the same for all inputs"
    return ""


def _is_float(row: Row) -> bool:
    return not row.dtypes[0] or "float" in row.dtypes[0]
