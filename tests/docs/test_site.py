"""scripts/site: the pages that it builds, and what it refuses."""

from __future__ import annotations

import sys
import tomllib
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import bridge
from bridge.cli.app import USAGES

ROOT = Path(__file__).parents[2]


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    for name in ("_environments", "_site"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return import_module("_site")


def repository(folder: Path, readme: str) -> Path:
    (folder / "docs").mkdir(parents=True)
    (folder / "models").mkdir()
    for name in ("CHANGELOG.md", "CONTRIBUTING.md"):
        (folder / name).write_text("# A page\n")
    (folder / "README.md").write_text(readme)
    return folder


def test_pages_bring_what_they_link_to(site: ModuleType, tmp_path: Path) -> None:
    text = "![a](docs/a.svg) [b](docs/b.md#part) [c](models) [d](https://example.org) [e](#f)"
    root = repository(tmp_path / "root", f"{text}\n```\n[no](link.md)\n```\n")
    (root / "docs" / "a.svg").write_text("<svg/>")
    (root / "docs" / "b.md").write_text("[back](../README.md) [far](../far/README.md)")
    (root / "far").mkdir()
    (root / "far" / "README.md").write_text("# Far\n")
    pages = site.stage(root, tmp_path / "pages")
    assert Path("far/README.md") in pages
    assert (tmp_path / "pages" / "docs" / "a.svg").read_text() == "<svg/>"
    staged = (tmp_path / "pages" / "README.md").read_text()
    assert staged == (root / "README.md").read_text().replace("[c](models)", "c")


def test_a_folder_with_a_page_is_that_page(site: ModuleType, tmp_path: Path) -> None:
    root = repository(tmp_path / "root", "[nets](models/)")
    (root / "models" / "README.md").write_text("# Nets\n")
    pages = site.stage(root, tmp_path / "pages")
    assert (tmp_path / "pages" / "README.md").read_text() == "[nets](models/README.md)"
    assert Path("models/README.md") in pages


def test_a_link_that_leads_nowhere_is_refused(site: ModuleType, tmp_path: Path) -> None:
    root = repository(tmp_path / "root", "[gone](docs/gone.md)")
    with pytest.raises(site.BrokenLinkError, match=r"README\.md links to .*gone\.md"):
        site.stage(root, tmp_path / "pages")


def test_the_docs_themselves_link_to_what_is_there(site: ModuleType, tmp_path: Path) -> None:
    pages = {*map(str, site.stage(ROOT, tmp_path / "pages")), "docs/commands.md", "docs/python.md"}
    config = tomllib.loads((ROOT / "docs" / "site.toml").read_text(encoding="utf-8"))
    groups = [group for entry in config["project"]["nav"] for group in entry.values()]
    entries = [{"": group} if isinstance(group, str) else group for group in groups]
    listed = [
        path
        for entry in entries
        for page in ([entry] if isinstance(entry, dict) else entry)
        for path in page.values()
    ]
    assert sorted({*listed} - pages) == [], "in the navigation, and no page"
    docs = {page for page in pages if Path(page).parent == Path("docs")}
    assert sorted(docs - {*listed}) == [], "pages that are not in the navigation"


def test_the_reference_has_every_command_and_every_function(site: ModuleType) -> None:
    commands = site.commands_page()
    assert [line[3:] for line in commands.splitlines() if line.startswith("## ")] == [*USAGES]
    assert "* `--fold-bn`: Fold batch normalisations" in commands
    python = site.python_page()
    assert all(f"\n## {name}\n" in python for name in bridge.__all__)
    assert "    io_layout: IoLayout = 'channels_last',\n" in python
    assert " at 0x" not in python
    assert "| CheckError | 1 |" in python


def test_the_site_is_built_without_a_broken_link(site: ModuleType) -> None:
    pytest.importorskip("zensical", reason="Zensical is not installed: scripts/test does it")
    assert site.build() == 0
    assert (site.BUILD / "html" / "docs" / "commands" / "index.html").is_file()
    assert (site.BUILD / "html" / "search.json").is_file()
