"""Sums of products, by letters."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_letters

from bridge.errors import UnsupportedError
from bridge.layout import Layout
from bridge.raising.building.candidates import axis_order
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref
from bridge.raising.table import Candidate, Node, Operand, raises


@raises("Einsum", since=12)
def einsum(node: Node, *operands: Operand, equation: str) -> list[Candidate]:
    """The sum over letters of the products of elements          (onnx.ai/onnx/operators, Einsum)

    A tensor is taken in any order of its axes: its letters follow them. Two letters of one name in
    a term are the diagonal.
    """
    terms, result = _terms(equation, operands)
    onnx_order = tuple(range(len(result)))
    preferred = node.preferred_layout and axis_order(node.preferred_layout)
    return [
        _candidate(node, operands, terms, result, order)
        for order in dict.fromkeys([preferred or onnx_order, onnx_order])
    ]


def _candidate(
    node: Node,
    operands: Sequence[Operand],
    terms: Sequence[str],
    result: str,
    order: Sequence[int],
) -> Candidate:
    orders = [axis_order(operand.layout) or tuple(range(operand.rank)) for operand in operands]
    layouts = [Layout.ordered(x.shape, o) for x, o in zip(operands, orders, strict=True)]
    stored = ["".join(term[i] for i in o) for term, o in zip(terms, orders, strict=True)]
    written = f"{','.join(stored)}->{''.join(result[axis] for axis in order)}"

    def build(k: Recorder, *refs: Ref) -> Ref:
        return k.op("einsum", written, *refs)

    return Candidate(tuple(layouts), (Layout.ordered(node.shape, order),), build)


def _terms(equation: str, operands: Sequence[Operand]) -> tuple[list[str], str]:
    """The letters of each operand and of the result, also those that `...` stands for."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise UnsupportedError("an equation for another number of inputs", received=equation)
    spare = [letter for letter in ascii_letters if letter not in equation]
    named = [len(term.replace("...", "")) for term in terms]
    most = max((x.rank - n for x, n in zip(operands, named, strict=True)), default=0)
    if most > len(spare):
        raise UnsupportedError("an equation of too many letters", received=equation)
    dots = "".join(spare[:most])
    written = [
        term.replace("...", dots[most - (x.rank - n) :] if x.rank > n else "")
        for term, x, n in zip(terms, operands, named, strict=True)
    ]
    if arrow:
        return written, right.replace("...", dots)
    letters = "".join(written)
    once = sorted(letter for letter in set(letters) - {*dots} if letters.count(letter) == 1)
    return written, dots * ("..." in left) + "".join(once)
