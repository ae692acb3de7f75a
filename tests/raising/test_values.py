"""Names, shapes and sizes of a graph's values."""

from __future__ import annotations

import pytest

from bridge import ir
from bridge.errors import GraphError
from bridge.raising.values import bytes_of, describe, dtype_of, logical_shape, same_shape


def value(*shape: int | str | None, name: str = "x") -> ir.Value:
    return ir.Value(name=name, shape=ir.Shape(shape), type=ir.TensorType(ir.DataType.INT64))


def test_an_unknown_size_without_a_name_has_one_of_its_own() -> None:
    assert logical_shape(value("n", 3, None)) == ("n", 3, "x_2")


def test_sizes_of_0_are_sizes() -> None:
    assert logical_shape(value(2, 0)) == (2, 0)


def test_a_value_without_a_shape_is_refused() -> None:
    with pytest.raises(GraphError, match="has no shape"):
        logical_shape(ir.Value(name="x"))


def test_symbols_are_not_compared() -> None:
    assert same_shape(("n", 3), ("batch", 3))
    assert same_shape(("n", 3), (2, 3))
    assert not same_shape((2, 3), (2, 4))
    assert not same_shape((2, 3), (2, 3, 1))


def test_float_is_the_dtype_of_what_says_none() -> None:
    assert dtype_of(ir.Value(name="x")) == "float32"
    assert dtype_of(value(2)) == "int64"


def test_an_unknown_size_counts_as_1() -> None:
    assert bytes_of(("n", 3, 5)) == 4 * 15


def test_a_node_without_a_name_is_named_by_its_result() -> None:
    node = ir.Node("other", "Odd", [], outputs=[value(name="y")])
    assert describe(node) == "node 'y' (other::Odd)"
