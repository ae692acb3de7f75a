"""The values within a net on which a conversion is checked, besides its outputs.

A fault hides in front of a Softmax or a Sigmoid that returns nearly the same whatever it reads, and
an early one may be hidden by many later layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridge.check.backends.backend import Origin

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
    known = [name for name in origins if name in bytes_of]
    names: list[str] = []
    left = MAX_BYTES
    hidden = hidden[: MAX_VALUES // 2]
    for name in dict.fromkeys([*hidden, *_spread(known, MAX_VALUES - len(hidden))]):
        if name in bytes_of and bytes_of[name] <= left and len(names) < MAX_VALUES:
            names.append(name)
            left -= bytes_of[name]
    return names


def _spread(names: Sequence[str], count: int) -> list[str]:
    """`count` of the names, evenly spaced."""
    return list(dict.fromkeys(names[i * len(names) // count] for i in range(count) if names))
