"""The docs as a site: the pages of the repository, as they link each other, and a reference that is
made of the commands and of the Python interface. Zensical builds it: it is what the authors of
Material for MkDocs keep, whose own releases are marked inactive."""

from __future__ import annotations

import inspect
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "site"
CONFIG, STYLE = ROOT / "docs" / "site.toml", ROOT / "docs" / "site.css"
ZENSICAL = Path(sys.executable).with_name("zensical")

FIRST = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")
FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


class BrokenLinkError(Exception):
    """A page links to a file that is not there."""


def stage(root: Path, pages: Path) -> list[Path]:
    """Writes to `pages` all pages of the repository that are linked from README.md and docs/, and
    the files that they link to. Returns the pages, by their paths in the repository.

    Raises BrokenLinkError for a link to a file that is not there.
    """
    waiting = [root / name for name in FIRST] + sorted((root / "docs").glob("*.md"))
    done: list[Path] = []
    while waiting:
        page = waiting.pop(0)
        if page in done:
            continue
        done.append(page)
        text = without_folders(page.read_text(encoding="utf-8"), page)
        for target in dict.fromkeys(targets(text, page)):
            if not target.exists():
                raise BrokenLinkError(f"{page.relative_to(root)} links to {target}")
            if target.suffix == ".md":
                waiting.append(target)
            elif target.is_file():
                copied = pages / target.relative_to(root)
                copied.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(target, copied)
        written = pages / page.relative_to(root)
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(text, encoding="utf-8")
    return [page.relative_to(root) for page in done]


def targets(text: str, page: Path) -> Iterator[Path]:
    """The files, and folders, that a page links to."""
    for match in LINK.finditer(FENCE.sub("", text)):
        path = match[3].partition("#")[0]
        if path and "://" not in path:
            yield (page.parent / path).resolve()


def without_folders(text: str, page: Path) -> str:
    """A page whose links to folders, which are no pages, are plain text; a folder with a README
    links to that."""

    def respelled(match: re.Match[str]) -> str:
        folder = page.parent / match[3]
        if "://" in match[3] or match[3].startswith("#") or not folder.is_dir():
            return match[0]
        if (folder / "README.md").is_file():
            return f"{match[1]}[{match[2]}]({match[3].rstrip('/')}/README.md)"
        return match[2]

    return LINK.sub(respelled, text)


def commands_page() -> str:
    """Every command with its arguments and options, as its help has them."""
    from bridge.cli import app
    from bridge.cli.app import PROGRAM, USAGES

    parts = ["# Commands\n\n`python -m bridge COMMAND --help` prints the same.\n"]
    for name, usage in USAGES.items():
        text = app[name].generate_docs(output_format="markdown")
        body = text.partition("```\n")[2]  # behind its own heading and call
        body = body.replace("**Parameters**:", "**Options**:").replace(" *[default: False]*", "")
        call = " ".join(filter(None, (PROGRAM, name, usage, "[OPTIONS]")))
        parts.append(f"## {name}\n\n```console\n$ {call}\n```\n{body.strip()}\n")
    return "\n".join(parts)


def python_page() -> str:
    """The functions of the package and its errors, by their own docstrings."""
    import bridge
    from bridge import errors

    parts = ["# Python\n\nWhat `import bridge` has.\n"]
    for name in bridge.__all__:
        thing = getattr(bridge, name)
        call = f"\n```python\n{_call(name, thing)}\n```\n" if inspect.isfunction(thing) else ""
        parts.append(f"## {name}\n{call}\n{inspect.getdoc(thing) or ''}\n")
    parts.append("## Errors\n\nEach is a BridgeError, and has an exit status.\n")
    parts.append("| error | exit status | |\n| --- | --- | --- |")
    for name, kind in vars(errors).items():
        if inspect.isclass(kind) and issubclass(kind, errors.BridgeError):
            about = " ".join((inspect.getdoc(kind) or "").partition("\n\n")[0].split())
            parts.append(f"| {name} | {kind.exit_status} | {about} |")
    return "\n".join(parts) + "\n"


def _call(name: str, function: Callable[..., object]) -> str:
    """As Python writes it, a line for each parameter."""
    signature = inspect.signature(function)
    lines = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "    *" not in lines:
            lines.append("    *")
        default = parameter.default
        text = f"    {parameter.name}: {parameter.annotation}"
        if default is not parameter.empty:
            text += f" = {getattr(default, '__name__', repr(default))}"
        lines.append(text)
    return (
        f"{name}(\n"
        + "".join(f"{line},\n" for line in lines)
        + (f") -> {signature.return_annotation}")
    )


def build(zensical: Path = ZENSICAL) -> int:
    """Writes the pages and the config, and builds them strictly. Returns the exit status."""
    shutil.rmtree(BUILD / "pages", ignore_errors=True)
    stage(ROOT, BUILD / "pages")
    for name, text in (("commands", commands_page()), ("python", python_page())):
        (BUILD / "pages" / "docs" / f"{name}.md").write_text(text, encoding="utf-8")
    shutil.copyfile(STYLE, BUILD / "pages" / "docs" / STYLE.name)
    shutil.copyfile(CONFIG, BUILD / "zensical.toml")
    command = [zensical, "build", "--clean", "--strict"]
    return subprocess.run(command, cwd=BUILD, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(build())
