"""Windows over the axes of a map."""

from __future__ import annotations

import pytest

from bridge.tflite.graph import Graph, NotWrittenError, Tensor
from bridge.tflite.windows import Windows, on_a_plane, sides_of


@pytest.mark.parametrize(
    ("windows", "counts"),
    [
        (Windows.of(2, 3, 1, "valid"), (5, 6)),
        (Windows.of(2, (3, 2), 2, "same"), (4, 4)),
        (Windows.of(2, 3, (2, 3), "valid"), (3, 2)),
        (Windows.of(2, 3, 1, "valid", 2), (3, 4)),
        (Windows.of(2, 2, None, "valid"), (3, 4)),
    ],
)
def test_how_many_there_are(windows: Windows, counts: tuple[int, ...]) -> None:
    assert windows.counts((7, 8)) == counts
    assert windows.counts((7, None))[1] is None


def test_a_line_is_a_plane_of_height_1() -> None:
    windows = Windows.of(1, (3,), 2, "same")
    assert (windows.kernel, windows.strides) == ((1, 3), (1, 2))
    assert windows.options == {"padding": 0, "stride_h": 1, "stride_w": 2}
    g = Graph()
    line = on_a_plane(g, Tensor("x", (None, 4, 2), "float32"), lambda x: x)
    assert line.shape == (None, 4, 2)
    assert [o.code for o in g.operators] == ["EXPAND_DIMS", "SQUEEZE"]


def test_other_paddings_are_said() -> None:
    with pytest.raises(NotWrittenError, match="padding 'causal'"):
        Windows.of(1, 3, 1, "causal")


@pytest.mark.parametrize(
    ("value", "rank", "sides"),
    [
        (1, 2, [(1, 1), (1, 1)]),
        ((1, 2), 1, [(1, 2)]),
        ((1, 2), 2, [(1, 1), (2, 2)]),
        (((1, 2), (3, 4)), 2, [(1, 2), (3, 4)]),
    ],
)
def test_sides_as_keras_spells_them(value: object, rank: int, sides: list[tuple[int, int]]) -> None:
    assert sides_of(value, rank) == sides
