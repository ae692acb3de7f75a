"""Where a fault lies: which layers stand between two compared values."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from bridge.check.compare import Row
from bridge.check.sides.side import Origin
from bridge.check.tolerance import COMPUTES, class_of, limit


@dataclass(frozen=True)
class Stretch:
    """The layers that make a value from the nearest values that are known, and those values."""

    origins: tuple[Origin, ...]
    inputs: tuple[str, ...]


def stretch(name: str, origins: Mapping[str, Origin], known: Collection[str]) -> Stretch:
    """Walks back from a value to what is known: compared, or fed. Origins come in graph order."""
    passed: dict[str, Origin] = {}
    sources: dict[str, None] = {}
    waiting = [name]
    while waiting:
        value = waiting.pop()
        if value in passed or value not in origins:
            continue
        passed[value] = origins[value]
        for source in origins[value].inputs:
            if source in known:
                sources[source] = None
            else:
                waiting.append(source)
    # Walking back meets the last layer first.
    layers = dict.fromkeys(reversed(passed.values()))
    return Stretch(tuple(layers), tuple(sources))


def located(
    rows: Sequence[Row],
    origins: Mapping[str, Origin],
    fed: Collection[str],
    ends: Collection[str],
) -> tuple[Row, ...]:
    """The rows, in graph order, each with the layers and inputs that it came from, and with the
    limit of its class of operators. What the net gives out, at its `ends`, was computed apart
    from the values within, so it is not held to those."""
    known = {row.name for row in rows} | set(fed)
    done: dict[str, Row] = {}
    for row in rows:
        found = stretch(row.name, origins, known)
        inputs = [done[name] for name in found.inputs if name in done]
        operators = {origin.operator for origin in found.origins}
        kind = COMPUTES if row.name in ends else class_of(operators)
        done[row.name] = replace(
            row,
            limit=limit(row, kind, inputs),
            layers=tuple(map(str, found.origins)),
            inputs=found.inputs,
            kind=kind.name,
        )
    return tuple(done.values())
