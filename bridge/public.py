"""What every public function keeps: arguments of the right kinds, and no exception but BridgeError.

What other libraries and the system raise on a user's file is told where it happens, as what is
wrong with the file. What nobody has thought of becomes an InternalError here.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import wraps
from typing import ParamSpec, TypeVar

from bridge.arguments import refuse_wrong_kinds
from bridge.errors import BridgeError, InternalError, UsageError, words_of

P = ParamSpec("P")
R = TypeVar("R")


def public(verb: Callable[P, R]) -> Callable[P, R]:
    """Holds a public function to both."""
    signature = inspect.signature(verb)

    @wraps(verb)
    def held(*args: P.args, **keywords: P.kwargs) -> R:
        given = _bound(verb.__name__, signature, args, keywords)
        refuse_wrong_kinds(given)
        if callable(report := given.get("progress")):
            keywords["progress"] = _told_as_the_callers(report)
        try:
            return verb(*args, **keywords)
        except BridgeError:
            raise
        except Exception as error:
            raise told(error) from error

    return held


def _told_as_the_callers(report: Callable[[str], object]) -> Callable[[str], None]:
    """A caller's function that is told of progress: what fails in it is not a fault of bridge."""

    def progress(stage: str) -> None:
        try:
            report(stage)
        except BridgeError:
            raise
        except Exception as error:
            raise UsageError(
                "the function that was given as progress failed",
                where=_place(error),
                received=f"{type(error).__name__}: {words_of(error)}",
            ) from error

    return progress


def _bound(
    name: str, signature: inspect.Signature, args: Iterable[object], keywords: Mapping[str, object]
) -> dict[str, object]:
    """The arguments by name, without those that are None where that is the default."""
    try:
        given = signature.bind(*args, **keywords).arguments
    except TypeError as error:
        unknown = [each for each in keywords if each not in signature.parameters]
        close = [c for each in unknown for c in get_close_matches(each, signature.parameters, n=1)]
        raise UsageError(
            f"{name} cannot be called so: {error}",
            expected=", ".join(signature.parameters),
            hint=f"did you mean {close[0]!r}?" if close else None,
        ) from None
    parameters = signature.parameters
    return {
        name: value
        for name, value in given.items()
        if not (value is None and parameters[name].default is None)
    }


# ---- exceptions ------------------------------------------------------------------------------


def told(error: Exception) -> BridgeError:
    """An exception of Python's as what it means to a user."""
    if isinstance(error, BridgeError):
        return error
    if isinstance(error, MemoryError):
        return UsageError(
            "this needs more memory than there is",
            received=str(error) or None,
            hint="try a smaller batch or smaller inputs",
        )
    if isinstance(error, OSError) and error.strerror:
        return UsageError(f"the system refuses it: {error.strerror}", where=error.filename)
    return _fault(error, _place(error))


def _place(error: Exception) -> str | None:
    frames = traceback.extract_tb(error.__traceback__)
    return next((f"{f.filename}:{f.lineno}, in {f.name}" for f in reversed(frames)), None)


def _fault(error: Exception, place: str | None) -> BridgeError:
    what = f"{type(error).__name__}: {words_of(error)}"
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_globals.get("__name__", "").startswith(PLUGIN):
            return UsageError("the plug-in failed", where=place, received=what)
    return InternalError(
        "this is a fault of bridge, not of what it was given",
        where=place,
        received=what,
        hint="please report it, with the call, the files that show it, and what "
        "`python -m bridge --version` says; BRIDGE_TRACEBACK=1 in the environment has the command "
        "line print the whole traceback",
    )


PLUGIN = "bridge_plugin_"
"""How the names of modules begin that are a user's own rules."""
