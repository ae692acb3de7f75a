"""Layers that a net repeats: runs of calls that differ in the common part of their names and in the
values of a few options, and become one function.

A run has one result, and reads at most two. Those are taken, without overlap, that save the most
lines.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bridge.raising.plan import Call, Function, Ref, refs_in
from bridge.script.options import default

_LONGEST, _MOST_INPUTS, _MOST_OPTIONS = 40, 2, 8
_OWN_LINES = 6  # of a function, besides those of its layers
_FIRST_CHOICES = 8  # of which the one is taken with which all functions together save the most
_WORTH = 4  # lines that a function has to save

Options = Mapping[str, Any]
Part = tuple[str, str]
"""What comes before and after the common part of a name."""


@dataclass(frozen=True)
class Run:
    """Calls that follow each other; `word` is the common part of their names."""

    start: int
    calls: Sequence[Call]
    options: Sequence[Options]
    word: str
    inputs: Sequence[Ref]

    @property
    def stop(self) -> int:
        return self.start + len(self.calls)

    @property
    def result(self) -> Ref:
        return Ref(self.calls[-1].id)

    @cached_property
    def parts(self) -> Sequence[Part]:
        names = (call.name.partition(self.word) for call in self.calls)
        return tuple((before, after) for before, _, after in names)

    def option(self, index: int, name: str) -> Any:
        """The value of an option of a call, which may be Keras's default."""
        options = self.options[index]
        kind = self.calls[index].target.removeprefix("layers.")
        return options[name] if name in options else default(kind, name)


@dataclass(frozen=True)
class Block:
    """Runs that are alike. `parameters` are the options in which they differ, each of one call or
    of several, by its index and name."""

    runs: Sequence[Run]
    parameters: Sequence[Sequence[tuple[int, str]]]

    @property
    def saved(self) -> int:
        """Lines that are saved by a function."""
        length, count = len(self.runs[0].calls), len(self.runs)
        more_inputs = len(self.runs[0].inputs) - 1  # each of them needs a variable
        return count * (length - 1 - 2 * more_inputs) - length - _OWN_LINES

    def arguments(self, run: Run) -> list[Any]:
        """The values of the parameters."""
        return [run.option(*uses[0]) for uses in self.parameters]


def repeated(
    calls: Sequence[Call], options: Sequence[Options], returned: Sequence[Ref]
) -> list[Block]:
    """The blocks of a body that are worth a function, which do not overlap."""
    groups: dict[str, list[Run]] = {}
    for key, run in _runs(calls, options, returned):
        groups.setdefault(key, []).append(run)
    first = sorted(_blocks(groups, frozenset()), key=_worth, reverse=True)[:_FIRST_CHOICES]
    choices = [_chosen(groups, block) for block in first]
    return max(choices, key=lambda blocks: sum(block.saved for block in blocks), default=[])


def _chosen(groups: Mapping[str, Sequence[Run]], best: Block) -> list[Block]:
    """This block, and the best of those that it leaves, one after another."""
    chosen = [best]
    taken = set(_span(best))
    while left := _blocks(groups, taken):
        chosen.append(max(left, key=_worth))
        taken.update(_span(chosen[-1]))
    return chosen


def _span(block: Block) -> Iterator[int]:
    return (index for run in block.runs for index in range(run.start, run.stop))


def _blocks(groups: Mapping[str, Sequence[Run]], taken: Set[int]) -> list[Block]:
    blocks = (_block(runs, taken) for runs in groups.values())
    return [block for block in blocks if block is not None]


def _worth(block: Block) -> tuple[int, int, int]:
    return block.saved, -len(block.parameters), -block.runs[0].start


def _block(runs: Sequence[Run], taken: Set[int]) -> Block | None:
    free, end = list[Run](), 0
    for run in runs:
        if run.start >= end and taken.isdisjoint(range(run.start, run.stop)):
            free.append(run)
            end = run.stop
    if len(free) < 2:
        return None
    block = Block(free, _parameters(free))
    return block if block.saved >= _WORTH and len(block.parameters) <= _MOST_OPTIONS else None


def _parameters(runs: Sequence[Run]) -> list[list[tuple[int, str]]]:
    uses: dict[Any, list[tuple[int, str]]] = {}
    for index in range(len(runs[0].calls)):
        names = dict.fromkeys(name for run in runs for name in run.options[index])
        for name in names:
            values = [run.option(index, name) for run in runs]
            if any(value != values[0] for value in values):
                uses.setdefault((name, *map(repr, values)), []).append((index, name))
    return list(uses.values())


# --- runs -----------------------------------------------------------------------------------------


def _runs(
    calls: Sequence[Call], options: Sequence[Options], returned: Sequence[Ref]
) -> Iterator[tuple[str, Run]]:
    """All runs with one result, each with what makes it like others."""
    spans = list(_spans(calls, returned))
    targets = [call.target for call in calls]
    alike = Counter(tuple(targets[start:stop]) for start, stop in spans)
    for start, stop in spans:
        if alike[tuple(targets[start:stop])] > 1:
            yield from _run(calls, options, start, stop)


def _spans(calls: Sequence[Call], returned: Sequence[Ref]) -> Iterator[tuple[int, int]]:
    """Where runs with one result start and stop."""
    last_use = _last_uses(calls, returned)
    shared = {call.again for call in calls}
    alone = [call.id in shared or not _may_repeat(call) for call in calls]
    for start in range(len(calls)):
        used_until = start
        for stop in range(start + 1, min(start + _LONGEST, len(calls)) + 1):
            if alone[stop - 1]:
                break
            if stop - start > 1 and used_until < stop:
                yield start, stop
            used_until = max(used_until, last_use[calls[stop - 1].id])


def _last_uses(calls: Sequence[Call], returned: Sequence[Ref]) -> dict[int, int]:
    """The index of the last call that reads a result; what is returned is read after all."""
    uses = {ref.call: i for i, call in enumerate(calls) for ref in refs_in(call.arguments)}
    return uses | {ref.call: len(calls) for ref in returned}


def _may_repeat(call: Call) -> bool:
    """Whether a call may be in a function: a layer of its own, whose arguments are tensors."""
    values = (*flat(call.arguments), *call.options.values())
    return (
        call.target.startswith("layers.")
        and call.again is None
        and not any(isinstance(value, Function) for value in values)
        and all(isinstance(value, Ref) and value.item is None for value in flat(call.arguments))
    )


def _run(
    calls: Sequence[Call], options: Sequence[Options], start: int, stop: int
) -> Iterator[tuple[str, Run]]:
    own = calls[start:stop]
    word = common_word([call.name for call in own])
    within = {call.id: index for index, call in enumerate(own)}
    inputs = list(
        dict.fromkeys(
            ref for call in own for ref in refs_in(call.arguments) if ref.call not in within
        )
    )
    if not word or not 0 < len(inputs) <= _MOST_INPUTS:
        return
    run = Run(start, own, options[start:stop], word, inputs)
    links = [_links(call.arguments, within, inputs) for call in own]
    kinds = [
        (c.target, tuple(c.weights), _needed(c, o)) for c, o in zip(own, run.options, strict=True)
    ]
    yield repr((run.parts, links, kinds)), run


def _links(arguments: Any, within: Mapping[int, int], inputs: Sequence[Ref]) -> Any:
    """The arguments, with the indices of calls within the run, and of inputs of it."""
    if isinstance(arguments, Ref):
        inside = within.get(arguments.call)
        return ("input", inputs.index(arguments)) if inside is None else inside
    return [_links(argument, within, inputs) for argument in arguments]


def _needed(call: Call, options: Options) -> list[str]:
    """The options without a default."""
    kind = call.target.removeprefix("layers.")
    names = []
    for name in options:
        try:
            default(kind, name)
        except KeyError:
            names.append(name)
    return sorted(names)


def flat(arguments: Any) -> Iterator[Any]:
    for argument in arguments:
        if isinstance(argument, (list, tuple)):
            yield from flat(argument)
        else:
            yield argument


_TOKENS = re.compile(r"[A-Za-z]+|\d+")


def common_word(names: Sequence[str]) -> str:
    """The longest text that is in all names, from a letter or number to another; of several the
    last in the shortest name; empty if there is none."""
    shortest = min(names, key=len)
    tokens = [match.span() for match in _TOKENS.finditer(shortest)]
    words = [shortest[start:stop] for start, _ in tokens for _, stop in tokens if start < stop]
    common = (word for word in reversed(words) if all(word in name for name in names))
    return max(common, key=len, default="")
