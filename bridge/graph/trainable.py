"""Which constants are weights."""

from __future__ import annotations

from collections.abc import Sequence


def is_trainable(constant: Sequence[object], x: Sequence[object], producer: str) -> bool:
    """Whether a constant of this shape, as a factor or summand of a tensor x, is a weight, and not
    a number or a fixed table; `producer` is the operator that computes x.

    A factor for each image of a batch is no weight, and what follows an average pooling corrects
    its divisor at the borders: to train either would be wrong. A weight spans axes of known size,
    of a tensor that has elements.
    """
    leading = len(x) - len(constant)
    spans = {axis + leading: size for axis, size in enumerate(constant) if size != 1}
    known = all(axis > 0 and x[axis] == size for axis, size in spans.items())
    applies = leading >= 0 and bool(spans) and 0 not in x
    return applies and known and producer != "AveragePool"
