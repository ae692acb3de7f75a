"""Which layers stand between two values."""

from __future__ import annotations

from bridge.check.compare import Row
from bridge.check.locate import located, stretch
from bridge.check.report import Report
from bridge.check.sides.side import Origin

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
    return [origin.layer for origin in stretch(names[0], GRAPH, set(names[1:])).origins]


def test_a_layer_whose_inputs_are_known_stands_alone() -> None:
    assert layers("b", "a") == ["two"]
    assert stretch("e", GRAPH, {"c", "d"}).inputs == ("c", "d")


def test_unknown_values_are_walked_over() -> None:
    assert layers("b", "data") == ["one", "two"]
    assert set(layers("e", "b")) == {"three", "four", "five"}
    assert layers("e", "b")[-1] == "five"
    assert stretch("e", GRAPH, {"b"}).inputs == ("b",)


def test_a_value_of_unknown_origin_has_none() -> None:
    assert stretch("x", GRAPH, {"a"}).origins == ()


def rows(**errors: float) -> tuple[Row, ...]:
    found = [Row(name, (2,), (2,), error, 1e-4) for name, error in errors.items()]
    return located(found, GRAPH, {"data"}, {"e"})


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
    kinds = {row.name: row.kind for row in rows(a=0, b=0, c=0, d=0, e=0)}
    assert kinds["b"] == "copies and picks"
    assert kinds["e"] == "computes"
