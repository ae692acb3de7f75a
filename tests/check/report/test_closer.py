"""How many numbers of a value differ, and where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bridge.check.compare import Row, compare
from bridge.check.report import Report
from bridge.check.report.closer import looked_closer

Array = NDArray[np.float32]
IMAGE = np.zeros((1, 2, 4, 4), np.float32)


def looked(
    pairs: dict[str, tuple[Array, Array]], maps: bool = True, runs: Sequence[int] = ()
) -> tuple[Report, list[tuple[int, list[str]]]]:
    """The report, and which values of which run were asked for."""
    asked: list[tuple[int, list[str]]] = []
    rows = [compare(name, *pair) for name, pair in pairs.items()]
    rows = [replace(row, run=run) for row, run in zip(rows, runs or [0] * len(rows), strict=True)]

    def repeat(run: int, names: Sequence[str]) -> Iterator[tuple[str, Array, Array]]:
        asked.append((run, [*names]))
        yield from ((name, *pairs[name]) for name in names)

    return looked_closer(Report("this", tuple(rows)), repeat, maps=maps), asked


def test_the_numbers_that_differ_are_counted() -> None:
    one = np.arange(1000, dtype=np.float32)
    other = one.copy()
    other[[3, 500, 999]] += [1, -2, 0.05]
    report, _ = looked({"a": (one, other), "same": (one, one)})
    assert [row.differing for row in report.rows] == [2, 0]
    assert report.located().startswith(
        "'a' is the first to differ: off by 2 at (500,), 0.1 allowed; 2 of 1,000 values differ"
    )


def test_numbers_that_only_one_has_are_among_them_and_equal_ones_are_not() -> None:
    one = np.float32([np.nan, np.inf, np.inf, 1, np.nan, np.finfo(np.float32).min])
    other = np.float32([np.nan, np.inf, 1, 1, 0, np.finfo(np.float32).min])
    report, _ = looked({"a": (one, other)})
    assert report.rows[0].differing == 2


def test_only_what_differs_is_computed_again_each_in_its_run() -> None:
    one, other = IMAGE, IMAGE + 1
    pairs = {"a": (one, one), "b": (one, other), "c": (one, other), "shape": (one, other[0])}
    report, asked = looked(pairs, runs=[0, 1, 0, 1])
    assert asked == [(0, ["c"]), (1, ["b"])]
    assert [row.differing for row in report.rows] == [0, 32, 32, 0]


def test_where_all_agree_nothing_is_computed_again() -> None:
    report, asked = looked({"a": (IMAGE, IMAGE)})
    assert (asked, report.maps) == ([], ())


def test_maps_are_of_images_and_only_for_a_page() -> None:
    flat = np.zeros((1, 8), np.float32)
    pairs = {"a": (IMAGE, IMAGE + 1), "b": (flat, flat + 1)}
    assert [image.name for image in looked(pairs)[0].maps] == ["a"]
    assert looked(pairs, maps=False)[0].maps == ()


def test_faults_have_their_maps_before_what_follows_from_them() -> None:
    rows = [Row(name, (1,), (1,), 1.0, 0.1, inputs=of) for name, of in (("a", ()), ("b", ("a",)))]
    pairs = {row.name: (IMAGE, IMAGE + 1 + i) for i, row in enumerate(rows)}
    compared = [replace(compare(r.name, *pairs[r.name]), inputs=r.inputs) for r in rows]
    report = looked_closer(
        Report("this", tuple(compared)),
        lambda run, names: ((name, *pairs[name]) for name in names),
        maps=True,
    )
    assert [image.name for image in report.maps] == ["a", "b"]
