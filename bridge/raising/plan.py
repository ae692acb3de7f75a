"""The plan of a Keras model: data that can be printed, compared, and built.

A `Plan` is a list of calls in the order in which they run. A `Call` names a Keras layer or a
`keras.ops` function, its arguments (tensors are `Ref`s to earlier results), its options and its
weights. Planning does not import Keras.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bridge.layout import Layout, Weight

Size = int | str


@dataclass(frozen=True)
class Ref:
    """The result of a call, or an input of the plan; `item` is the index if there are several."""

    call: int
    item: int | None = None

    def __str__(self) -> str:
        return f"%{self.call}" + ("" if self.item is None else f"[{self.item}]")


@dataclass(frozen=True)
class Call:
    """One Keras call.

    `target` is `layers.<Class>` or `ops.<function>`. A layer is constructed with `options` and
    applied to the `arguments`; a function is called with both. An argument may be a `Function` for
    a loop to call, and an option one for an activation. `weights` are named like their initialisers
    in Keras: `kernel` is set with `kernel_initializer`.

    `again` is an earlier call whose layer this one applies again, with its name, options and
    weights.
    """

    id: int
    name: str
    target: str
    arguments: tuple[Any, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, Weight] = field(default_factory=dict)
    again: int | None = None

    def __str__(self) -> str:
        texts = [_text(argument) for argument in self.arguments]
        texts += [f"{name}={_option_text(value)}" for name, value in self.options.items()]
        texts += [] if self.again is None else [f"again=%{self.again}"]
        texts += [f"{role}: {' '.join(map(str, w.shape))}" for role, w in self.weights.items()]
        return f"%{self.id} {self.name} = {self.target}({', '.join(texts)})"


def _option_text(option: Any) -> str:
    return str(option) if isinstance(option, Function) else repr(option)


def refs_in(argument: Any) -> Iterator[Ref]:
    """The tensors among arguments, which may be nested in lists."""
    if isinstance(argument, Ref):
        yield argument
    elif isinstance(argument, (list, tuple)):
        for item in argument:
            yield from refs_in(item)


def needed(calls: Sequence[Call], results: Iterable[Ref]) -> tuple[Call, ...]:
    """The calls that results depend on: a rule may compute what no node reads."""
    wanted, result = {ref.call for ref in results}, []
    for call in reversed(calls):
        if call.id in wanted:
            result.append(call)
            wanted.update(ref.call for ref in refs_in(call.arguments))
            wanted.update(() if call.again is None else (call.again,))
    return tuple(reversed(result))


def _text(argument: Any) -> str:
    if isinstance(argument, (list, tuple)):
        return f"[{', '.join(map(_text, argument))}]"
    return str(argument)


@dataclass(frozen=True)
class PlanInput:
    """An input: its physical shape in Keras, with the batch axis.

    `name` is its name in Keras, `value` in ONNX.
    """

    id: int
    name: str
    value: str
    shape: tuple[Size, ...]
    dtype: str


@dataclass(frozen=True)
class Function:
    """A function of one tensor, without weights, that a loop or a layer calls.

    In Keras it is a small model of its own, which is saved as an argument of the loop, or as an
    option of the layer.
    """

    name: str
    input: PlanInput
    calls: tuple[Call, ...]
    outputs: tuple[Ref, ...]

    def __str__(self) -> str:
        return f"{self.name}({len(self.calls)} calls)"


@dataclass(frozen=True)
class Stored:
    """The tensor of the Keras model that holds an ONNX value, and its layout."""

    ref: Ref
    layout: Layout


@dataclass(frozen=True)
class Conflict:
    """Why a permutation is unavoidable: the `reason` why some layout is impossible, and the `path`
    from there to the node that asks for it, each value with the layout that it would need."""

    reason: str
    path: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Permutation:
    """A transpose that no layout pass could avoid: of which value, between which layouts, and why.

    `source` is the call (or input) that has the value in `source_layout`, `call` the one that
    returns it in `target_layout`. `bytes` is the size of one sample, `forced_by` the node that asks
    for it, `conflict` the explanation.
    """

    source: int
    call: int
    value: str
    source_layout: str
    target_layout: str
    bytes: int
    forced_by: str
    conflict: Conflict | None = None

    def __str__(self) -> str:
        layouts = f"{self.source_layout} to {self.target_layout}"
        return f"{self.value}: {layouts}, {self.bytes} bytes, for {self.forced_by}"


@dataclass(frozen=True)
class Plan:
    """A Keras model, and its tensor for each value of the ONNX graph.

    `named` is the Identity behind an output whose own operation has another name.
    """

    name: str
    inputs: tuple[PlanInput, ...]
    calls: tuple[Call, ...]
    outputs: tuple[str, ...]
    values: Mapping[str, Stored]
    permutations: tuple[Permutation, ...] = ()
    named: Mapping[str, Ref] = field(default_factory=dict)

    @property
    def returned(self) -> tuple[Ref, ...]:
        """The results that the model returns, for each of its outputs."""
        return tuple(self.named.get(name, self.values[name].ref) for name in self.outputs)

    def times(self) -> Mapping[int, int]:
        """How often the layer of each call was applied before it."""
        applied: Counter[int] = Counter()
        times = {}
        for call in self.calls:
            first = call.id if call.again is None else call.again
            times[call.id] = applied[first]
            applied[first] += 1
        return times

    @property
    def depth(self) -> int:
        """The most calls of which each needs the result of another."""
        depths = {entry.id: 0 for entry in self.inputs}
        for call in self.calls:
            before = (depths[ref.call] for ref in refs_in(call.arguments))
            depths[call.id] = max(before, default=0) + 1
        return max(depths.values(), default=0)

    @property
    def bytes_moved(self) -> int:
        """The bytes that all permutations move for one sample."""
        return sum(permutation.bytes for permutation in self.permutations)

    def __str__(self) -> str:
        inputs = [f"%{i.id} {i.name}: {' '.join(map(str, i.shape))} {i.dtype}" for i in self.inputs]
        outputs = f"return {', '.join(map(str, self.returned))}"
        return "\n".join([*inputs, *map(str, self.calls), outputs])
