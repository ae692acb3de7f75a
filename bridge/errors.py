"""The exceptions of `bridge`, as one small tree.

BridgeError
├── UsageError             the call is at fault: a path, an option, a mode
├── ReadError              a Caffe file is broken or does not fit its other half
│   ├── PrototxtError        the text: syntax, a field of the wrong kind
│   │   └── UnknownFieldError    unknown fields, all of the net's at once
│   └── WeightsError         the caffemodel: damaged, or other shapes and names than the net's
├── ShapeError             the net cannot have these shapes (Caffe itself would abort)
├── UnsupportedError       understood, but not supported
│   ├── UnsupportedLayerError     Caffe layers, all of the net's at once
│   └── UnsupportedOperatorError  ONNX operators, all of the graph's at once
├── GraphError             an ONNX graph that breaks its own rules
├── CheckError             converted, but the numbers differ
└── InternalError          a fault of bridge itself, that asks for a report
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Location:
    """A position in a file; `line` and `column` count from 1, and are None for the whole file."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part)

    @classmethod
    def of(cls, path: str | Path) -> Location:
        return cls(str(path))


class BridgeError(Exception):
    """What is wrong, where, what was expected, what was received, what to do.

    Each has its own line in the text, which leaves out what is not known, and `lines` stand below
    the first. Whatever names of a file are in it, they make no line of their own and do nothing to
    a terminal (see `plain`); what is longer than LONGEST is cut.

        net.prototxt:12, layer 'conv1' (Convolution): the weights do not fit
          expected: 96 3 11 11
          received: 64 3 11 11
          hint: is this the caffemodel of another net?
    """

    exit_status = 2

    # The warnings before it, to be shown with it: the cause may be among them.
    warnings: tuple[str, ...] = ()

    def __init__(
        self,
        problem: str,
        *,
        where: object = None,
        expected: object = None,
        received: object = None,
        hint: str | None = None,
        lines: Sequence[str] = (),
    ) -> None:
        self.problem, self.where, self.lines = problem, where, lines
        self.expected, self.received, self.hint = expected, received, hint
        super().__init__(self._text())

    def _text(self) -> str:
        head = self.problem if self.where is None else f"{self.where}: {self.problem}"
        lines = [*self.lines]
        details = (("expected", self.expected), ("received", self.received))
        lines += [f"{kind}: {value}" for kind, value in details if value is not None]
        text = [plain(head), *(f"  {plain(line)}" for line in lines)]
        if self.hint is not None:
            text.append("  hint: " + AND_HINT.join(map(plain, self.hint.split(AND_HINT))))
        return "\n".join(text)

    def as_dict(self) -> dict[str, str | None]:
        """All of it as text, for JSON."""
        parts = {part: getattr(self, part) for part in ("where", "expected", "received", "hint")}
        texts = {part: None if value is None else str(value) for part, value in parts.items()}
        return {"error": str(self), "problem": self.problem, **texts}

    def __reduce__(self) -> tuple[object, ...]:
        """Pickled by its parts, as text: another process may lack the classes of what they are."""
        texts = self.as_dict()
        build = partial(
            type(self),
            where=texts["where"],
            expected=texts["expected"],
            received=texts["received"],
            hint=texts["hint"],
            lines=[*map(str, self.lines)],
        )
        return build, (self.problem,), {"warnings": self.warnings}

    def with_hint(self, hint: str) -> Self:
        """The same error with another hint, after its own if it has one."""
        return self._with(hint="; ".join(text for text in (self.hint, hint) if text))

    def at(self, where: object) -> Self:
        """The same error with another location."""
        return self._with(where=where)

    def _with(self, **changed: Any) -> Self:
        parts = ("where", "expected", "received", "hint", "lines")
        own = {part: getattr(self, part) for part in parts}
        return type(self)(self.problem, **{**own, **changed})


class UsageError(BridgeError):
    """The call is at fault."""


class ReadError(BridgeError):
    """A Caffe file cannot be read, or two files do not belong together."""


class PrototxtError(ReadError):
    """The prototxt is not valid text format, or a field has a value of the wrong kind."""


class UnknownFieldError(PrototxtError):
    """Fields or values that are unknown, set twice, or not supported; the text lists every one of
    the net."""


class WeightsError(ReadError):
    """The caffemodel is damaged, or its blobs are not those of the net."""


class ShapeError(BridgeError):
    """A layer cannot take the shapes of its inputs."""


class UnsupportedError(BridgeError):
    """A feature that is understood, but not supported."""


class UnsupportedLayerError(UnsupportedError):
    """Caffe layers without a rule; the text lists every one of the net."""


class UnsupportedOperatorError(UnsupportedError):
    """ONNX operators without a rule; the text lists every one of the graph."""


class GraphError(BridgeError):
    """An ONNX graph that breaks its own rules: a name written twice, a shape missing, ..."""


class CheckError(BridgeError):
    """The conversion ran, but the numbers of its result differ."""

    exit_status = 1


class InternalError(BridgeError):
    """A fault of bridge itself. Its `__cause__` is the exception."""

    exit_status = 3


@contextmanager
def after(warnings: Sequence[str]) -> Iterator[None]:
    """A BridgeError within it gets these warnings, and any that are added to the list meanwhile."""
    try:
        yield
    except BridgeError as error:
        error.warnings = tuple(dict.fromkeys((*warnings, *error.warnings)))
        raise


# ---- texts -----------------------------------------------------------------------------------

AND_HINT = "\n        "
"""Between several hints of one message."""

LONGEST, MOST_LINES = 2000, 100

# Control characters, of which a terminal takes some for commands; what ends a line, and what turns
# the direction of writing around.
ACTING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def plain(text: object, longest: int = LONGEST) -> str:
    """A text on one line: what a name of a file may do to a terminal is written as an escape, and
    of one that is very long the middle is left out."""
    line = str(text)
    if len(line) > longest:
        line = f"{line[: longest // 2]} … {len(line)} characters … {line[-longest // 4 :]}"
    return ACTING.sub(lambda match: match[0].encode("unicode_escape").decode(), line)


def lines_of(things: Sequence[Thing], words: Callable[[Thing], str] = str) -> list[str]:
    """A line for each of the first MOST_LINES things, and how many there are besides."""
    more = len(things) - MOST_LINES
    return [*map(words, things[:MOST_LINES]), *([f"and {more} more"] if more > 0 else [])]


def words_of(error: BaseException, length: int = 300) -> str:
    """The message of another library's exception, on one line: some have their whole stack."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= length else text[:length] + " …"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question with the known name that is nearest to an unknown one, if there is one.

    Capitals, underscores and the suffix of parameter messages do not count.
    """
    plain = {_plain(candidate): candidate for candidate in known}
    close = get_close_matches(_plain(name), plain, n=1, cutoff=0.7)
    return f"did you mean '{plain[close[0]]}'?" if close else ""


def which_names(name: str, known: Collection[str]) -> str | None:
    """What to tell of an unknown name: the known one that is nearest to it, or that it is several
    of them, with commas between, where each is a word of its own."""
    several = re.findall(r"[^,\s]+", name)
    if len(several) > 1 and set(several) <= set(known):
        return f"these are {len(several)} names: --outputs {' '.join(several)}"
    return did_you_mean(name, known) or None


def _plain(name: str) -> str:
    return name.lower().removesuffix("_param").replace("_", "")
