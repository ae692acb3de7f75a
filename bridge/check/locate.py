"""Where a fault lies: which layers stand between two compared values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from bridge.check.backends.backend import Origin
from bridge.check.compare import Row, worst
from bridge.check.draws import Tally
from bridge.check.tolerance import judged, precision


@dataclass(frozen=True)
class Stretch:
    """The layers that make a value from the nearest values that are known, and those values."""

    origins: tuple[Origin, ...]
    inputs: tuple[str, ...]

    @property
    def operators(self) -> set[str]:
        return {origin.operator for origin in self.origins}

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(map(str, self.origins))


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
    tally: Tally,
    origins: Mapping[str, Origin],
    fed: Collection[str],
    outputs: Collection[str],
    dtypes: Collection[str] = (),
) -> tuple[Row, ...]:
    """The rows of all runs as one each, in graph order, with the layers and inputs that they came
    from, and judged. What the net gives out was computed apart from the values within, so it is
    not held to those. `dtypes` are those in which the two sides compute."""
    known = {*tally.names, *fed}
    moving = changing(origins, fed)
    done: dict[str, list[Row]] = {}
    for name in tally.names:
        found = stretch(name, origins, known)
        computed_from = [done[each] for each in found.inputs if each in done]
        done[name] = [
            judged(
                replace(row, is_output=name in outputs, inputs=found.inputs, layers=found.layers),
                tally.variation.of(name),
                found.operators,
                [rows[run] for rows in computed_from],
                at=precision({*dtypes, *row.dtypes}),
                depends=name not in origins or name in moving,
            )
            for run, row in enumerate(tally.rows[name])
        ]
    return tuple(map(worst, done.values()))


# Of a value these know the shape alone.
_MEASURING = frozenset(["Shape", "Size"])


def changing(origins: Mapping[str, Origin], fed: Collection[str]) -> set[str]:
    """The values in which the numbers that are fed have a part. Origins come in graph order."""
    found = set(fed)
    for name, origin in origins.items():
        if origin.operator not in _MEASURING and not found.isdisjoint(origin.inputs):
            found.add(name)
    return found
