"""The values within a net on which a conversion is checked, besides its outputs.

A fault hides in front of a Softmax or a Sigmoid that returns nearly the same whatever it reads, and
an early one may be hidden by many later layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridge.check.backends.backend import Origin
from bridge.check.tolerance import COPIES

MAX_VALUES = 24
MAX_BYTES = 32 << 20

_SQUASHING = frozenset(
    """
    ArgMax Cast Clip Exp HardSigmoid LogSoftmax NonMaxSuppression QuantizeLinear Sigmoid Softmax
    Tanh TopK
    """.split()
)


def values_within(origins: Mapping[str, Origin], bytes_of: Mapping[str, int]) -> list[str]:
    """The inputs of squashing operators, the last first, and others from all over the graph.

    At most MAX_VALUES of those that are in `bytes_of`, which take MAX_BYTES at most. Origins are in
    graph order.
    """
    hidden = [
        name
        for origin in reversed(list(origins.values()))
        if origin.operator in _SQUASHING
        for name in origin.inputs
    ]
    sums = _sums(origins)
    known = [name for name in origins if name in bytes_of and name not in sums]
    names: list[str] = []
    left = MAX_BYTES
    hidden = hidden[: MAX_VALUES // 2]
    for name in dict.fromkeys([*hidden, *_spread(known, MAX_VALUES - len(hidden))]):
        if name in bytes_of and bytes_of[name] <= left and len(names) < MAX_VALUES:
            names.append(name)
            left -= bytes_of[name]
    return names


def _sums(origins: Mapping[str, Origin]) -> set[str]:
    """Sums and means, and copies of them: of numbers that were not compared they may be the
    rounding of these and no more, as the mean of what has been normalised is."""
    sums = set[str]()
    for name, origin in origins.items():
        copies = origin.operator in COPIES.operators and not sums.isdisjoint(origin.inputs)
        if copies or origin.operator in ("ReduceMean", "ReduceSum"):
            sums.add(name)
    return sums


def _spread(names: Sequence[str], count: int) -> list[str]:
    """`count` of the names, evenly spaced."""
    return list(dict.fromkeys(names[i * len(names) // count] for i in range(count) if names))
