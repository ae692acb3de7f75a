"""Which layers stand between two values."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.check.backends.backend import Origin
from bridge.check.compare import Row
from bridge.check.draws import Tally
from bridge.check.locate import dependent_values, located, segment
from bridge.check.report import Report

#   data ─ a ─ b ─┬─ c ── e
#                 └─ d ──┘
GRAPH = {
    "a": Origin("one", "Conv", ("data",)),
    "b": Origin("two", "Relu", ("a",)),
    "c": Origin("three", "Conv", ("b",)),
    "d": Origin("four", "Conv", ("b",)),
    "e": Origin("five", "Concat", ("c", "d")),
}


def layers(*names: str) -> list[str]:
    return [origin.layer for origin in segment(names[0], GRAPH, set(names[1:])).origins]


def test_a_layer_whose_inputs_are_known_stands_alone() -> None:
    assert layers("b", "a") == ["two"]
    assert segment("e", GRAPH, {"c", "d"}).inputs == ("c", "d")


def test_unknown_values_are_walked_over() -> None:
    assert layers("b", "data") == ["one", "two"]
    assert set(layers("e", "b")) == {"three", "four", "five"}
    assert layers("e", "b")[-1] == "five"
    assert segment("e", GRAPH, {"b"}).inputs == ("b",)


def test_a_value_of_unknown_origin_has_none() -> None:
    assert segment("x", GRAPH, {"a"}).origins == ()


def rows(**errors: float) -> tuple[Row, ...]:
    tally = Tally()
    for name, error in errors.items():
        tally.add(name, np.array([0.0, 1.0]), np.array([0.0, 1.0 + error]))
    return located(tally, GRAPH, {"data"}, {"e"})


def test_the_fault_is_where_the_inputs_agree() -> None:
    report = Report("", rows(a=0, b=0, c=0, d=1, e=1))
    assert [row.name for row in report.faults] == ["d"]
    assert report.first is not None
    assert report.first.layers == ("four (Conv)",)


def test_faults_on_two_branches_are_two() -> None:
    assert [row.name for row in Report("", rows(a=0, b=0, c=1, d=1, e=1)).faults] == ["c", "d"]


def test_everything_behind_a_fault_follows_from_it() -> None:
    assert [row.name for row in Report("", rows(a=1, b=1, c=1, d=1, e=1)).faults] == ["a"]


def test_what_the_net_gives_out_is_no_copy_of_what_was_computed_apart() -> None:
    by_name = {row.name: row for row in rows(a=0, b=0, c=0, d=0, e=0)}
    assert (by_name["b"].kind, by_name["b"].is_output) == ("copies and picks", False)
    assert (by_name["e"].kind, by_name["e"].is_output) == ("computes", True)


def test_the_inputs_of_the_same_run_count() -> None:
    """What a copy is allowed in one run is no matter of what its input was off by in another."""
    tally = Tally()
    for error in (1e-5, 0.0):
        for name in ("a", "b"):
            one = np.array([0.0, 1.0])
            tally.add(name, one, np.array([0.0, 1 + (1e-5 if name == "b" else error)]))
    (_, b) = located(tally, GRAPH, {"data"}, ())
    assert (b.verdict, b.error) == ("differs", pytest.approx(1e-5))


def test_what_does_not_hang_on_the_inputs_by_structure() -> None:
    graph = {
        "shape": Origin("shape", "Shape", ("data",)),
        "size": Origin("size", "Gather", ("shape",)),
        "constant": Origin("constant", "Identity", ()),
        "y": Origin("y", "Mul", ("data", "size")),
    }
    assert dependent_values(graph, {"data"}) == {"data", "y"}


def test_a_constant_needs_no_spread_and_a_dead_value_does() -> None:
    graph = {"c": Origin("c", "Identity", ()), "y": Origin("y", "Conv", ("data",))}
    tally = Tally()
    for name in ("c", "y"):
        for _ in range(2):
            tally.add(name, np.ones(3), np.ones(3))
    verdicts = {row.name: row.verdict for row in located(tally, graph, {"data"}, {"c", "y"})}
    assert verdicts == {"c": "equal", "y": "cannot tell"}
