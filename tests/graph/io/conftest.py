from __future__ import annotations

import pytest

from bridge.graph.io import saving


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The golden nets are small; so their weights count as large here."""
    monkeypatch.setattr(saving, "PAGE", 64)
