"""Activations that exporters spell out become the one operator that ONNX has for them.

PyTorch spells out those that its opset lacks, TensorFlow all but the simplest. The factors of a
product come in any order, with its numbers anywhere among them, so products and sums are taken
apart before they are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from math import pi, prod, sqrt
from typing import Any, NamedTuple

from bridge import ir
from bridge.graph.fusion.matching import number_of, replace

MAX_PARTS = 4  # nodes of one product or sum: no activation has more


@dataclass(frozen=True)
class X:
    """What the activation is of: the same tensor wherever it occurs."""


@dataclass(frozen=True)
class Product:
    number: float
    factors: tuple[Pattern, ...]


@dataclass(frozen=True)
class Sum:
    number: float
    terms: tuple[Pattern, ...]


@dataclass(frozen=True)
class Call:
    """An operator of one tensor, with numbers as its further inputs, and attributes."""

    kind: str
    argument: Pattern
    numbers: tuple[float, ...] = ()
    attributes: Mapping[str, float] = field(default_factory=dict)


Pattern = X | Product | Sum | Call


class Activation(NamedTuple):
    """An operator, its attributes, and a way to spell it."""

    kind: str
    attributes: Mapping[str, Any]
    spelling: Pattern


def _gelu(approximate: str, function: Pattern) -> Activation:
    return Activation("Gelu", {"approximate": approximate}, Product(0.5, (_X, Sum(1, (function,)))))


_X = X()
_HARD = {"alpha": 1 / 6, "beta": 0.5}
_RELU6 = Call("Clip", Sum(3, (_X,)), (0, 6))
_SCALE = sqrt(2 / pi)
_EXP = Call("Exp", Call("Neg", Call("Abs", _X)))
_SUM_WITH_CUBE = Sum(0, (_X, Product(0.044715, (_X, _X, _X))))
_SUM_WITH_SQUARE = Sum(1, (Product(0.044715, (_X, _X)),))

ACTIVATIONS = (
    Activation("Softplus", {}, Sum(0, (Call("Relu", _X), Call("Log", Sum(1, (_EXP,)))))),
    Activation("Swish", {}, Product(1, (_X, Call("Sigmoid", Product(1, (_X,)))))),
    Activation("Mish", {}, Product(1, (_X, Call("Tanh", Call("Softplus", _X))))),
    _gelu("none", Call("Erf", Product(sqrt(0.5), (_X,)))),
    _gelu("tanh", Call("Tanh", Product(_SCALE, (_SUM_WITH_CUBE,)))),
    _gelu("tanh", Call("Tanh", Product(_SCALE, (_X, _SUM_WITH_SQUARE)))),
    Activation("HardSwish", {}, Product(1, (_X, Call("HardSigmoid", _X, attributes=_HARD)))),
    Activation("HardSwish", {}, Product(1 / 6, (_X, _RELU6))),
    Activation("HardSigmoid", _HARD, Product(1 / 6, (_RELU6,))),
    Activation("HardSigmoid", _HARD, Call("Clip", Sum(0.5, (Product(1 / 6, (_X,)),)), (0, 1))),
)
_DEFAULTS = {"alpha": 0.2, "beta": 0.5}  # of HardSigmoid

# Numbers are equal if they are in the dtype of the tensors that they are used with.
_EPSILON = {"FLOAT16": 2**-10, "BFLOAT16": 2**-7, "FLOAT": 2**-23, "DOUBLE": 2**-52}


def fuse_activations(graph: ir.Graph) -> None:
    """Puts each spelling in ACTIVATIONS together whose numbers are those there to the last digit,
    unless somebody else reads what is computed in between."""
    for node in list(graph):
        result = node.outputs[0]
        epsilon = None if result.dtype is None else _EPSILON.get(result.dtype.name)
        if node.op_type not in ("Add", "Clip", "Div", "Mul") or node.domain or epsilon is None:
            continue
        matcher = _Matcher(result, epsilon)
        for kind, attributes, spelling in ACTIVATIONS:
            match = matcher.match(spelling, result)
            if match is not None and _is_of_one_rank(match.x, result):
                replace([*match.nodes, node], "", kind, [match.x], **attributes)
                break


def _is_of_one_rank(one: ir.Value, other: ir.Value) -> bool:
    """Whether no number had more axes than the tensor."""
    return one.shape is not None and other.shape is not None and len(one.shape) == len(other.shape)


class _Match(NamedTuple):
    """The tensor that X stands for, and the nodes that the pattern describes, but for the last."""

    x: ir.Value
    nodes: tuple[ir.Node, ...] = ()


@dataclass(frozen=True)
class _Matcher:
    result: ir.Value
    epsilon: float

    def match(self, pattern: Pattern, value: ir.Value, x: ir.Value | None = None) -> _Match | None:
        """What a pattern finds in the way that a value is computed; None if that is another one.
        X stands for x, or for any tensor if that is None."""
        match pattern:
            case X():
                return _Match(value) if x in (None, value) else None
            case Call():
                return self._match_call(pattern, value, x)
            case Product(number, parts):
                numbers, values, nodes = self._taken_apart(value, _factors)
                same = self._is_near(prod(numbers), number)
            case Sum(number, parts):
                numbers, values, nodes = self._taken_apart(value, _terms)
                same = self._is_near(sum(numbers), number)
        orders = permutations(values) if same and len(values) == len(parts) else ()
        return next(
            filter(None, (self._match_all(parts, order, x, nodes) for order in orders)), None
        )

    def _match_all(
        self,
        patterns: Iterable[Pattern],
        values: Iterable[ir.Value],
        x: ir.Value | None,
        nodes: tuple[ir.Node, ...],
    ) -> _Match | None:
        for pattern, value in zip(patterns, values, strict=True):
            match = self.match(pattern, value, x)
            if match is None:
                return None
            x, nodes = match.x, (*nodes, *match.nodes)
        return None if x is None else _Match(x, nodes)

    def _match_call(self, call: Call, value: ir.Value, x: ir.Value | None) -> _Match | None:
        node = self._producer(value)
        if node is None or node.op_type != call.kind or node.inputs[0] is None:
            return None
        attributes = (node.attributes.get_float(name, _DEFAULTS[name]) for name in call.attributes)
        numbers = [*map(number_of, node.inputs[1:]), *attributes]
        wanted = [*call.numbers, *call.attributes.values()]
        pairs = zip(numbers, wanted, strict=False)
        if len(numbers) != len(wanted) or not all(self._is_near(*pair) for pair in pairs):
            return None
        match = self.match(call.argument, node.inputs[0], x)
        return None if match is None else _Match(match.x, (*self._inner(node), *match.nodes))

    def _taken_apart(
        self, value: ir.Value, operands: Callable[[ir.Node], Sequence[float | ir.Value] | None]
    ) -> tuple[Sequence[float], Sequence[ir.Value], tuple[ir.Node, ...]]:
        """The numbers and the other operands of a product or a sum, with those of its operands
        that are such themselves, and the nodes; the value itself if it is none."""
        numbers, values, nodes, left = list[float](), list["ir.Value"](), list["ir.Node"](), [value]
        while left:
            current = left.pop()
            node = self._producer(current)
            parts = None if node is None or len(nodes) == MAX_PARTS else operands(node)
            if node is None or parts is None:
                values.append(current)
                continue
            nodes += self._inner(node)
            numbers += [part for part in parts if isinstance(part, float)]
            left += [part for part in parts if not isinstance(part, float)]
        return numbers, values, tuple(dict.fromkeys(nodes))

    def _producer(self, value: ir.Value) -> ir.Node | None:
        """The node that computes a value that nobody else reads, or the result."""
        node = value.producer()
        alone = len(value.uses()) == 1 and not value.is_graph_output()
        return node if node and not node.domain and (alone or value is self.result) else None

    def _inner(self, node: ir.Node) -> list[ir.Node]:
        return [] if node.outputs[0] is self.result else [node]

    def _is_near(self, one: float | None, other: float) -> bool:
        return one is not None and abs(one - other) <= self.epsilon * abs(other)


def _factors(node: ir.Node) -> Sequence[float | ir.Value] | None:
    """The numbers and tensors of which a product consists; a power is a product too."""
    if node.op_type not in ("Div", "Mul", "Pow"):
        return None
    one, other = map(_operand, node.inputs)
    if node.op_type == "Mul":
        return [one, other]
    if node.op_type == "Pow":
        return [one] * int(other) if other in (2, 3) else None
    return [one, 1 / other] if isinstance(other, float) and other else None


def _terms(node: ir.Node) -> Sequence[float | ir.Value] | None:
    return [*map(_operand, node.inputs)] if node.op_type == "Add" else None


def _operand(value: ir.Value | None) -> float | ir.Value:
    number = number_of(value)
    if value is None:
        raise ValueError("an operand is missing")
    return value if number is None else number
