"""The registry under all tables of rules: by name and version, with the reason why a rule cannot be
called."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from inspect import Parameter, Signature
from pkgutil import walk_packages
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from bridge.errors import UsageError
from bridge.public.arguments import short

AnyRule = TypeVar("AnyRule", bound=Callable[..., Any])


class _Entry(Protocol):
    """A rule, and whatever else a table has for it."""

    @property
    def rule(self) -> Callable[..., Any]: ...


EntryType = TypeVar("EntryType", bound=_Entry)


class Version(NamedTuple, Generic[EntryType]):
    """An entry, and the first operator set that it is for."""

    since: int
    entry: EntryType


class Registry(Mapping[str, EntryType]):
    """The newest entry of each name; older ones by `find` and `versions`.

    `decorator` is the name of the decorator that registers (`layer`, `raises`), `kind` that of what
    it registers rules for.
    """

    def __init__(self, decorator: str, kind: str) -> None:
        self._decorator = decorator
        self._kind = kind
        self._versions: dict[str, list[Version[EntryType]]] = {}

    def __getitem__(self, name: str) -> EntryType:
        return self._versions[name][-1].entry

    def __iter__(self) -> Iterator[str]:
        return iter(self._versions)

    def __len__(self) -> int:
        return len(self._versions)

    def find(self, name: str, version: int) -> EntryType | None:
        """The newest entry that is not above a version, if there is one."""
        versions = self.versions(name)
        index = bisect_right([since for since, _ in versions], version)
        return versions[index - 1].entry if index else None

    def versions(self, name: str) -> Sequence[Version[EntryType]]:
        """All entries of a name, the oldest first."""
        return self._versions.get(name, ())

    def register(
        self, names: Iterable[str], entry: Callable[[AnyRule], EntryType], since: int = 1
    ) -> Callable[[AnyRule], AnyRule]:
        """A decorator that registers `entry(rule)` under all the names.

        Raises UsageError if there is no name, or a name has a rule of that version already.
        """
        names = tuple(names)
        _refuse_wrong_names(self._decorator, names)

        def decorate(rule: AnyRule) -> AnyRule:
            for name in names:
                self._add(name, Version(since, entry(rule)))
            return rule

        return decorate

    def _add(self, name: str, new: Version[EntryType]) -> None:
        versions = self._versions.setdefault(name, [])
        for version in versions:
            if version.since == new.since:
                raise UsageError(
                    f"the {self._kind} {name!r} has a rule already",
                    expected="one rule for each name and version",
                    received=f"{version.entry.rule.__module__} and {new.entry.rule.__module__}",
                )
        versions.append(new)
        versions.sort(key=lambda version: version.since)


def import_rules(package: str, path: Iterable[str]) -> None:
    """Imports every module below a package, so that their rules are registered."""
    for module in walk_packages(path, f"{package}."):
        import_module(module.name)


def _refuse_wrong_names(decorator: str, names: Sequence[object]) -> None:
    """Refuses a decorator without names, which would register nothing."""
    if not names or not all(isinstance(name, str) for name in names):
        raise UsageError(
            f"@bridge.{decorator} needs the names that the rule is for",
            expected=f'names, as in @bridge.{decorator}("Name")',
            received=short(list(names)),
        )


def mismatch(
    rule: Signature, first: int, count: int, options: Iterable[str], words: tuple[str, str]
) -> str:
    """Why a rule cannot be called with so many inputs and these options, in a user's words, which
    `words` are for an input and an option. The inputs come after the rule's `first` parameters."""
    parameters = [*rule.parameters.values()][first:]
    positional = [p.name for p in parameters if p.kind is Parameter.POSITIONAL_OR_KEYWORD]
    keywords = {*positional[count:], *(p.name for p in parameters if p.kind is _KEYWORD)}
    names, (an_input, an_option) = set(options), words
    if unknown := sorted(names - keywords):
        return f"{_listed(an_option, unknown)} not supported"
    if count > len(positional):
        inputs = an_input if len(positional) == 1 else f"{an_input}s"
        return f"{count} {an_input}s are not supported, only {len(positional)} {inputs}"
    required = [p.name for p in parameters if p.default is Parameter.empty]
    missing = [name for name in required if name not in {*positional[:count], *names}]
    return f"{_listed(an_input if missing[0] in positional else an_option, missing)} missing"


def _listed(word: str, names: Iterable[str]) -> str:
    one, *others = map(repr, names)
    return f"the {word}s {', '.join([one, *others])} are" if others else f"the {word} {one} is"


_KEYWORD = Parameter.KEYWORD_ONLY
