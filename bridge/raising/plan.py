"""The plan of a Keras model: plain data that can be printed, compared, built and written as source.

A `Plan` is a list of calls in the order they run. A `Call` names a Keras layer or `keras.ops`
function, its arguments (tensors are `Ref`s to earlier results), its options and its weights. The
plan knows nothing of Keras itself, so it is made without importing it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.layout import Layout, Weight

Size = int | str


@dataclass(frozen=True)
class Ref:
    """The result of a call (or an input of the plan); `item` where the call gives several."""

    call: int
    item: int | None = None

    def __str__(self) -> str:
        return f"%{self.call}" + ("" if self.item is None else f"[{self.item}]")


@dataclass(frozen=True)
class Call:
    """One Keras call.

    `target` is `layers.<Class>` or `ops.<function>`. A layer is made with `options` and applied
    to the `arguments`; a function gets `arguments` and `options` as they are, among them a
    `Function` for a loop to call. `weights` are named as Keras names their initialisers:
    `kernel` is set through `kernel_initializer`.

    `again` is the call whose layer this one applies once more, under its name: then the weights
    and options are that one's.
    """

    id: int
    name: str
    target: str
    arguments: tuple[Any, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, Weight] = field(default_factory=dict)
    again: int | None = None

    def __str__(self) -> str:
        words = [_text(argument) for argument in self.arguments]
        words += [f"{name}={value!r}" for name, value in self.options.items()]
        words += [] if self.again is None else [f"again=%{self.again}"]
        words += [f"{role}: {' '.join(map(str, w.shape))}" for role, w in self.weights.items()]
        return f"%{self.id} {self.name} = {self.target}({', '.join(words)})"


def _text(argument: Any) -> str:
    if isinstance(argument, (list, tuple)):
        return f"[{', '.join(map(_text, argument))}]"
    return str(argument)


@dataclass(frozen=True)
class PlanInput:
    """An input: its stored shape, as Keras holds it, with the batch axis.

    `name` is Keras's spelling, `value` ONNX's.
    """

    id: int
    name: str
    value: str
    shape: tuple[Size, ...]
    dtype: str


@dataclass(frozen=True)
class Function:
    """What a loop calls: a function of one tensor, without weights.

    In Keras it is a small model of its own, which a file holds as an argument of the loop.
    """

    name: str
    input: PlanInput
    calls: tuple[Call, ...]
    outputs: tuple[Ref, ...]

    def __str__(self) -> str:
        return f"{self.name}({len(self.calls)} calls)"


@dataclass(frozen=True)
class Stored:
    """Where an ONNX value is found in the Keras model, and the order in which it is stored."""

    ref: Ref
    layout: Layout


@dataclass(frozen=True)
class Conflict:
    """Why a tensor had to be permuted somewhere: what forbids to have it as it is asked for, `end`,
    and the way from there to the node that asks, each value with the order that it would have."""

    end: str
    way: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Permutation:
    """A Permute that no layout pass could avoid: which value, between which layouts, for whom.

    `source` is the call (or input) that gave the value in the order `have`, `call` the one that
    gives it in the order `want`; `bytes` are those of one sample. `conflict` is why.
    """

    source: int
    call: int
    value: str
    have: str
    want: str
    bytes: int
    forced_by: str
    conflict: Conflict | None = None

    def __str__(self) -> str:
        return f"{self.value}: {self.have} to {self.want}, {self.bytes} bytes, for {self.forced_by}"


@dataclass(frozen=True)
class Plan:
    """A whole Keras model, and the map from the ONNX graph's values to its tensors."""

    name: str
    inputs: tuple[PlanInput, ...]
    calls: tuple[Call, ...]
    outputs: tuple[str, ...]
    values: Mapping[str, Stored]
    permutations: tuple[Permutation, ...] = ()

    def times(self) -> Mapping[int, int]:
        """For each call how often its layer was applied before it."""
        seen: Counter[int] = Counter()
        found = {}
        for call in self.calls:
            first = call.id if call.again is None else call.again
            found[call.id] = seen[first]
            seen[first] += 1
        return found

    @property
    def bytes_moved(self) -> int:
        """By all permutations, for one sample."""
        return sum(permutation.bytes for permutation in self.permutations)

    def __str__(self) -> str:
        heads = [f"%{i.id} {i.name}: {' '.join(map(str, i.shape))} {i.dtype}" for i in self.inputs]
        tails = [f"return {', '.join(str(self.values[name].ref) for name in self.outputs)}"]
        return "\n".join(heads + [str(call) for call in self.calls] + tails)
