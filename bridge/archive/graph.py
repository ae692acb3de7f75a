"""The graph of a Functional model, in the order in which Keras lists its layers.

Keras numbers the weights of a file by this order, and saves what the outputs need and no more. It
goes back from the outputs, as `keras.src.ops.function.map_graph` does: what is further from an
output comes first, and of what is equally far, what was come upon first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bridge.archive.tables import operations
from bridge.errors import UnsupportedError
from bridge.public.extras import pip_install
from bridge.raising.plan import Call, Function, Plan, PlanInput, Ref, refs_in


@dataclass(frozen=True)
class Use:
    """One application of a layer or an operation: what it is given, as Keras records it."""

    call: Call
    config: Mapping[str, Any]
    arguments: Sequence[Any]
    keywords: Mapping[str, Any]

    @classmethod
    def of(cls, call: Call) -> Use:
        """Raises UnsupportedError for a function of `keras.ops` that the table lacks."""
        group, kind = call.target.split(".")
        if group == "layers":
            return cls(call, call.options, call.arguments, {})
        operation = operations().get(kind)
        if operation is None:
            raise UnsupportedError(
                "no table says how a Keras archive spells this",
                where=f"'{call.name}' ({call.target})",
                hint=f"install Keras: {pip_install('keras')}",
            )
        return cls(call, *operation.called(call.arguments, call.options))

    @property
    def operation(self) -> int:
        """The first call of the layer or operation that is applied."""
        return self.call.id if self.call.again is None else self.call.again

    @property
    def refs(self) -> Iterator[Ref]:
        yield from refs_in(self.arguments)
        for name in sorted(self.keywords):
            yield from refs_in(self.keywords[name])


@dataclass(frozen=True)
class Graph:
    """A model, or a function that a loop calls; `shapes` are those of its tensors, where known."""

    name: str
    inputs: Sequence[PlanInput]
    uses: Mapping[int, Use]
    outputs: Sequence[Ref]
    shapes: Mapping[Ref, Sequence[int | str]] = field(default_factory=dict)

    @classmethod
    def of_plan(cls, plan: Plan, name: str) -> Graph:
        """Under this name. Raises UnsupportedError as `Use.of`."""
        uses = {call.id: Use.of(call) for call in plan.calls}
        shapes = {stored.ref: stored.layout.stored_shape for stored in plan.values.values()}
        return cls(name, plan.inputs, uses, plan.returned, shapes)

    @classmethod
    def of_function(cls, function: Function) -> Graph:
        """Raises UnsupportedError as `Use.of`."""
        uses = {call.id: Use.of(call) for call in function.calls}
        return cls(function.name, (function.input,), uses, function.outputs)

    @cached_property
    def _seen(self) -> tuple[list[int], dict[int, int]]:
        """The applications that the outputs need, each after those that it needs, and when each
        operation was come upon first."""
        finished: list[int] = []
        done: set[int] = set()
        first: dict[int, int] = {}
        for output in self.outputs:
            waiting = [(output.call, self._enter(output.call, done, first))]
            while waiting:
                number, before = waiting[-1]
                ref = next((ref for ref in before if ref.call not in done), None)
                if ref is not None:
                    waiting.append((ref.call, self._enter(ref.call, done, first)))
                    continue
                waiting.pop()
                if number not in done:
                    done.add(number)
                    finished.append(number)
        return finished, first

    def _enter(self, number: int, done: set[int], first: dict[int, int]) -> Iterator[Ref]:
        if number in done:
            return iter(())
        first.setdefault(self.operation(number), len(first))
        return iter(self._before(number))

    def _before(self, number: int) -> Sequence[Ref]:
        return list(self.uses[number].refs) if number in self.uses else []

    def operation(self, number: int) -> int:
        """The operation that an application applies; an input is its own."""
        return self.uses[number].operation if number in self.uses else number

    @cached_property
    def needed(self) -> Mapping[int, Sequence[int]]:
        """The operations in Keras's order, each with the calls that apply it, in theirs; among them
        the inputs, which no call applies."""
        finished, first = self._seen
        depths, of_operation = dict.fromkeys(finished, 0), dict[int, int]()
        for number in reversed(finished):
            operation = self.operation(number)
            depth = max(depths[number], of_operation.get(operation, 0))
            of_operation[operation] = depth
            for ref in self._before(number):
                depths[ref.call] = max(depth + 1, depths[ref.call])
        for entry in self.inputs:  # an input that nothing reads is the model's all the same
            of_operation.setdefault(entry.id, 0)
        order = sorted(of_operation, key=lambda entry: (-of_operation[entry], first.get(entry, -1)))
        needed: dict[int, list[int]] = {operation: [] for operation in order}
        for number in self.uses:
            if number in depths:
                needed[self.operation(number)].append(number)
        return needed

    @cached_property
    def nodes(self) -> Mapping[int, tuple[str, int]]:
        """The name of the operation that a call or an input applies, and the how many-th time."""
        nodes = {entry.id: (entry.name, 0) for entry in self.inputs}
        for operation, calls in self.needed.items():
            nodes |= {n: (self.uses[operation].call.name, i) for i, n in enumerate(calls)}
        return nodes
