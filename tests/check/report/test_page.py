"""The HTML report, as text and in a real browser."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

import bridge
from bridge.check.compare import Row
from bridge.check.report import Report
from bridge.check.report.page import page, percent, write_page
from bridge.check.report.where import DifferenceMap
from bridge.drawing.diagram import Diagram, Node, Value
from bridge.errors import UsageError
from tests.drawing.browser import chromium, opened
from tests.helpers.small_net import PROTOTXT, Small

ROW = Row("conv1", (2, 3), (2, 3), 1e-6, 1e-4, (0, 1), layers=("conv1 (Conv)",))


def test_errors_lie_on_a_logarithmic_scale() -> None:
    assert [percent(10.0**e) for e in (-12, -9, -3, 3, 9)] == [0, 0, 50, 100, 100]
    assert percent(0) == 0
    assert percent(float("inf")) == percent(float("nan")) == 100


def test_the_page_needs_nothing_else() -> None:
    text = page(Report("this", (ROW,)))
    assert not re.search(r"<script|<link|<img|@import|url\(|https?:", text)


def test_a_page_with_a_graph_runs_the_one_script_that_moves_it() -> None:
    node = Node("</title><script>alert(1)</script>", {}, (), ("conv1",))
    diagram = Diagram((node,), {"conv1": Value("conv1", is_output=True)})
    text = page(Report("this", (ROW,), diagram=diagram))
    assert text.count("<script>") == text.count("Content-Security-Policy") == 1
    assert "alert(1)</script>" not in text


def test_how_many_values_differ_is_said_and_where() -> None:
    shape = (1, 2, 4, 5)
    row = replace(ROW, expected_shape=shape, received_shape=shape, error=1.0, differing=3)
    image = DifferenceMap("conv1", (0, 1), (4, 5), ((0, 4), (1, 0)))
    text = " ".join(page(Report("this", (row,), maps=(image,))).split())
    assert "In it 3 of 40 values differ by more than 1.0e-04." in text
    assert '<path class="level4" d="M1 0h1v1h-1z"/>' in text
    assert "n 0, c 1 of 4 × 5; 3 of 40 values differ" in text


def test_names_are_escaped() -> None:
    row = Row("<b>&", (1,), (1,), 0.0, 1e-4, layers=("<i> (Conv)",))
    text = page(Report("<title>", (row,)))
    assert "<b>&" not in text
    assert "&lt;b&gt;&amp;" in text


class Balance(HTMLParser):
    """Whether every tag is closed."""

    VOID = frozenset({"meta", "br", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_well_formed() -> None:
    balance = Balance()
    image = DifferenceMap("conv1", (0, 1), (4, 5), ((0, 4), (1, 0)))
    diagram = Diagram((Node("a", {}, (), ("conv1",)),), {"conv1": Value("conv1", is_output=True)})
    report = Report("this", (ROW,), permutations=("a: x to y",), warnings=("w",))
    balance.feed(page(replace(report, maps=(image,), diagram=diagram)))
    assert balance.open == []


def test_it_is_written_as_html_only(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a name ending in \.html"):
        write_page(Report("this", (ROW,)), tmp_path / "page.pdf")
    with pytest.raises(UsageError, match="no such folder"):
        write_page(Report("this", (ROW,)), tmp_path / "nowhere" / "page.html")
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(UsageError, match="this is a folder"):
        write_page(Report("this", (ROW,)), tmp_path / "folder.html")


def test_where_it_cannot_be_written_nothing_is_compared(tmp_path: Path) -> None:
    """The models are not even opened."""
    with pytest.raises(UsageError, match=r"a name ending in \.html"):
        bridge.check("missing.onnx", "missing.keras", report=tmp_path / "page.pdf")


# --- in a browser ---------------------------------------------------------------------------------


def text_of(dom: str, element: str) -> str:
    match = re.search(rf'id="{element}"[^>]*>(.*?)</', dom, re.DOTALL)
    return match[1].strip() if match else ""


@pytest.mark.nightly
def test_a_browser_shows_the_verdict_on_open_nsfw(real_models: Path, tmp_path: Path) -> None:
    browser = chromium()
    net = real_models / "open_nsfw_resnet50_1by2"
    path = tmp_path / "net.onnx"
    bridge.caffe_to_onnx(net / "deploy.prototxt", net / "weights.caffemodel", path, check=False)
    report = bridge.check(net / "blobs.npz", path, report=tmp_path / "page.html")
    dom = opened(browser, tmp_path / "page.html")
    assert report.ok
    assert text_of(dom, "verdict") == "Equal"
    assert dom.count("<tr>") >= len(report.rows) == 73


@pytest.mark.nightly
def test_a_browser_shows_which_layer_is_wrong(small: Small, tmp_path: Path) -> None:
    browser = chromium()
    wrong = small.rewritten(tmp_path, PROTOTXT.replace("k: 2", "k: 1"))
    bridge.check(small.onnx, wrong, report=tmp_path / "page.html")
    dom = opened(browser, tmp_path / "page.html")
    assert text_of(dom, "verdict") == "Not equal"
    assert text_of(dom, "first") == "norm1"
    assert 'class="net ready"' in dom
    assert "made by norm1 (LRN)" in text_of(dom, "located")


@pytest.mark.nightly
def test_paper_shows_a_table_with_a_line_for_each_blob(tmp_path: Path) -> None:
    browser = chromium()
    names = [f"conv_stage{n}_block{n}_branch2a" for n in range(200)]
    rows = tuple(
        replace(
            ROW, name=f"{name}:{name}", layers=(f"{name} (BatchNormalization)",), kind="computes"
        )
        for name in names
    )
    layouts = {row.name: "n c h w -> n h w c" for row in rows}
    html = write_page(Report("this", rows, layouts=layouts), tmp_path / "page.html")
    opened(browser, html, f"--print-to-pdf={tmp_path / 'page.pdf'}")
    pages = re.findall(rb"/Type /Page\b", (tmp_path / "page.pdf").read_bytes())
    assert 4 <= len(pages) <= 7
