"""Results that are cached: the same few layouts are asked the same again and again."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
Result = TypeVar("Result")

MOST = 2**13  # results of one function, the last that were asked for


def cached(function: Callable[P, Result]) -> Callable[P, Result]:
    """The function, which works out its result for equal arguments once. It takes sequences, as
    tuples, where its annotations say so, and what is hashable; what it raises is not cached."""
    known: Any = lru_cache(maxsize=MOST)(function)
    if not _takes_sequences(function):
        return cast(Callable[P, Result], known)

    @wraps(function)
    def call(*arguments: Any) -> Result:
        result: Result = known(*map(_hashable, arguments))
        return result

    return cast(Callable[P, Result], call)


def _takes_sequences(function: Callable[P, Result]) -> bool:
    kinds = (str(kind) for name, kind in function.__annotations__.items() if name != "return")
    return any(kind.startswith(("Sequence[", "Iterable[")) for kind in kinds)


def _hashable(argument: Any) -> Hashable:
    kind = type(argument)
    is_plain = _IS_PLAIN.get(kind)
    if is_plain is None:
        is_plain = _IS_PLAIN[kind] = not issubclass(kind, Iterable) or issubclass(kind, str | tuple)
    return argument if is_plain else tuple(argument)


_IS_PLAIN: dict[type, bool] = {}  # whether what is of a type is taken as it is
