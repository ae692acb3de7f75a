"""What a report says."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bridge.check.compare import Row
from bridge.check.report import Report
from bridge.errors import CheckError

GOOD = Row("conv1", (1, 2), (1, 2), 1e-6, 1e-4, (0, 1), layers=("conv1 (Conv)",), inputs=("data",))
BAD = Row(
    "pool1", (1, 2), (1, 2), 0.5, 1e-4, (0, 0), layers=("pool1 (MaxPool)",), inputs=("conv1",)
)
DEAD = Row("prob", (1, 2), (1, 2), 0, 1e-9, doubt="it is the same for all inputs", is_output=True)
SHORT = Row("fc", (1, 5), (1, 4), float("inf"), 1e-4, inputs=("pool1",))


def test_one_row_that_differs_is_the_verdict() -> None:
    assert Report("this", (GOOD,)).ok
    assert not Report("this", (GOOD, BAD)).ok
    assert str(Report("this", (GOOD,))) == "this: 1 blob equal, worst 1e-06 of 0.0001 allowed"
    assert "2 blobs NOT EQUAL" in str(Report("this", (GOOD, BAD)))


def test_the_first_to_differ_is_told_with_its_inputs() -> None:
    assert Report("this", (GOOD, BAD, SHORT)).located() == (
        "'pool1' is the first to differ: off by 0.5 at (0, 0), 0.0001 allowed\n"
        "  made by pool1 (MaxPool)\n"
        "  from 'conv1', which agrees: off by 1e-06 at (0, 1), 0.0001 allowed"
    )


@pytest.mark.parametrize(
    ("count", "words"), [(1, "1 of 2 values differs"), (2, "2 of 2 values differ")]
)
def test_how_many_values_differ_is_told_where_they_were_counted(count: int, words: str) -> None:
    report = Report("this", (GOOD, replace(BAD, differing=count)))
    assert f"off by 0.5 at (0, 0), 0.0001 allowed; {words} by more" in report.located()


def test_pictures_are_for_pages_alone() -> None:
    assert {"maps", "diagram"}.isdisjoint(Report("this", (GOOD,)).as_dict())


def test_shapes_are_told_as_such() -> None:
    report = Report("this", (SHORT,)).located()
    assert "'fc' is the first to differ: shape 1 4 instead of 1 5" in report
    assert "from 'pool1', which both were fed" in report


def test_nothing_diverges_where_all_is_well() -> None:
    assert Report("this", (GOOD,)).located() == "no layer diverges"


def test_that_nothing_differs_can_be_required() -> None:
    for report in (Report("this", (GOOD,)), Report("this", (DEAD,))):
        assert report.require_no_difference() is report
    with pytest.raises(CheckError, match="'pool1' differs") as refused:
        Report("this", (GOOD, BAD)).require_no_difference()
    assert "fault of bridge" in str(refused.value)


def test_half_precision_is_not_at_once_bridges_fault() -> None:
    with pytest.raises(CheckError, match="computes in float16") as refused:
        Report("this", (BAD,), dtypes=("float16", "float32")).require_no_difference()
    assert "fault of bridge" not in str(refused.value)


def test_an_output_that_tells_nothing_is_the_verdict() -> None:
    report = Report("this", (GOOD, DEAD))
    assert (report.verdict, report.ok, report.doubts) == ("cannot tell", False, (DEAD,))
    assert str(report).startswith("this: CANNOT TELL whether 2 blobs are equal")
    assert report.doubted() == "'prob': it is the same for all inputs"
    assert Report("this", (DEAD, BAD)).verdict == "differs"


def test_a_value_within_that_tells_nothing_is_no_loss() -> None:
    within, end = replace(DEAD, is_output=False), replace(GOOD, is_output=True)
    assert Report("this", (within, end)).verdict == "equal"
    assert Report("this", (within, GOOD)).verdict == "cannot tell"


def test_it_can_be_told_as_json() -> None:
    parsed = json.loads(json.dumps(Report("this", (GOOD, BAD, SHORT)).as_dict(), allow_nan=False))
    assert (parsed["ok"], parsed["first"], parsed["faults"]) == (False, "pool1", ["pool1"])
    assert [row["ok"] for row in parsed["rows"]] == [True, False, False]
    assert parsed["verdict"] == "differs"
    assert [row["verdict"] for row in parsed["rows"]] == ["equal", "differs", "differs"]
    assert parsed["rows"][2]["error"] == "inf"


def test_a_notebook_shows_what_differs_first() -> None:
    report = Report("this <b>", (GOOD, BAD))
    assert repr(report) == f"<Report {report}>"
    html = report._repr_html_()
    assert html.index("<td>pool1</td>") < html.index("<td>conv1</td>")
    assert "this &lt;b&gt;: 2 blobs NOT EQUAL" in html
