"""How far two values may differ, by their size and the layers that computed them.

The tolerance is on a value's own scale: 1e-4 of what it varies by, from one run to the next or, if
there is only one run, among its own numbers. Rounding alone may exceed that in a value that hardly
varies for its size, so rounding is allowed as well. If such a value varies little more than
rounding does, it cannot tell right from wrong, and the row says so.

Nothing is ever allowed more than 1e-4 · (1 + max|expected|), or in half precision some roundings
of a half. Operators that copy or select numbers compute nothing, so less is allowed: their outputs
cannot differ by more than their inputs. Operators that choose return indices, which are right or
wrong.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from math import inf, prod

from bridge.check.compare import INFORMATIVE, RELATIVE, Row


@dataclass(frozen=True)
class Precision:
    """How far two runtimes may differ, relative to a value's size: `noise` for computed values,
    `copying` for copies of equal inputs."""

    noise: float
    copying: float

    def cap(self, row: Row) -> float:
        """The most that is ever allowed; narrower numbers have no limit but their noise."""
        return RELATIVE * (1 + row.size) if self is SINGLE else inf


SINGLE = Precision(noise=1e-5, copying=1e-6)
NARROW = {
    "float16": Precision(noise=2.0**-7, copying=2.0**-10),
    "bfloat16": Precision(noise=2.0**-4, copying=2.0**-7),
}


def precision(computing: Collection[str], stored: Collection[str] = ()) -> Precision:
    """That of the narrowest dtype in which models compute; of a value that is only `stored` in a
    narrow one, that of a copy."""
    narrow = [entry for name, entry in NARROW.items() if name in computing]
    copies = (entry.copying for name, entry in NARROW.items() if name in stored)
    rounding = max(copies, default=0.0)
    single = Precision(rounding, rounding) if rounding else SINGLE
    return max(narrow, key=lambda entry: entry.noise, default=single)


@dataclass(frozen=True)
class Tolerance:
    """A class of operators, by ONNX's, Keras's and Caffe's names, and its tolerance in words."""

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

# Results may be far smaller than their inputs, and still have the noise of these.
_ADDING = frozenset("Add Eltwise MVN MeanVarianceNormalization ReduceMean ReduceSum Sub".split())
# A variance as the mean of squares less the square of the mean: the rounding of its inputs is all
# that is left of them, however small it is.
_SUMS = frozenset("Add Sub ReduceMean ReduceSum".split())
# A root, and what divides by it, differs by about the share of itself by which its input does.
_ROOTS = frozenset("Reciprocal Sqrt".split())
# What copies, and what computes the shapes for it.
_MOVES = COPIES.operators | {"Cast", "Shape"}
# The relative noise of a power is the absolute noise of its exponent.
_EXPONENTIAL = frozenset("Exp LogSoftmax Sigmoid Softmax Softplus Tanh".split())
_SOFTMAX = frozenset(["Softmax"])
_WEIGHTLESS = _SUMS | _MOVES | _ROOTS | _EXPONENTIAL | {"Div", "Erf", "Gelu", "Mul", "Pow"}
# Rounding to the nearest integer may give the next one: of numbers that differ by noise.
_ROUNDING, _STEP = frozenset(["QuantizeLinear"]), 1.0
# A Sigmoid is computed as 1/2 plus a term: a result near 0 has the rounding of the 1/2. A Swish is
# x times that, in one layer or in several.
_ABOUT_HALF = frozenset(["Sigmoid", "Swish"])
_TIMES_X = frozenset(["Mul", "Swish"])


def class_of(operators: Collection[str]) -> Tolerance:
    """The class of several operators in a row: the strictest that has all of them."""
    fits = (kind for kind in CLASSES if operators and kind.operators.issuperset(operators))
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
    """The row with its limit, and its doubt if there is one.

    `variation` is how far the value changes from run to run, None if there was one run; `inputs`
    are the rows from which `operators` computed it, and `depends` is whether it depends on the
    inputs of the net at all: a constant is right or wrong.
    """
    kind = COMPUTES if row.is_output else class_of(operators)
    spread = min(row.size, _range(row) if variation is None else variation)
    noise = _noise(row, operators, inputs, at)
    allowed = max(RELATIVE * spread, noise)
    cap = at.cap(row)
    if kind is CHOOSES or not _is_float(row):
        allowed, noise = 0.5, 0.0
        if _is_rounded(operators, inputs):
            allowed = cap = _STEP
    elif not depends:
        allowed = at.copying * row.size
    elif kind is COPIES and all(source.error <= source.limit for source in inputs):
        sizes = [row.size, *(source.size for source in inputs)]
        allowed = at.copying * max(sizes) + max((source.error for source in inputs), default=0.0)
    doubt = _doubt(row, spread, variation) if depends else ""
    if (
        depends
        and not doubt
        and spread < INFORMATIVE * noise
        and not _is_informed(operators, inputs)
    ):
        among = "among its numbers" if variation is None else "between inputs"
        doubt = f"it varies by {spread:.1e} {among}, and rounding alone makes {noise:.1e}"
    limit = min(allowed, cap)
    if depends and row.error > limit and _is_drowned(operators, inputs):
        limit, doubt = inf, "its exponents agree, but are so large that rounding them decides it"
    return replace(row, limit=limit, kind=kind.name, doubt=doubt)


def _is_rounded(operators: Collection[str], inputs: Collection[Row]) -> bool:
    """Whether integers are rounded from numbers that were compared, and agree: where these are as
    near to two integers, noise decides."""
    agree = bool(inputs) and all(source.error <= source.limit for source in inputs)
    return _are(operators, _ROUNDING) and agree


def _range(row: Row) -> float:
    """A single number has the range from 0."""
    return row.size if prod(row.expected_shape) == 1 else row.range


def _noise(row: Row, operators: Collection[str], inputs: Collection[Row], at: Precision) -> float:
    """How far rounding may change a value, relative to its own size or to that of its inputs."""
    largest = max((source.size for source in inputs), default=0.0)
    if _are(operators, _ADDING | COPIES.operators):
        return at.noise * max(row.size, largest)
    half = largest if _TIMES_X.intersection(operators) else 1.0
    least = at.copying / 2 * half if _ABOUT_HALF.intersection(operators) else 0.0
    if _are(operators, _EXPONENTIAL):
        return max(row.size * max(at.noise, at.copying * largest), least)
    if _SUMS.intersection(operators) and _are(operators, _WEIGHTLESS):
        least = max(least, at.copying * largest)
    if _are(operators, _ROOTS | _MOVES | {"Add"}):
        shares = (r.error / r.size for r in inputs if r.size and r.error <= r.limit)
        least = max(least, row.size * max(shares, default=0.0))
    return max(at.noise * row.size, least, _of_factors(operators, inputs))


def _of_factors(operators: Collection[str], inputs: Collection[Row]) -> float:
    """How far a product of two may differ, at most, for the differences of its factors; twice that,
    as it may be computed apart from them. A factor beyond its limit is itself at fault."""
    factors = [source for source in inputs if source.error <= source.limit]
    if not _are(operators, frozenset(["Mul"])) or len(factors) != 2:
        return 0.0
    one, other = factors
    return 2 * (one.error * other.size + other.error * one.size)


def _is_drowned(operators: Collection[str], inputs: Collection[Row]) -> bool:
    """Whether a softmax is of numbers that agree, and yet are so far apart, by their rounding, that
    it may be any other: by 1 or more, which is a factor of e."""
    agree = all(source.ok for source in inputs)
    return agree and _are(operators, _SOFTMAX) and any(source.error >= 1 for source in inputs)


def _is_informed(operators: Collection[str], inputs: Collection[Row]) -> bool:
    """Whether the inputs of weightless layers have shown that the value is right."""
    weightless = _are(operators, _EXPONENTIAL | COPIES.operators | {"Cast"})
    return weightless and bool(inputs) and all(source.ok for source in inputs)


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
