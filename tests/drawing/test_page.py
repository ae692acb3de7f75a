"""The page of a net, as text and in a real browser."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

import bridge
from bridge.drawing.diagram import Diagram, Node, Value
from bridge.drawing.page import page
from bridge.errors import UsageError
from bridge.translation import TranslationMap
from tests.drawing.browser import chromium, opened

LENET = Path(__file__).parents[2] / "models" / "digits-lenet" / "deploy.prototxt"
EMPTY = TranslationMap("net", (), ())


def drawn(tmp_path: Path) -> str:
    bridge.explain(LENET, html=tmp_path / "net.html")
    return (tmp_path / "net.html").read_text(encoding="utf-8")


def test_the_page_needs_nothing_else_and_is_the_same_each_time(tmp_path: Path) -> None:
    text = drawn(tmp_path)
    assert not re.search(
        r"<script src|<link|<img|@import|url\(|https?:(?!//www.w3.org/2000/svg)", text
    )
    assert text == drawn(tmp_path)
    assert "w.reshape(128, 50, 2, 2).transpose(2, 3, 1, 0).reshape(200, 128)" in text


def test_a_browser_runs_the_one_script_and_no_other(tmp_path: Path) -> None:
    text = drawn(tmp_path)
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in (
        text.replace("&#39;", "'")
    )


def test_names_are_escaped() -> None:
    node = Node("</title><script>alert(1)</script>", {}, (), ("<b>&",))
    text = page("<i>", Diagram((node,), {"<b>&": Value("<b>&", is_output=True)}), EMPTY)
    assert "<script>alert" not in text
    assert "<b>" not in text
    assert "<i>" not in text
    assert "&lt;b&gt;&amp;" in text


def test_where_a_page_cannot_be_written_nothing_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a name ending in \.html"):
        bridge.explain("missing.prototxt", html=tmp_path / "net.pdf")
    net = tmp_path / "net.html"
    net.write_text("a net, whatever its name")
    with pytest.raises(UsageError, match="would overwrite an input"):
        bridge.explain(net, html=net)


@pytest.mark.nightly
def test_in_a_browser_the_script_starts_without_a_complaint(tmp_path: Path) -> None:
    browser = chromium()
    drawn(tmp_path)
    dom = opened(browser, tmp_path / "net.html")
    assert 'class="net alone ready"' in dom
    assert re.search(r'<g transform="translate\([-\d. ]+\) scale\(1\)">', dom)


# What a person does, as the browser tells it to the page; what came of it is the title.
DOING = """<script>
const svg = document.querySelector("figure.net svg"), all = svg.querySelector("g");
const frame = svg.getBoundingClientRect(), seen = [];
const at = (x, y) => ({
  bubbles: true, cancelable: true, pointerId: 1, clientX: frame.left + x, clientY: frame.top + y,
});
const note = () => {
  const numbers = all.getAttribute("transform").match(/[-\\d.]+/g);
  seen.push(numbers.map(Number).map(Math.round).join(" "));
};
svg.setPointerCapture = () => {};
note();
svg.dispatchEvent(new PointerEvent("pointerdown", at(100, 100)));
svg.dispatchEvent(new PointerEvent("pointermove", at(130, 160)));
svg.dispatchEvent(new PointerEvent("pointerup", at(130, 160)));
note();
svg.dispatchEvent(new WheelEvent("wheel", { ...at(0, 0), deltaY: -400 * Math.log(2) }));
note();
const find = document.querySelector("input");
find.value = "IP1";
find.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
seen.push(document.querySelector("figure.net pre").textContent.split("\\n")[0]);
document.title = seen.join("; ");
</script>"""


@pytest.mark.nightly
def test_in_a_browser_dragging_moves_a_wheel_zooms_and_a_search_shows(tmp_path: Path) -> None:
    browser = chromium()
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", drawn(tmp_path))
    (tmp_path / "done.html").write_text(text.replace("</body>", f"{DOING}</body>"), "utf-8")
    title = re.search(r"<title>([^<]*)</title>", opened(browser, tmp_path / "done.html"))
    assert title is not None
    before, dragged, zoomed, shown = title[1].split("; ")
    x, y, scale = map(int, before.split())
    assert dragged == f"{x + 30} {y + 60} {scale}"
    assert zoomed == f"{2 * (x + 30)} {2 * (y + 60)} 2"
    assert shown == "ip1"
