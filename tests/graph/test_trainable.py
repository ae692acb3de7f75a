from __future__ import annotations

import pytest

from bridge.graph.trainable import is_trainable

X = ("batch", 3, "h", 5)


@pytest.mark.parametrize(
    ("constant", "trainable"),
    [
        ((1, 3, 1, 1), True),
        ((3, 1, 1), True),
        ((5,), True),
        ((3, 1, 5), True),
        ((), False),
        ((1, 1), False),
        ((2, 3, 1, 1), False),
        ((7, 1), False),
        ((4, 1, 1), False),
        ((1, 1, 3, 1, 1), False),
    ],
)
def test_a_weight_spans_axes_of_known_size(constant: tuple[int, ...], trainable: bool) -> None:
    assert is_trainable(constant, X, "Conv") == trainable
    assert not is_trainable(constant, X, "AveragePool")
