"""The tables of Keras's layers and operations."""

from __future__ import annotations

import pytest

from bridge.archive.tables import Operation, layers, operations


def test_the_layers_that_rules_use_are_in_them() -> None:
    assert {"Conv2D", "Dense", "LSTM", "Normalization", "PReLU", "ReLU"} <= layers().keys()
    assert layers()["Conv2D"].weights == {"vars/0": "kernel", "vars/1": "bias"}
    assert layers()["GRU"].weights["cell/vars/1"] == "recurrent"
    assert layers()["Conv2D"].config["data_format"] == "channels_last"


@pytest.mark.parametrize(
    ("name", "arguments", "options", "config", "positional", "keywords"),
    [
        ("add", ["x", 1], {}, {}, ["x", 1], {}),
        ("sum", ["x"], {"axis": 1}, {"axis": 1, "keepdims": False}, ["x"], {}),
        ("split", ["x", 3], {}, {"indices_or_sections": 3, "axis": 0}, ["x"], {}),
        ("einsum", ["ij,jk", "x", "y"], {}, {"subscripts": "ij,jk"}, ["x", "y"], {}),
        (
            "rms_normalization",
            ["x"],
            {"axis": 0},
            {"axis": 0, "epsilon": None},
            ["x"],
            {"scale": None},
        ),
    ],
)
def test_a_call_is_split_between_constructor_and_call(
    name: str,
    arguments: list[object],
    options: dict[str, object],
    config: dict[str, object],
    positional: list[object],
    keywords: dict[str, object],
) -> None:
    assert operations()[name].called(arguments, options) == (config, positional, keywords)


def test_what_a_function_always_says_is_in_the_config() -> None:
    operation = Operation("m", "K", ("x",), constants={"mode": "a"}, arguments=("x",))
    assert operation.called(["x"], {}) == ({"mode": "a"}, ["x"], {})
