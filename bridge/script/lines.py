"""Source as `ruff format` has it, in lines of at most 100 characters.

A call that is too long has all its arguments in one line below it, or else each in a line of its
own; a list that is too long has each item in a line of its own. (Source: Ruff's and Black's style)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

WIDTH = 100
INDENT = "    "


@dataclass(frozen=True)
class Brackets:
    """`head(…)`, a call; without `is_call` a list or a tuple, with what stands before it."""

    head: str
    items: Sequence[Source]
    ends: str = "()"
    is_call: bool = True

    def __str__(self) -> str:
        items = ", ".join(map(str, self.items))
        comma = "," if self.ends == "()" and not self.is_call and len(self.items) == 1 else ""
        return f"{self.head}{self.ends[0]}{items}{comma}{self.ends[1]}"


Source = str | Brackets


def listed(items: Sequence[Source], ends: str = "[]") -> Brackets:
    """A list, or with round brackets a tuple."""
    return Brackets("", items, ends, is_call=False)


def keyword(name: str, value: Source) -> Source:
    """`name=value`"""
    if isinstance(value, str):
        return f"{name}={value}"
    return replace(value, head=f"{name}={value.head}")


def lines(source: Source, indent: str, before: str = "", after: str = "") -> Iterator[str]:
    """The lines of `before`, the source and `after`."""
    line = f"{indent}{before}{source}{after}"
    if len(line) <= WIDTH or isinstance(source, str) or not source.items:
        yield line
        return
    inner = indent + INDENT
    yield f"{indent}{before}{source.head}{source.ends[0]}"
    row = inner + ", ".join(map(str, source.items))
    if source.is_call and len(row) <= WIDTH:
        yield row
    elif source.is_call and len(source.items) == 1:
        yield from lines(source.items[0], inner)
    else:
        for item in source.items:
            yield from lines(item, inner, after=",")
    yield f"{indent}{source.ends[1]}{after}"


def statement(
    target: str, source: Source, applied: Sequence[Source] | None, comment: str, indent: str
) -> Iterator[str]:
    """`target` and a source, and, if it is a layer, applied, with a comment behind it; a layer
    that is too long for one line has a line before its application.

    `target` ends with ` = `, or is `return `.
    """
    whole = f"{indent}{target}{source}"
    whole += "" if applied is None else f"({', '.join(map(str, applied))})"
    if comment and len(whole) + len(comment) + 4 <= WIDTH:
        yield f"{whole}  # {comment}"
        return
    if comment:
        yield from commented(comment, indent)
    if len(whole) <= WIDTH:
        yield whole
    elif applied is None:
        yield from lines(source, indent, target)
    else:
        yield from lines(source, indent, "layer = ")
        yield from lines(Brackets("layer", applied), indent, target)


def commented(comment: str, indent: str) -> Iterator[str]:
    """A comment in a line of its own, unless it is longer than one; `c: 7` would be taken for code
    that somebody left there."""
    line = f"{indent}# {comment}"
    if len(line) <= WIDTH and not comment.partition(":")[0].isidentifier():
        yield line
