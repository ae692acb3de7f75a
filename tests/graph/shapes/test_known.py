"""What is known of a node before its shapes are."""

from __future__ import annotations

import pytest

from bridge import ir
from bridge.graph.shapes.known import Known, known_sizes, product_of


@pytest.mark.parametrize(
    ("elements", "expected"),
    [(((), (2, 3)), [2, 3]), (((), (2, None)), None), (((), (2, "n")), None), (((),), None)],
)
def test_integers_of_an_input(
    elements: tuple[tuple[int | str | None, ...]], expected: object
) -> None:
    known = Known(ir.Node("", "Split", []), [("n", 5)], elements)
    assert known.integers(1, "split") == expected


def test_integers_of_an_attribute() -> None:
    node = ir.Node("", "Split", [], [ir.attribute("split", [4, 1])])
    assert Known(node, [("n", 5)], [None]).integers(1, "split") == [4, 1]


def test_sizes_of_an_input_that_is_absent() -> None:
    known = Known(ir.Node("", "Relu", []), [("n", 5)], [None])
    assert (known.x, known.sizes(0), known.sizes(1)) == (("n", 5), ("n", 5), None)


def test_products() -> None:
    assert product_of(("n", 2, 3)) == "6*n"
    assert product_of(("n", None)) is None
    assert known_sizes(("n", None, 2)) == ["n", 2]
