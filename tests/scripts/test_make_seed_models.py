"""scripts/make_seed_models: what is committed is what the script makes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.mark.parametrize("net", ["seed-conv", "seed-conv-2x2"])
def test_the_committed_weights_are_the_scripts(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, net: str
) -> None:
    module = script("make_seed_models")
    committed = module.MODELS / net / "weights.caffemodel"
    for folder in ("seed-conv", "seed-conv-2x2"):
        (tmp_path / folder).mkdir()
    monkeypatch.setattr(module, "MODELS", tmp_path)
    module.main()
    assert (tmp_path / net / "weights.caffemodel").read_bytes() == committed.read_bytes()
