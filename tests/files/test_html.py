from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bridge.errors import UsageError
from bridge.files.html import rendered, table


def test_a_name_is_text_and_no_markup() -> None:
    values = {"headings": {"converted": "Converted"}, "converted": [], "causes": {}, "counts": {}}
    values |= {"folder": Path("<b>"), "output": "", "total": 0}
    filters = {"within": lambda path, folder: f"{folder / path}", "link": str}
    text = rendered("bridge.folders", values, filters)
    assert "<h1>&lt;b&gt;</h1>" in text


def test_without_jinja2_a_page_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(
        UsageError, match=r"jinja2 is needed for a page(.|\n)*pip install .+\[report\]"
    ):
        rendered("bridge.folders", {})


def test_a_table_is_short_and_its_names_are_text() -> None:
    text = table("<i>", ("a", "b"), [("<b>", 1)] * 31)
    assert "<p>&lt;i&gt;</p>" in text
    assert text.count("<td>&lt;b&gt;</td><td>1</td>") == 30
    assert '<td colspan="2">and 1 more</td>' in text
    assert table("nothing", ("a",), []) == "<p>nothing</p><table></table>"
