"""Which emitter writes which call, and with which options."""

from __future__ import annotations

from inspect import Parameter
from typing import Any

import pytest

from bridge.archive.tables import layers, operations
from bridge.tflite import emitters  # noqa: F401  (fills the table)
from bridge.tflite.graph import Graph, NotWrittenError
from bridge.tflite.table import TABLE, without_defaults


def defaults(target: str) -> dict[str, Any]:
    """Of the options that an emitter takes."""
    parameters = list(TABLE[target].signature.parameters.values())[1:]
    return {p.name: p.default for p in parameters if p.default is not Parameter.empty}


@pytest.mark.parametrize("target", sorted(TABLE))
def test_an_emitter_s_defaults_are_keras_s(target: str) -> None:
    group, kind = target.split(".")
    own = defaults(target)
    if group == "ops":
        expected = operations()[kind].defaults
        assert {name: own[name] for name in own if name in expected} == {
            name: value for name, value in expected.items() if name in own
        }
        return
    table = layers()[kind]
    roles = set(table.weights.values())
    for name in own.keys() & table.config.keys() - roles:
        expected = table.config[name]  # where it is for each axis, one number says the same
        assert own[name] == (expected[0] if isinstance(expected, list) else expected)


@pytest.mark.parametrize("target", sorted(TABLE))
def test_an_emitter_takes_what_keras_has(target: str) -> None:
    """Positional arguments of functions in Keras's order, so that they may be named."""
    group, kind = target.split(".")
    if group == "layers":
        assert kind in layers()
        return
    names = list(TABLE[target].signature.parameters)[1:]
    ours = [name for name in operations()[kind].parameters if name not in TABLE[target].implied]
    assert ours[: len(names)] == names


def test_an_option_that_says_nothing_is_left_out() -> None:
    options = {"strides": [1, 1], "trainable": False, "dtype": "float32", "groups": 2}
    assert without_defaults("layers.Conv2D", options) == {"groups": 2}
    assert without_defaults("ops.add", {"a": 1}) == {"a": 1}


def test_an_option_that_no_emitter_takes_is_said() -> None:
    with pytest.raises(NotWrittenError, match="the option 'activation' is not supported"):
        TABLE["layers.Permute"].called(Graph(), [None], {"dims": [1], "activation": "relu"})
