from __future__ import annotations

import pytest

from bridge.layout.size import Size, common_cuts, product, quotient, rounded_quotient, total


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((), 1),
        ((2, 3), 6),
        (("batch",), "batch"),
        ((2, "batch", 3), "6*batch"),
        (("w", "h"), "h*w"),
        (("batch", 1), "batch"),
        (("h", 2, "h"), "2*h*h"),
        (("batch*6",), "6*batch"),
        (("2*batch", "3*h"), "6*batch*h"),
        (("2 * batch",), "2*batch"),
        (("h+1",), "h+1"),
        (("h+1", 2), "2*(h+1)"),
        (("2*(h+1)", 3), "6*(h+1)"),
        (("floor(h/2)", "w"), "(floor(h/2))*w"),
        (("a b", 2), "2*(a b)"),
        (("(h*w)", 2), "2*h*w"),
        (("((h+1))", "w"), "(h+1)*w"),
        # As PyTorch's exporter names the sizes behind a convolution with strides.
        (("((((s - 1)//4)) + 1)*w", 8), "8*((s+3)//4)*w"),
        (("8*(((((s - 1)//4)) + 1)*w)",), "8*((s+3)//4)*w"),
        (("h*w+h", 2), "2*(w+1)*h"),
        (("2*h+4*w",), "2*(2*w+h)"),
        (("h-1", "w"), "(h-1)*w"),
        (("Max(1, s)", 2), "2*(Max(1, s))"),
        (("h//w", 2), "2*(h//w)"),
        (("h+", 2), "2*(h+)"),
        (("batch", 0), 0),
        (("0*batch",), 0),
    ],
)
def test_product(sizes: tuple[Size, ...], expected: Size) -> None:
    assert product(sizes) == expected


@pytest.mark.parametrize(
    ("size", "divisor", "expected"),
    [
        (6, 3, 2),
        (6, 4, None),
        (3, 6, None),
        ("6*batch", "batch", 6),
        ("6*batch", 4, None),
        ("6*batch", "2*batch", 3),
        ("6*batch", 6, "batch"),
        ("batch", 2, None),
        (6, "batch", None),
        ("h*w", "h", "w"),
        ("h*h", "h", "h"),
        ("h", "h*h", None),
        ("batch", "batch", 1),
        ("batch", "h", None),
        ("2*(h+1)", "h+1", 2),
        ("2*((((s - 1)//4)) + 1)", "(((s - 1)//4)) + 1", 2),
        ("6", 3, 2),
        (0, 3, 0),
        (0, 0, None),
        ("batch", 0, None),
        ("3*(d/nonzero.1)", "d/nonzero.1", 3),
        ("3*(a b)*(h+1)", "a b", "3*(h+1)"),
    ],
)
def test_quotient(size: Size, divisor: Size, expected: Size | None) -> None:
    assert quotient(size, divisor) == expected


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((2, 3), 5),
        (("batch", "batch"), "2*batch"),
        (("w", 1, "h", 2), "w+h+3"),
        (("h", 3, "w"), "w+h+3"),
        (("h", 0), "h"),
        ((0, 0), 0),
        (("h", -1), "h-1"),
        (("h", "-h"), 0),
        (("2*(h+1)", 1), "2*h+3"),
        (("h*(w+1)", "-h"), "h*w"),
        (("-h", 5), "-h+5"),
    ],
)
def test_total(sizes: tuple[Size, ...], expected: Size) -> None:
    assert total(sizes) == expected


@pytest.mark.parametrize(
    ("size", "divisor", "expected"),
    [
        (7, 2, 3),
        (-1, 2, -1),
        ("h", 1, "h"),
        ("h", 2, "h//2"),
        ("4*h+3", 2, "2*h+1"),
        ("2*h+3", 4, "(h+1)//2"),
        ("3*h", 2, "h+h//2"),
        ("h-1", 2, "(h+1)//2-1"),
        ("h*w", 2, "(h*w)//2"),
        ("h//2", 3, "h//6"),
        ("(h+1)//2+1", 2, "(h+3)//4"),
        ("h//2+w//2", 2, "(w+2*(h//2))//4"),
        ("2*(h//2)", 2, "h//2"),
    ],
)
def test_rounded_quotient(size: Size, divisor: int, expected: Size) -> None:
    assert rounded_quotient(size, divisor) == expected


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ((), (), ([], [])),
        ((6,), (2, 3), ([[2, 3]], [[2], [3]])),
        ((6, 4), (3, 8), ([[3, 2], [4]], [[3], [2, 4]])),
        ((2, 3), (3, 2), None),
        ((2, 3), (6, 6), None),
        ((), (2,), None),
        (("batch", 6), ("2*batch", 3), ([["batch"], [2, 3]], [["batch", 2], [3]])),
        (("batch", 6), (6, "batch"), None),
        ((0,), (0,), None),
    ],
)
def test_common_cuts(
    one: tuple[Size, ...], two: tuple[Size, ...], expected: tuple[list[list[Size]], ...] | None
) -> None:
    assert common_cuts(one, two) == expected
