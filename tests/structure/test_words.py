"""The field's terms: a short list of retired words does not come back.

CONTRIBUTING.md has the glossary of the terms that are ours.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("bridge", "docs", "scripts", "tests", "README.md", "CONTRIBUTING.md")

# Names that need a noun for the thing instead.
AS_WHOLE_NAMES = frozenset("each found given made told wished".split())
# Words that are no part of a name: `_own_places`, `Joined`, `respell_all`.
IN_NAMES = frozenset(
    """
    demand doors heavy joined lookback misfit misfits outlook place places prover respell stranger
    sweep thinning wished
    """.split()
)
# The field of a report's row has the name of its key in JSON.
PUBLIC_NAMES = frozenset(["place"])
PUBLIC_IN = "bridge/check/compare.py"

PROSE = (
    r"places?",
    r"this is no",
    r"there is no such",
    r"prover",
    r"respell\w*",
    r"sweeps?",
    r"thinning",
    r"wished",
    r"outlook",
    r"(heavy|light) atoms?",
    r"plain layouts?",
    r"carr(y|ies|ied) over",
    r"made up by fillers",
)
# Plain English: `in place`, `takes place`, `change places`, `in its place`, `decimal places`. And
# code in a text.
NOT_PROSE = re.compile(
    r"\b(in|takes?|took|taken|changes?|decimal)[ -]((its|their)[ -])?places?\b|`[^`\n]*`|{[^}\n]*}",
    re.IGNORECASE,
)
RETIRED = re.compile(rf"\b({'|'.join(PROSE)})\b", re.IGNORECASE)


class Use(NamedTuple):
    """A retired word in a file."""

    line: int
    word: str


def retired_names(source: str) -> Iterator[Use]:
    """The names of functions, classes, arguments and variables that a module defines."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
                line = node.lineno
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                line = node.lineno
            case _:
                continue
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().strip("_")
        words = words.replace("in_place", "")
        if words in AS_WHOLE_NAMES or IN_NAMES.intersection(words.split("_")):
            yield Use(line, name)


def retired_prose(text: str, first_line: int = 1) -> Iterator[Use]:
    """The retired words of a text."""
    plain = NOT_PROSE.sub(lambda match: " " * len(match[0]), text)
    for match in RETIRED.finditer(plain):
        yield Use(first_line + plain.count("\n", 0, match.start()), match[0])


def prose_of(source: str) -> Iterator[tuple[int, str]]:
    """The comments and the strings of a module, docstrings and messages among them, by lines."""
    kinds = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", -1)}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        # What is one word may be a key.
        if token.type in kinds and " " in token.string:
            yield token.start[0], token.string


def uses_in(path: Path) -> list[Use]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return list(retired_prose(text))
    prose = [use for line, part in prose_of(text) for use in retired_prose(part, line)]
    names = [
        use
        for use in retired_names(text)
        if not (use.word in PUBLIC_NAMES and path == ROOT / PUBLIC_IN)
    ]
    return sorted([*names, *prose])


def files() -> Iterator[Path]:
    for part in PARTS:
        for path in [ROOT / part, *sorted((ROOT / part).rglob("*"))]:
            if path.is_file() and path != Path(__file__) and is_ours(path):
                yield path


def is_ours(path: Path) -> bool:
    """Whether a file is a page or Python; a script has no suffix."""
    first_line = path.read_bytes()[:64].partition(b"\n")[0]
    return path.suffix in (".py", ".md") or first_line.endswith(b"python3")


def test_no_retired_word_comes_back() -> None:
    assert [
        f"{path.relative_to(ROOT)}:{use.line}: {use.word}"
        for path in files()
        for use in uses_in(path)
    ] == []


@pytest.mark.parametrize(
    "source",
    [
        "for each in nodes: pass",
        "found = 1",
        "_own_places = 1",
        "def sweep(): pass",
        "def f(given): pass",
        "class Joined: pass",
        "self.made = 1",
        "with f() as place: pass",
        '"""The place of a value."""',
        'raise E(f"there is no such {x}")',
        "x = 1  # the heavy atoms",
    ],
)
def test_a_retired_word_is_found(tmp_path: Path, source: str) -> None:
    (tmp_path / "module.py").write_text(source)
    assert len(uses_in(tmp_path / "module.py")) == 1


@pytest.mark.parametrize(
    "source",
    [
        "replaced = made_of = placeholder = is_in_place = 1",
        "print(each, node.place)",
        '"""Changes it in place, or in-place, or another in its place; it takes place."""',
        'x = {"place": 1, "given": 2}',
        "# The layouts found, for each of the inputs given.",
    ],
)
def test_plain_english_is_let_through(tmp_path: Path, source: str) -> None:
    (tmp_path / "module.py").write_text(source)
    assert uses_in(tmp_path / "module.py") == []
