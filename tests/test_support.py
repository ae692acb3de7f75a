"""What is supported is what the tables of rules say."""

from __future__ import annotations

import pytest

from bridge import support
from bridge.caffe.origins import origin
from bridge.cli import main


def test_every_layer_says_what_it_does() -> None:
    assert [row.type for row in support.layer_rows() if not row.note] == []


def test_every_operator_says_what_it_does() -> None:
    assert [row.operator for row in support.operator_rows() if not row.note] == []


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
