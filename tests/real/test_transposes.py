"""docs/transposes.md is what a run over the public nets finds, and it claims no more than that."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "scripts" / "transposes"))


@pytest.fixture(scope="module")
def found(script: dict[str, Any], real_models: Path, zoo: Path) -> Any:
    return script["nets"]([real_models, zoo])


def test_the_page_is_what_the_script_writes(script: dict[str, Any], found: Any) -> None:
    written = (ROOT / "docs" / "transposes.md").read_text(encoding="utf-8")
    assert written == script["page"](found), "run scripts/transposes"


def test_no_model_moves_more_than_any_has_to(script: dict[str, Any], found: Any) -> None:
    for name, each in found.items():
        moved = sum(transpose.bytes for transpose in each.transposes)
        assert moved == script["least"](each), name


def test_trained_nets_are_not_transposed(found: Any, real_models: Path) -> None:
    names = {path.name for path in real_models.iterdir()} & found.keys()
    assert len(names) == 15
    assert {name: found[name].transposes for name in names} == dict.fromkeys(names, ())
