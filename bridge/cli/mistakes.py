"""Calls that the command line cannot take, in the words of all other refusals.

Each says what is expected and, wherever one can be told, the command that is meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, pairwise
from os.path import isfile
from pathlib import Path
from shlex import join
from typing import Any, Literal, get_args, get_origin

from cyclopts import (
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    RepeatArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from bridge.cli.app import PROGRAM, USAGES
from bridge.errors import UsageError, did_you_mean

_NUMBER = re.compile(r"-?\d+(?:\.\d*)?,?")
_WORDS = {int: "a whole number", float: "a number"}
_MODELS = (".prototxt", ".caffemodel", ".onnx", ".keras")


def usage_error(error: CycloptsError) -> UsageError:
    """What to tell of a call that cyclopts refuses."""
    for kind, refusal in _REFUSALS.items():
        if isinstance(error, kind):
            return refusal(error)
    error.verbose = False
    return UsageError(str(error), where=_command(error), hint=_help(error))


def _missing(error: MissingArgumentError) -> UsageError:
    argument = error.argument.name if error.argument is not None else "an argument"
    if argument == "--output":
        return _without_output(error)
    typed = next((word for word in _words(error) if word == argument), None)
    if typed is not None:
        return UsageError(
            f"{typed} needs a value behind it", where=_command(error), hint=_help(error)
        )
    name = error.keyword or argument.lstrip("-").upper()
    return UsageError(
        f"{name} is missing",
        where=_command(error),
        expected=_usage(error),
        hint=_after_greedy_option(error) or _help(error),
    )


def _without_output(error: MissingArgumentError) -> UsageError:
    """The same call with the output that is meant: a last file that is named like one, or else a
    file named as the first."""
    suffix = Path(_usage(error)).suffix  # of -o OUT.onnx, its last word
    words = [word for word in _words(error) if word not in ("-o", "--output")]
    files = [*_before_options(words)]
    output = files[-1] if len(files) > 1 and files[-1].endswith(suffix) else ""
    stem = Path(files[0]).stem if files else "OUT"
    rest = words[: len(files) - bool(output)] + words[len(files) :]
    call = [*rest, "-o", output or f"{stem}{suffix}"]
    return UsageError(
        "no output is named",
        where=_command(error),
        expected="-o FILE, or --output FILE",
        received=f"{output}, without -o before it" if output else None,
        hint=f"{PROGRAM} {_command(error)} {join(call)}" if files else _help(error),
    )


def _surplus(error: UnusedCliTokensError) -> UsageError:
    unused = error.unused_tokens or []
    return UsageError(
        "there are more words than it takes",
        where=_command(error),
        expected=_usage(error),
        received=f"besides, {join(unused)}",
        hint=_spaced_numbers(error, unused) or _value_of_flag(error, unused) or _help(error),
    )


def _unknown_option(error: UnknownOptionError) -> UsageError:
    name = (error.token.keyword or error.token.value).partition("=")[0]
    names = [name for argument in error.argument_collection for name in argument.names]
    hint = did_you_mean(name, names) or _help(error)
    return UsageError(f"there is no option {name}", where=_command(error), hint=hint)


_LISTED = f"{PROGRAM} --help lists the commands"


def _unknown_command(error: UnknownCommandError) -> UsageError:
    from bridge.files import inputs

    name = (error.unused_tokens or [""])[0]
    if name.startswith("-") or name == "help":
        hint = did_you_mean(name, ("--help", "--version")) or _LISTED
        return UsageError(f"there is no {'option' if '-' in name else 'command'} {name}", hint=hint)
    path, hint = Path(name), did_you_mean(name, USAGES)
    if isfile(name):  # noqa: PTH113 (the method raises for a name that is too long for the system)
        kind = inputs.of(path)
        hint = (kind and kind.hint) or f"{PROGRAM} inspect {join([name])}"
    hint = hint or _LISTED
    return UsageError(f"there is no command {name!r}", hint=hint)


def _wrong_value(error: CoercionError) -> UsageError:
    option = error.argument.name if error.argument is not None else None
    received = error.token.value if error.token is not None else None
    choices = _choices(error.target_type)
    expected = ", ".join(choices) or _WORDS.get(error.target_type or str, "another kind of value")
    return UsageError(
        f"cannot read {option}",
        where=_command(error),
        expected=expected,
        received=received,
        hint=did_you_mean(received or "", choices) or None,
    )


def _choices(kind: Any) -> tuple[str, ...]:
    """The words that an option takes, which may be one of several types."""
    if get_origin(kind) is Literal:
        return get_args(kind)
    return tuple(chain.from_iterable(map(_choices, get_args(kind))))


def _repeated(error: RepeatArgumentError) -> UsageError:
    return UsageError(
        f"{error.token.keyword} is there twice", where=_command(error), expected="one value"
    )


_REFUSALS: dict[type[CycloptsError], Callable[[Any], UsageError]] = {
    MissingArgumentError: _missing,
    UnusedCliTokensError: _surplus,
    UnknownOptionError: _unknown_option,
    UnknownCommandError: _unknown_command,
    CoercionError: _wrong_value,
    RepeatArgumentError: _repeated,
}


def _spaced_numbers(error: CycloptsError, unused: Sequence[str]) -> str:
    """For `--mean 104 117 123`: the numbers as one word."""
    if not all(map(_NUMBER.fullmatch, unused)):
        return ""
    for option, values in _options(_words(error)):
        if set(unused) <= set(values[1:]):
            numbers = ",".join(value.rstrip(",") for value in values)
            return f"numbers are one word, with commas between them: {option} {numbers}"
    return ""


def _value_of_flag(error: CycloptsError, unused: Sequence[str]) -> str:
    """For `--fp16 yes`: the flag takes no value."""
    for before, word in pairwise(_words(error)):
        if word == unused[0] and before.startswith("--"):
            return f"{before} takes no value: leave out {join([word])}"
    return ""


def _after_greedy_option(error: CycloptsError) -> str:
    """For `--outputs a b net.prototxt`: the files are before an option of several values."""
    for option, values in _options(_words(error)):
        files = [value for value in values if value.endswith(_MODELS)]
        if files and len(values) > 1:
            return f"put {join(files)} before {option}, which takes all words that follow it"
    return ""


def _options(words: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Each option, with the words up to the next one."""
    for start, word in enumerate(words):
        if word.startswith("--"):
            yield word, [*_before_options(words[start + 1 :])]


def _before_options(words: Sequence[str]) -> Iterator[str]:
    for word in words:
        if word.startswith("-"):
            return
        yield word


def _words(error: CycloptsError) -> list[str]:
    """What was typed after the command."""
    return (error.root_input_tokens or [])[len(error.command_chain or ()) :]


def _command(error: CycloptsError) -> str | None:
    return " ".join(error.command_chain or ()) or None


def _usage(error: CycloptsError) -> str:
    command = _command(error)
    return " ".join((PROGRAM, command, USAGES[command])).rstrip() if command else PROGRAM


def _help(error: CycloptsError) -> str:
    words = " ".join((PROGRAM, *(error.command_chain or ())))
    return f"{words} --help lists what it takes, with examples"
