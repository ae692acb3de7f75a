"""Locates a fault: the layers between two compared values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from bridge.check.backends.backend import Origin
from bridge.check.compare import INFORMATIVE, Row, worst
from bridge.check.draws import Tally
from bridge.check.tolerance import COMPUTES, NARROW, SINGLE, judged, precision


@dataclass(frozen=True)
class Segment:
    """The layers that compute a value from the nearest known values, and those values."""

    origins: tuple[Origin, ...]
    inputs: tuple[str, ...]

    @property
    def operators(self) -> set[str]:
        return {origin.operator for origin in self.origins}

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(map(str, self.origins))


def segment(name: str, origins: Mapping[str, Origin], known: Collection[str]) -> Segment:
    """Walks back from a value to known ones: compared, or inputs. Origins are in graph order."""
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
    return Segment(tuple(layers), tuple(sources))


def located(
    tally: Tally,
    origins: Mapping[str, Origin],
    fed: Collection[str],
    outputs: Collection[str],
    dtypes: Collection[str] = (),
) -> tuple[Row, ...]:
    """One judged row for each value, of all its runs, in graph order, with the layers that computed
    it and their inputs. The outputs of the net were computed apart from the values within, and
    are judged by themselves. `dtypes` are those in which the two models compute."""
    known = {*tally.names, *fed}
    dependent = dependent_values(origins, fed)
    done: dict[str, list[Row]] = {}
    for name in tally.names:
        path = segment(name, origins, known)
        computed_from = [done[source] for source in path.inputs if source in done]
        done[name] = [
            judged(
                replace(
                    row,
                    is_output=name in outputs,
                    inputs=path.inputs,
                    layers=path.layers,
                    run=run,
                ),
                tally.variation.of(name),
                path.operators,
                [rows[run] for rows in computed_from],
                at=precision(dtypes, row.dtypes),
                depends=name not in origins or name in dependent,
            )
            for run, row in enumerate(tally.rows[name])
        ]
    return tuple(map(worst, done.values()))


def held_to_rounding(
    rows: Sequence[Row],
    tally: Tally,
    dtypes: Collection[str],
    rounding: Callable[[Sequence[str]], Mapping[str, float]],
) -> tuple[Row, ...]:
    """The rows, in which outputs that differ are held to measured rounding as well: numbers that
    nearly cancel have more of it than their size shows. `rounding` measures by how much an
    implementation differs from itself, of values by name; two may differ by twice that. Never more
    than is ever allowed, nor so much that the output could not tell right from wrong."""
    errors = {row.name: max(run.error for run in tally.rows[row.name]) for row in rows}
    near = {row.name: row for row in rows if _is_near(row, errors[row.name])}
    if not near or not NARROW.keys().isdisjoint(dtypes):
        return tuple(rows)
    measured = rounding(list(near))
    limits = {}
    for name, row in near.items():
        varies = tally.variation.of(name) or 0.0
        limit = min(2 * measured.get(name, 0.0), SINGLE.cap(row), varies / INFORMATIVE)
        if errors[name] <= limit:
            limits[name] = limit
    return tuple(replace(row, limit=limits.get(row.name, row.limit)) for row in rows)


def _is_near(row: Row, error: float) -> bool:
    """Whether an output is beyond its own limit, and not beyond what is ever allowed."""
    is_computed = row.is_output and row.kind == COMPUTES.name
    return is_computed and row.verdict == "differs" and row.limit < error <= SINGLE.cap(row)


# These read only the shape of a value.
_MEASURING = frozenset(["Shape", "Size"])


def dependent_values(origins: Mapping[str, Origin], fed: Collection[str]) -> set[str]:
    """The values that depend on the numbers of the inputs. Origins are in graph order."""
    dependent = set(fed)
    for name, origin in origins.items():
        if origin.operator not in _MEASURING and not dependent.isdisjoint(origin.inputs):
            dependent.add(name)
    return dependent
