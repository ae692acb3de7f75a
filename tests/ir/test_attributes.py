"""The attributes of nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bridge import ir


@pytest.mark.parametrize(
    ("value", "kind", "stored"),
    [
        (1, "INT", 1),
        (True, "INT", 1),
        (1.5, "FLOAT", 1.5),
        ("a", "STRING", "a"),
        ([1, 2], "INTS", (1, 2)),
        ((1, 2.5), "FLOATS", (1.0, 2.5)),
        (["a"], "STRINGS", ("a",)),
        ([], "INTS", ()),
    ],
)
def test_the_kind_is_that_of_the_value(value: Any, kind: str, stored: Any) -> None:
    attribute = ir.attribute("a", value)
    assert (attribute.type.name, attribute.value) == (kind, stored)


def test_an_attribute_and_a_tensor_are_taken_as_they_are() -> None:
    attribute = ir.attribute("a", ir.Tensor(np.ones(2)))
    assert attribute.as_tensor().size == 2
    assert ir.attribute("a", attribute) is attribute


@pytest.mark.parametrize("value", [None, [1, "a"], {1: 2}])
def test_what_no_attribute_holds_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="cannot be"):
        ir.attribute("a", value)


def test_attributes_are_asked_for_by_name_and_kind() -> None:
    of = ir.Attributes(
        ir.attributes_of({"i": 1, "f": 1.5, "s": "a", "ints": [1, 2], "floats": [1.5]})
    )
    assert (of.get_int("i"), of.get_float("f"), of.get_string("s")) == (1, 1.5, "a")
    assert (of.get_ints("ints"), of.get_floats("floats")) == ((1, 2), (1.5,))
    assert (of.get_int("none", 7), of.get_ints("none", None)) == (7, None)
    assert of.get_tensor("none", None) is None
    with pytest.raises(TypeError, match="'i' is INT, not FLOAT"):
        of.get_float("i")
    of.add(ir.attribute("i", 2))
    assert of.get_int("i") == 2
