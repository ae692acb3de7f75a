"""docs/transposes.md is what a run over the public nets finds, and it claims no more than that.

The suite goes through the trained nets and those that the page has a section for; all 129 nightly.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "transposes.md").read_text(encoding="utf-8")
SECTIONS = [line.removeprefix("## ") for line in PAGE.splitlines() if line.startswith("## ")]


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "scripts" / "transposes"))


def least_moves(script: dict[str, Any], maps: Any) -> None:
    for name, net in maps.items():
        moved = sum(transpose.bytes for transpose in net.transposes)
        assert moved == script["least"](net), name


def test_a_section_is_what_the_script_writes(script: dict[str, Any], zoo: Path) -> None:
    paths = script["prototxts"]([zoo])
    maps = script["nets"]({name: paths[name] for name in SECTIONS})
    assert maps
    for name, net in maps.items():
        assert script["section"](name, net).rstrip() in PAGE, "run scripts/transposes"
    least_moves(script, maps)


def test_trained_nets_are_not_transposed(script: dict[str, Any], real_models: Path) -> None:
    maps = script["nets"](script["prototxts"]([real_models]))
    assert len(maps) == 15
    assert {name: net.transposes for name, net in maps.items()} == dict.fromkeys(maps, ())


@pytest.mark.nightly
def test_the_page_is_what_the_script_writes(
    script: dict[str, Any], real_models: Path, zoo: Path
) -> None:
    maps = script["nets"](script["prototxts"]([real_models, zoo]))
    assert script["page"](maps) == PAGE, "run scripts/transposes"
    least_moves(script, maps)
