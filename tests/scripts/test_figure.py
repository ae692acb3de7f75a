"""scripts/_figure.py: what it draws is what the docs show."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

DOCS = Path(__file__).parents[2] / "docs"
FIGURE = DOCS / "reshape.svg"


def test_the_figure_is_the_one_that_is_drawn(script: Callable[[str], ModuleType]) -> None:
    figure = script("_figure.py").reshape_figure()
    numbers = "".join(re.findall(r'class="n"[^>]*>(\d)<', figure))
    assert numbers == "01234567" + "02461357" + "01234567"
    assert FIGURE.read_text(encoding="utf-8") == figure, "run scripts/generate"


def cells(figure: str) -> list[tuple[str, int]]:
    """The colour and the number of each cell, in the order in which they are drawn."""
    drawn = re.findall(r'fill="(#\w+)"/><text class="n"[^>]*>(\d+)<', figure)
    return [(colour, int(number)) for colour, number in drawn]


@pytest.mark.parametrize("name", ["convolution", "grouped", "flatten"])
def test_each_number_keeps_its_colour_on_its_way(
    script: Callable[[str], ModuleType], name: str
) -> None:
    module = script("_figure.py")
    figure = module.weight_figure(module.WAYS[name])
    drawn = cells(figure)
    size = len(drawn) // 2
    caffe, keras = drawn[:size], drawn[size:]
    assert [number for _, number in caffe] == [*range(size)]
    assert sorted(keras) == sorted(caffe)
    assert keras != caffe
    assert (DOCS / f"weight-{name}.svg").read_text("utf-8") == figure, "run scripts/generate"


def test_the_kernel_of_a_convolution_is_transposed(script: Callable[[str], ModuleType]) -> None:
    module = script("_figure.py")
    drawn = cells(module.weight_figure(module.WAYS["convolution"]))[16:]
    kernel = np.arange(16).reshape(2, 2, 2, 2)
    assert [number for _, number in drawn] == [*kernel.transpose(2, 3, 1, 0).ravel()]
