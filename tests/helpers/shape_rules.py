"""What the tests of Caffe's shapes share: a layer by itself, and tests made of tables of cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from bridge.caffe.files.prototxt import interpret
from bridge.caffe.files.textformat import parse
from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes import LayerShapes, layer_shapes
from bridge.errors import Location, ShapeError

IMAGE = (2, 4, 6, 7)
LOCATION = Location("net.prototxt", 7, 1)

# The type, its parameters as text, the bottoms, the tops, the weights.
ShapesCase = tuple[str, str, list[Shape], list[Shape], list[Shape]]
# The type, its parameters as text, the bottoms, how many tops, the message.
Refusal = tuple[str, str, list[Shape], int, str]


def layer(type_: str, bottoms: int, tops: int, params: str = "") -> Layer:
    """A layer with the bottoms b0, b1, ... and the tops t0, t1, ..."""
    message, notes = interpret(parse(params, "net.prototxt"), "LayerParameter")
    assert not notes
    names = tuple(f"b{i}" for i in range(bottoms)), tuple(f"t{i}" for i in range(tops))
    return Layer("l", type_, *names, LOCATION, dict(message))


def shapes_of(type_: str, params: str, *bottoms: Shape, tops: int = 1) -> LayerShapes:
    return layer_shapes(layer(type_, len(bottoms), tops, params), bottoms)


def shapes_test(cases: Sequence[ShapesCase]) -> Callable[..., Any]:
    """A test that layers have these shapes."""

    @pytest.mark.parametrize(("type_", "params", "bottoms", "tops", "weights"), cases)
    def test(
        type_: str, params: str, bottoms: list[Shape], tops: list[Shape], weights: list[Shape]
    ) -> None:
        shapes = shapes_of(type_, params, *bottoms, tops=len(tops))
        assert shapes == LayerShapes(tuple(tops), tuple(weights))

    return test


def refusals_test(cases: Sequence[Refusal]) -> Callable[..., Any]:
    """A test that layers are refused, with these messages."""

    @pytest.mark.parametrize(("type_", "params", "bottoms", "tops", "problem"), cases)
    def test(type_: str, params: str, bottoms: list[Shape], tops: int, problem: str) -> None:
        with pytest.raises(ShapeError, match=problem) as refusal:
            shapes_of(type_, params, *bottoms, tops=tops)
        assert str(refusal.value.where) == f"net.prototxt:7:1, layer 'l' ({type_})"

    return test
