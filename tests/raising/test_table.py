"""The registry of rules."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.errors import BridgeError, UnsupportedError
from bridge.layout import Layout
from bridge.raising.table import TABLE, Candidate, Node, Operand, Table


def first(node: Node, x: Operand) -> Candidate:
    return Candidate((x.layout,), (x.layout,), lambda _, x: x)


def second(node: Node, x: Operand) -> Candidate:
    return first(node, x)


def test_the_newest_rule_that_is_not_above_the_opset() -> None:
    table = Table()
    table.add("Softmax", 13, second)
    table.add("Softmax", 1, first)
    assert [table.find("Softmax", opset) for opset in (0, 1, 12, 13, 21)] == [
        None,
        first,
        first,
        second,
        second,
    ]
    assert [entry.since for entry in table.entries()["Softmax"]] == [1, 13]


def test_an_unknown_operator() -> None:
    assert Table().find("Softmax", 17) is None


def test_a_second_rule_for_the_same_operator_set_is_refused() -> None:
    table = Table()
    table.add("Softmax", 13, first)
    with pytest.raises(BridgeError, match="Softmax since 13 is registered already"):
        table.add("Softmax", 13, second)


def test_entries_are_sorted_by_operator() -> None:
    assert list(TABLE.entries()) == sorted(TABLE.entries())


def test_operands() -> None:
    layout = Layout.identity((2, 3))
    tensor = Operand("x", "float32", (2, 3), layout)
    constant = Operand("w", "float32", (2, 3), layout, lambda: np.ones((2, 3)))
    assert (tensor.rank, tensor.is_constant, constant.is_constant) == (2, False, True)
    with pytest.raises(UnsupportedError, match="'x' must be a constant"):
        tensor.array()
    with pytest.raises(UnsupportedError, match="'x' must be a constant"):
        tensor.weight()
    assert constant.weight(Layout.ordered((2, 3), (1, 0))).array().shape == (3, 2)


def test_a_weight_is_not_read_before_it_is_asked_for() -> None:
    def read() -> np.ndarray:
        raise AssertionError("read")

    constant = Operand("w", "float32", (2, 3), Layout.identity((2, 3)), read)
    assert constant.weight().stored_shape == (2, 3)
