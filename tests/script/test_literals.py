"""Values and names as source: each means itself, whatever it is."""

from __future__ import annotations

import ast
import keyword

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import UnsupportedError
from bridge.script.literals import Identifiers, f_string, literal, quoted, shortest

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda items: st.lists(items, max_size=3) | st.tuples(items) | st.tuples(items, items),
    max_leaves=5,
)
NASTY = ['"', "'", '"""', "\\", "\n", "{name}", '"); import os  # ', "é\u202e", "\x1b[2J"]


@given(PLAIN)
def test_a_literal_means_its_value(value: object) -> None:
    source = literal(value)
    assert source.isascii()
    assert eval(source, {"__builtins__": {"float": float}}) == value


@pytest.mark.parametrize("text", NASTY)
def test_no_text_ends_its_literal(text: str) -> None:
    for hostile in (text, f"a{text}b", text * 2):
        assert ast.literal_eval(quoted(hostile)) == hostile
        tree = ast.parse(f_string(hostile, "name", hostile), mode="eval")
        assert eval(compile(tree, "", "eval"), {"name": "x"}) == f"{hostile}x{hostile}"


def test_some_are_spelled_as_a_person_would() -> None:
    spelled = [
        literal(v) for v in (..., np.float32(0.5), np.int64(3), float("inf"), (1,), [1, None])
    ]
    assert spelled == ["...", "0.5", "3", 'float("inf")', "(1,)", "[1, None]"]
    assert f_string("", "name", "") == "name"
    assert f_string("bn", "name", "_a") == 'f"bn{name}_a"'


def test_what_has_no_source_is_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"no script can spell this\n.*received: object"):
        literal((1, object()))


def test_a_number_of_single_precision_is_the_one_that_was_meant() -> None:
    assert shortest(float(np.float32(1e-3))) == 1e-3
    assert shortest(0.1) == 0.1 != float(np.float32(0.1))
    assert [shortest(value) for value in (1e-300, 3, "a", float("inf"))] == [
        1e-300, 3, "a", float("inf"),
    ]  # fmt: skip


@given(st.lists(st.text(max_size=8) | st.sampled_from(["class", "print", "x", "1", "a/b", "A b"])))
def test_identifiers_are_new_names_of_python(names: list[str]) -> None:
    scope = Identifiers("x", "layers")
    taken = [scope.new(name) for name in names]
    assert len({*taken}) == len(taken)
    for name in taken:
        assert name.isidentifier()
        assert name.isascii()
        assert name == name.lower()
        assert not keyword.iskeyword(name)
        assert name not in ("x", "layers", "print", "type")


def test_an_identifier_is_like_its_layer() -> None:
    scope = Identifiers("x")
    names = ("inception_3a>1x1", "Conv.1", "conv_1", "2a", "x", "0-_20-", "print")
    assert [scope.new(name) for name in names] == [
        "inception_3a_1x1", "conv_1", "conv_1_2", "layer_2a", "x_2", "layer", "print_2",
    ]  # fmt: skip
