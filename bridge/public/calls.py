"""What every public function guarantees: arguments are checked, and only BridgeErrors are raised.

What other libraries and the system raise on a user's file is reported where it happens, as what is
wrong with the file. Any other exception becomes an InternalError here.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import wraps
from inspect import Parameter
from typing import ParamSpec, TypeVar

from bridge.errors import BridgeError, InternalError, UsageError, words_of
from bridge.public.arguments import refuse_wrong_kinds

P = ParamSpec("P")
R = TypeVar("R")


def public(verb: Callable[P, R]) -> Callable[P, R]:
    """Gives a function both guarantees, and takes None for the default of an argument."""
    signature = inspect.signature(verb)

    @wraps(verb)
    def checked(*args: P.args, **keywords: P.kwargs) -> R:
        arguments = _arguments(verb.__name__, signature, args, keywords)
        refuse_wrong_kinds(arguments)
        for name in keywords.keys() - arguments.keys():
            del keywords[name]
        if callable(progress := arguments.get("progress")):
            keywords["progress"] = _callers_progress(progress)
        try:
            return verb(*args, **keywords)
        except BridgeError:
            raise
        except Exception as error:
            raise as_bridge_error(error) from error

    return checked


def _callers_progress(report: Callable[[str], object]) -> Callable[[str], None]:
    """A caller's progress function; an exception in it is not a fault of bridge."""

    def progress(stage: str) -> None:
        try:
            report(stage)
        except BridgeError:
            raise
        except Exception as error:
            raise UsageError(
                "the function passed as progress failed",
                where=_location(error),
                received=f"{type(error).__name__}: {words_of(error)}",
            ) from error

    return progress


def _arguments(
    name: str, signature: inspect.Signature, args: Iterable[object], keywords: Mapping[str, object]
) -> dict[str, object]:
    """The arguments by name, without the optional ones that are None."""
    parameters = signature.parameters
    try:
        arguments = signature.bind(*args, **keywords).arguments
    except TypeError as error:
        unknown = [keyword for keyword in keywords if keyword not in parameters]
        close = [match for word in unknown for match in get_close_matches(word, parameters, n=1)]
        raise UsageError(
            f"invalid call of {name}: {error}",
            expected=", ".join(parameters),
            hint=f"did you mean {close[0]!r}?" if close else None,
        ) from None
    return {
        name: value
        for name, value in arguments.items()
        if value is not None or parameters[name].default is Parameter.empty
    }


# ---- exceptions ------------------------------------------------------------------------------


def as_bridge_error(error: Exception) -> BridgeError:
    """What an exception of Python's means to a user."""
    if isinstance(error, BridgeError):
        return error
    if isinstance(error, MemoryError):
        return UsageError(
            "not enough memory",
            received=str(error) or None,
            hint="try a smaller batch or smaller inputs",
        )
    if isinstance(error, OSError) and error.strerror:
        return UsageError(f"the system refuses it: {error.strerror}", where=error.filename)
    return _fault(error, _location(error))


def _location(error: Exception) -> str | None:
    frames = traceback.extract_tb(error.__traceback__)
    return next((f"{f.filename}:{f.lineno}, in {f.name}" for f in reversed(frames)), None)


def _fault(error: Exception, location: str | None) -> BridgeError:
    description = f"{type(error).__name__}: {words_of(error)}"
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_globals.get("__name__", "").startswith(PLUGIN):
            return UsageError("the plug-in failed", where=location, received=description)
    return InternalError(
        "this is a fault of bridge, not of its input",
        where=location,
        received=description,
        hint="please report it, with the call, the files that show it, and what "
        "`python -m bridge --version` says; BRIDGE_TRACEBACK=1 in the environment has the command "
        "line print the whole traceback",
    )


PLUGIN = "bridge_plugin_"
"""The prefix of the names of modules that hold a user's own rules."""
