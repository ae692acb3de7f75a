"""The support table in the docs is the registry's."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from bridge import support
from bridge.caffe.origins import origin
from bridge.cli import main

ROOT = Path(__file__).parent.parent


def test_the_page_is_what_the_script_writes() -> None:
    page = runpy.run_path(str(ROOT / "scripts" / "support_table"))["page"]()
    written = (ROOT / "docs" / "layers.md").read_text(encoding="utf-8")
    assert written == page, "run scripts/support_table"


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
