"""Lines of source: as Ruff formats them, whatever is too long."""

from __future__ import annotations

from bridge.script.lines import Brackets, Source, commented, keyword, lines, listed, statement
from tests.script.scripts import assert_clean

ITEMS = [f'"argument  {number}"' for number in range(9)]
HEAD = "def f(*items, **options):\n    return items, options\n"


def written(*statements: list[str]) -> str:
    """Functions, each of one statement."""
    functions = ["\n".join([f"def f_{n}():", *body]) for n, body in enumerate(statements)]
    return "\n\n\n".join([HEAD.rstrip(), *functions]) + "\n"


def of(source: Source, applied: list[Source] | None = None, comment: str = "") -> list[str]:
    return list(statement("return ", source, applied, comment, "    "))


def test_statements_are_formatted() -> None:
    cases = [
        (1, of(Brackets("f", ["1", keyword("a", "2")]))),
        (1, of(Brackets("f", ["1"]), ["f"], "h w c: 8 8 3")),
        (2, of(Brackets("f", ITEMS[:5]), None, "h w c: 8 8 3, and so on and on")),
        (3, of(Brackets("f", ITEMS[:6]), None)),
        (11, of(Brackets("f", ITEMS))),
        (13, of(Brackets("f", [listed(ITEMS)]))),
        (13, of(Brackets("f", ["1", keyword("a", listed(ITEMS[:8], "()"))]))),
        (4, of(Brackets("f", ITEMS[:6]), [listed(ITEMS[:4])])),
        (1, of(keyword("a", "1") and listed(["1"], "()"))),
    ]
    for count, lines_ in cases:
        assert len(lines_) == count, lines_
        assert max(map(len, lines_)) <= 100
    assert_clean(written(*(lines_ for _, lines_ in cases)))


def test_a_text_that_is_too_long_stays_whole() -> None:
    assert list(lines("x" * 120, "    ")) == ["    " + "x" * 120]
    assert list(commented("x" * 120, "")) == []
    assert list(commented("h w: 2 3", "  ")) == ["  # h w: 2 3"]
    assert list(commented("c: 7", "  ")) == []
