"""scripts/_figure.py: what it draws is what the docs show."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

FIGURE = Path(__file__).parents[2] / "docs" / "reshape.svg"


def test_the_figure_is_the_one_that_is_drawn(script: Callable[[str], ModuleType]) -> None:
    figure = script("_figure.py").reshape_figure()
    numbers = "".join(re.findall(r'class="n"[^>]*>(\d)<', figure))
    assert numbers == "01234567" + "02461357" + "01234567"
    assert FIGURE.read_text(encoding="utf-8") == figure, "run scripts/generate"
