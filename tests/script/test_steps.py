"""Statements and their variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from bridge.raising.plan import Call, Ref
from bridge.script.constants import Constants
from bridge.script.literals import Identifiers
from bridge.script.steps import RESERVED, Spelling, body, subscript


def lines(calls: Sequence[Call], returned: int, start: str = "data", **layers: str) -> list[str]:
    named = frozenset(call.id for call in calls if call.name == "mine")
    kept = {int(number[1:]): name for number, name in layers.items()}
    spelling = Spelling(Constants(), {}, True, named, kept)
    steps = [spelling.step(call, call.options, "") for call in calls]
    scope = Identifiers(*RESERVED)
    return [line.strip() for line in body(steps, {0: start}, scope, [Ref(returned)])]


def relu(number: int, name: str, *reads: int) -> Call:
    return Call(number, name, "layers.ReLU", tuple(map(Ref, reads)))


def test_what_the_next_alone_reads_has_the_next_free_letter() -> None:
    add = Call(4, "sum", "layers.Add", ([Ref(1), Ref(3)],))
    calls = [relu(1, "a", 0), relu(2, "b", 1), relu(3, "c", 2), add, relu(5, "out/x", 4)]
    assert lines(calls, 5) == [
        'a = layers.ReLU(name="a")(data)',
        'x = layers.ReLU(name="b")(a)',
        'x = layers.ReLU(name="c")(x)',
        'x = layers.Add(name="sum")([a, x])',
        'out_x = layers.ReLU(name="out/x")(x)',
    ]


def test_no_letter_is_taken_while_it_is_still_to_be_read() -> None:
    """As the input of a function is, that a residual block adds at its end."""
    add = Call(3, "sum", "layers.Add", ([Ref(0), Ref(2)],))
    calls = [relu(1, "a", 0), relu(2, "b", 1), add, relu(4, "c", 3)]
    assert lines(calls, 4, start="x") == [
        'y = layers.ReLU(name="a")(x)',
        'y = layers.ReLU(name="b")(y)',
        'x = layers.Add(name="sum")([x, y])',
        'c = layers.ReLU(name="c")(x)',
    ]


def test_a_layer_that_is_applied_again_is_kept() -> None:
    again = Call(2, "a", "layers.ReLU", (Ref(1),), again=1)
    assert lines([relu(1, "a", 0), again], 2, _1="a_layer") == [
        'a_layer = layers.ReLU(name="a")',
        "x = a_layer(data)",
        "a = a_layer(x)",
    ]


def test_functions_of_keras_ops_have_names_where_they_need_them() -> None:
    calls = [
        Call(1, "a>b", "ops.multiply", (Ref(0), 0.10000000149011612)),
        Call(2, "mine", "ops.add", (Ref(1), np.array([1, 2]))),
        Call(3, "c", "ops.split", (Ref(2), 2), {"axis": -1}),
        Call(4, "d", "ops.get_item", (Ref(3, 1), (slice(None), 0))),
    ]
    assert lines(calls, 4) == [
        "x = ops.multiply(data, 0.1)",
        'x = named("mine", ops.add(x, np.array([1, 2], "int64")))',
        "x = ops.split(x, 2, axis=-1)",
        "d = x[1][:, 0]",
    ]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ([slice(None), slice(0, 3)], ":, 0:3"),
        ((..., slice(None, -1, 2), 4), "..., :-1:2, 4"),
        ([slice(0, 2, 1), 1], "0:2, 1"),
        ([slice(0, 2, 1)], ""),
        (3, "3"),
        ((Ref(1), 2), ""),
    ],
)
def test_a_key_is_what_stands_in_brackets(key: Any, text: str) -> None:
    assert subscript(key) == text
