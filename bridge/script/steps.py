"""The statements of a function: each is a step, which knows what it reads and how it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bridge.layout import Weight
from bridge.raising.plan import Call, Function, Ref, refs_in
from bridge.script.blocks import Block, Run
from bridge.script.constants import Constants
from bridge.script.lines import INDENT, Brackets, Source, keyword, listed, statement
from bridge.script.literals import Identifiers, f_string, literal, quoted, shortest
from bridge.script.options import positional

Variable = Callable[[Ref], str]
Written = tuple[Source, Sequence[Source] | None]
"""A call, and, if it makes a layer, what that is applied to."""

_CHAIN = ("x", "y", "z")  # for what the next statement alone reads
RESERVED = (
    *_CHAIN,
    "h5py",
    "keras",
    "layer",
    "layers",
    "name",
    "named",
    "np",
    "ops",
    "regularizers",
)


@dataclass(frozen=True)
class Step:
    """A statement: the result of call `id`, written once the variables are known.

    `layer` is the variable that keeps a layer which other steps apply again; empty for others.
    """

    id: int
    name: str
    reads: Sequence[Ref]
    write: Callable[[Variable], Written]
    layer: str = ""
    comment: str = ""


@dataclass(frozen=True)
class Spelling:
    """How the calls of a script are written.

    `functions` has the names of the functions of loops, `named` the calls of `keras.ops` that get
    their names, and `layers` the variables of layers that are applied again, by their first calls.
    With `is_single` nothing is computed in double precision.
    """

    constants: Constants
    functions: Mapping[int, str]
    is_single: bool
    named: frozenset[int]
    layers: Mapping[int, str]

    def step(self, call: Call, options: Mapping[str, Any], comment: str) -> Step:
        reads = tuple(refs_in(call.arguments))

        def write(variable: Variable) -> Written:
            arguments = [self._source(argument, variable) for argument in call.arguments]
            if call.again is not None:
                return Brackets(self.layers[call.again], arguments), None
            if call.target.startswith("layers."):
                return self.layer(call, self._options(options), quoted(call.name)), arguments
            return self._function(call, arguments, variable), None

        return Step(call.id, call.name, reads, write, self.layers.get(call.id, ""), comment)

    def _function(self, call: Call, arguments: list[Source], variable: Variable) -> Source:
        source: Source = Brackets(call.target, arguments)
        if call.target == "ops.get_item" and (key := subscript(call.arguments[1])):
            source = f"{arguments[0]}[{key}]"
        elif call.options:
            named = [keyword(n, self._source(v, variable)) for n, v in call.options.items()]
            source = Brackets(call.target, [*arguments, *named])
        return Brackets("named", [quoted(call.name), source]) if call.id in self.named else source

    def _options(self, options: Mapping[str, Any]) -> dict[str, Source]:
        return {name: self._source(value, _no_variable) for name, value in options.items()}

    @staticmethod
    def layer(call: Call, options: Mapping[str, Source], name: str) -> Brackets:
        """A layer, from the sources of its options and of its name."""
        first = positional(call.target.removeprefix("layers."))
        words = [text if n in first else keyword(n, text) for n, text in options.items()]
        return Brackets(call.target, [*words, f"name={name}"])

    def _source(self, value: Any, variable: Variable) -> Source:
        if isinstance(value, Ref):
            return variable(value)
        if isinstance(value, Function):
            return f"{self.functions[id(value)]}()"
        if isinstance(value, (Weight, np.ndarray)):
            return self.constants.source(value)
        if isinstance(value, slice):
            return Brackets("slice", [literal(end) for end in _ends(value)])
        if isinstance(value, (list, tuple)):
            items = [self._source(item, variable) for item in value]
            return listed(items, "[]" if isinstance(value, list) else "()")
        return literal(shortest(value) if self.is_single else value)


def subscript(key: Any) -> str:
    """What stands between the brackets of `x[…]`; empty for a key that has tensors, and for one of
    a slice alone, which Keras does not take there."""
    keys = list(key) if isinstance(key, (list, tuple)) else [key]
    if not all(item is ... or isinstance(item, (int, slice)) for item in keys):
        return ""
    if len(keys) < 2 and not isinstance(key, int):
        return ""
    return ", ".join(map(_index, keys))


def _index(item: Any) -> str:
    if not isinstance(item, slice):
        return literal(item)
    start, stop, step = ("" if end is None else literal(end) for end in _ends(item))
    return f"{start}:{stop}" + (f":{step}" if step not in ("", "1") else "")


def _ends(item: slice) -> tuple[Any, Any, Any]:
    return item.start, item.stop, item.step


def _no_variable(ref: Ref) -> str:
    raise TypeError(f"{ref} is a tensor, which no option is")


def applied(block: Block, run: Run, function: str, comment: str) -> Step:
    """The step that calls the function of a block."""

    def write(variable: Variable) -> Written:
        values = [quoted(run.word), *map(literal, block.arguments(run))]
        return Brackets(function, [*map(variable, run.inputs), *values]), None

    last = run.calls[-1]
    return Step(last.id, last.name, run.inputs, write, comment=comment)


def block_steps(block: Block, parameters: Sequence[str]) -> Iterator[Step]:
    """The steps of a block's function, whose options may be parameters."""
    run = block.runs[0]
    varied = {
        use: name for name, uses in zip(parameters, block.parameters, strict=True) for use in uses
    }
    for index, call in enumerate(run.calls):
        changed = {name for i, name in varied if i == index}
        kind = call.target.removeprefix("layers.")
        names = [*positional(kind), *run.options[index], *sorted(changed)]
        options = {
            name: varied.get((index, name)) or literal(run.options[index][name])
            for name in dict.fromkeys(names)
            if name in changed or name in run.options[index]
        }
        before, after = run.parts[index]
        role = f"{before} {after}" if (before + after).strip("_>-") else call.target
        yield _block_step(call, options, f_string(before, "name", after), role)


def _block_step(call: Call, options: Mapping[str, str], name: str, role: str) -> Step:
    """`role` is the name without the part that differs."""

    def write(variable: Variable) -> Written:
        arguments = [
            listed([variable(ref) for ref in argument])
            if isinstance(argument, (list, tuple))
            else variable(argument)
            for argument in call.arguments
        ]
        return Spelling.layer(call, options, name), arguments

    return Step(call.id, role, tuple(refs_in(call.arguments)), write)


def body(
    steps: Sequence[Step],
    variables: dict[int, str],
    scope: Identifiers,
    returned: Sequence[Ref],
    *,
    return_last: bool = False,
) -> Iterator[str]:
    """The lines of the steps; adds their variables to those that are there already. With
    `return_last` the last step is returned."""
    last_use = {ref.call: i for i, step in enumerate(steps) for ref in step.reads}
    last_use |= {ref.call: len(steps) for ref in returned}
    holders = {name: call for call, name in variables.items()}

    def variable(ref: Ref) -> str:
        return variables[ref.call] + ("" if ref.item is None else f"[{ref.item}]")

    for index, step in enumerate(steps):
        source, arguments = step.write(variable)
        if return_last and index == len(steps) - 1:
            yield from statement("return ", source, arguments, step.comment, INDENT)
            return
        free = (n for n in _CHAIN if last_use.get(holders.get(n, -1), -1) <= index)
        next_only = last_use.get(step.id) == index + 1 and index + 1 < len(steps)
        chained = next(free, None) if next_only else None
        name = scope.new(step.name) if chained is None else chained
        variables[step.id] = name
        holders[name] = step.id
        if step.layer:
            yield from statement(f"{step.layer} = ", source, None, "", INDENT)
            source, arguments = Brackets(step.layer, arguments or []), None
        yield from statement(f"{name} = ", source, arguments, step.comment, INDENT)
