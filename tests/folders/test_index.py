from __future__ import annotations

from pathlib import Path

from bridge.folders.index import by_cause, counts, page
from bridge.folders.tasks import Outcome, Task

FOLDER, OUTPUT = Path("/nets"), Path("/out")


def task(name: str) -> Task:
    return Task(FOLDER / f"{name}.prototxt", None, "onnx", OUTPUT / f"{name}.onnx")


SUMMARY = {
    "bytes": 1234567,
    "parameters": 9,
    "verdict": "equal",
    "largest_difference": None,
    "seconds": 1,
    "warnings": ["<i>"],
}
OUTCOMES = {
    task("a"): Outcome("refused", error="b: no rule for <b>", cause="no rule"),
    task("b"): Outcome("refused", error="too old", cause="too old"),
    task("c"): Outcome("refused", error="c: no rule", cause="no rule"),
    task("d"): Outcome("converted", SUMMARY),
    task("e"): Outcome("differs", error="off by 1", cause="off"),
}


def test_the_most_frequent_cause_stands_first() -> None:
    causes = [(cause, len(tasks)) for cause, tasks in by_cause(OUTCOMES, "refused")]
    assert causes == [("no rule", 2), ("too old", 1)]
    assert counts(OUTCOMES) == {"converted": 1, "refused": 3, "differs": 1}


def test_the_page_has_all_of_them_and_nothing_of_them_is_markup() -> None:
    text = page(OUTCOMES, FOLDER, OUTPUT)
    assert "no rule (2)" in text
    assert "b: no rule for &lt;b&gt;" in text
    assert "1,234,567" in text
    assert "&lt;i&gt;" in text
    assert text.index("the numbers differ") < text.index("Refused") < text.index("d.onnx")
    assert "<script" not in text
    assert "http" not in text


def test_names_are_short_and_a_file_is_a_link_from_the_page() -> None:
    text = page({task("in #1/net\udcff"): Outcome("converted", SUMMARY)}, FOLDER, OUTPUT)
    assert '<a href="in%20%231/net%FF.onnx">in #1/net\\udcff.onnx</a>' in text
    assert '<td data-head="net">in #1/net\\udcff.prototxt</td>' in text
    assert str(FOLDER / "in") not in text


def test_a_cause_that_begins_a_list_has_no_colon_before_its_count() -> None:
    outcome = Outcome("refused", error="no rule:", cause="no rule:")
    assert "no rule (1)" in page({task("a"): outcome}, FOLDER, OUTPUT)


def test_a_name_that_is_no_text_is_an_escape() -> None:
    text = page({task("net\udcff"): Outcome("refused", error="no", cause="no")}, FOLDER, OUTPUT)
    assert "net\\udcff.prototxt" in text
    text.encode("utf-8")
