"""What is supported is what the tables of rules say."""

from __future__ import annotations

import pytest

from bridge import support
from bridge.caffe.origins import origin
from bridge.cli import main

FORMULA = "write a docstring: the first line is the formula, for docs/layers.md"


def test_every_layer_says_what_it_does() -> None:
    silent = [row.type for row in support.layer_rows() if not row.note]
    assert not silent, FORMULA


def test_every_operator_says_what_it_does() -> None:
    silent = [row.operator for row in support.operator_rows() if not row.note]
    assert not silent, FORMULA


@pytest.mark.parametrize(
    ("type_", "expected"), [("Convolution", "BVLC"), ("PriorBox", "SSD"), ("Proposal", "fork")]
)
def test_where_a_layer_is_from(type_: str, expected: str) -> None:
    assert origin(type_) == expected


def test_the_command_prints_both_tables(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(["layers"])
    assert not done.value.code
    printed = capsys.readouterr().out
    assert "Convolution" in printed
    assert "BatchNormalization" in printed
