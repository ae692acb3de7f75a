from __future__ import annotations

import pytest

from bridge.layout import Layout, einops_sizes

NHWC = Layout.ordered((2, 3, 4, 5), (0, 2, 3, 1))
SPLIT = Layout(((2,), (2, 3), (4,), (5,)), ((0,), (3,), (4,), (2, 1)))


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        (Layout.identity(()), "->"),
        (Layout.identity((3,)), "n -> n"),
        (Layout.ordered((2, 3), (1, 0)), "n c -> c n"),
        (Layout.ordered((2, 3, 4), (0, 2, 1)), "n c w -> n w c"),
        (NHWC, "n c h w -> n h w c"),
        (Layout.ordered((2, 3, 4, 5, 6), (0, 2, 3, 4, 1)), "n c d h w -> n d h w c"),
        (NHWC.grouped((2, 60)), "n (c h w) -> n (h w c)"),
        (NHWC.grouped((2, 3, 20)), "n c (h w) -> n (h w) c"),
        (SPLIT, "n (c1 c2) h w -> n h w (c2 c1)"),
        (Layout.identity((2,) * 6), "x1 x2 x3 x4 x5 x6 -> x1 x2 x3 x4 x5 x6"),
        (Layout(((2,),) * 5 + ((2, 2),), ((0, 1, 2, 3, 4, 6, 5),)),
         "x1 x2 x3 x4 x5 (x6_1 x6_2) -> (x1 x2 x3 x4 x5 x6_2 x6_1)"),
        (Layout.ordered((1, 4), (1, 0)).canonical(), "1 n -> n 1"),
    ],
)  # fmt: skip
def test_text(layout: Layout, text: str) -> None:
    assert layout.text() == str(layout) == text


def test_names_are_those_of_axes_or_of_atoms() -> None:
    assert NHWC.text("abcd") == "a b c d -> a c d b"
    assert SPLIT.text("abcd") == "a (b1 b2) c d -> a c d (b2 b1)"
    assert SPLIT.text("ngkhw") == "n (g k) h w -> n h w (k g)"


def test_names_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="4 axes of 5 atoms, but names abc"):
        SPLIT.text("abc")


def test_what_einops_cannot_say_stands_behind() -> None:
    twisted = Layout(((2, 3),), ((1, 0),))
    axis = Layout.concatenated([twisted, Layout.identity((4,))])
    layout = Layout.product([Layout.identity((2,)), axis], (0, 1))
    assert str(layout) == "n c -> n c; c = [(n c) -> (c n)] + [n -> n]"


@pytest.mark.parametrize(
    ("layout", "sizes"),
    [
        (Layout.ordered((2, 3, 4, 5), (0, 2, 3, 1)), {}),
        (Layout((("batch",), (3, 4, 5)), ((0,), (2, 3, 1))), {"c": 3, "h": 4, "w": 5}),
        (Layout((("batch", 3), (4,)), ((0,), (2, 1))), {"c": 3}),
    ],
)
def test_einops_is_told_the_letters_that_share_an_axis(
    layout: Layout, sizes: dict[str, int]
) -> None:
    assert einops_sizes(layout) == sizes
