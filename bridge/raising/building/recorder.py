"""What a rule writes its Keras calls into."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bridge.errors import UnsupportedError
from bridge.layout import Weight
from bridge.raising.names import encode
from bridge.raising.plan import Call, Function, PlanInput, Ref, Size


class Recorder:
    """Collects calls; those of one ONNX node share its name, and the last of them carries it."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._names: set[str] = set()
        self._ids = 0
        self._given: dict[int, str] = {}
        self._shared: dict[tuple[Any, ...], Call] = {}
        self.anchor: Ref | None = None
        # What the nodes of one layer have before the / in their names.
        self.scope = ""

    def new_id(self) -> int:
        self._ids += 1
        return self._ids

    def layer(
        self,
        kind: str,
        x: Ref | Sequence[Ref],
        weights: Mapping[str, Weight] | None = None,
        *further: Any,
        **options: Any,
    ) -> Ref:
        """Applies a new `keras.layers.<kind>(**options)` to one tensor or a list of them, and to
        what it takes further.

        Within one scope the same layer is applied again where one has the same weights already:
        an LSTM that was unrolled has one recurrent weight.
        """
        target, weights = f"layers.{kind}", weights or {}
        arguments = (x if isinstance(x, Ref) else list(x), *further)
        key = (self.scope, target, *weights.items())
        known = self._shared.get(key) if self.scope and weights else None
        if known is not None and known.options == options:
            return self._add(target, arguments, {}, {}, again=known.id)
        ref = self._add(target, arguments, options, weights)
        self._shared[key] = self.calls[-1]
        return ref

    def op(self, kind: str, *arguments: Any, **options: Any) -> Ref:
        """Calls `keras.ops.<kind>`; the arguments may hold tensors, numbers and small arrays."""
        return self._add(f"ops.{kind}", arguments, options, {})

    def ops(self, kind: str, *arguments: Any, outputs: int, **options: Any) -> tuple[Ref, ...]:
        """The same for a function that gives several tensors."""
        whole = self.op(kind, *arguments, **options)
        return tuple(Ref(whole.call, item) for item in range(outputs))

    def function(
        self, name: str, shape: Sequence[Size], body: Callable[[Recorder, Ref], Sequence[Ref]]
    ) -> Function:
        """A function of one float tensor of a shape, for a loop to call."""
        inner = Recorder()
        x = Ref(inner.new_id())
        outputs = tuple(body(inner, x))
        inner.name_calls(0, name)
        given = PlanInput(x.call, "x", "x", tuple(shape), "float32")
        return Function(encode(name), given, tuple(inner.calls), outputs)

    def constant(self, values: Weight) -> Ref:
        """A constant as a tensor of the model. Keras makes one only of other tensors, so it is
        added to the sum of an input's zeros, which no NaN or infinity of the input changes."""
        if self.anchor is None:
            raise UnsupportedError(
                "a constant in a graph without inputs",
                hint="a Keras model computes its outputs from its inputs",
            )
        zeros = self.op("zeros_like", self.anchor, dtype=str(values.array().dtype))
        return self.op("add", self.op("sum", zeros), values)

    def _add(
        self,
        target: str,
        arguments: tuple[Any, ...],
        options: Mapping[str, Any],
        weights: Mapping[str, Weight],
        again: int | None = None,
    ) -> Ref:
        call = Call(self.new_id(), "", target, arguments, options, weights, again)
        self.calls.append(call)
        return Ref(call.id)

    def name_calls(self, start: int, name: str) -> None:
        """Gives the calls from `start` on the name of the node that they carry out."""
        for index in range(start, len(self.calls) - 1):
            kind = self.calls[index].target.split(".")[1].lower()
            self._rename(index, f"{name}/{kind}")
        if start < len(self.calls):
            self._rename(len(self.calls) - 1, name)

    def _rename(self, index: int, name: str) -> None:
        call = self.calls[index]
        own = self.unique(name) if call.again is None else self._given[call.again]
        self._given[call.id] = own
        self.calls[index] = replace(call, name=own)

    def unique(self, name: str) -> str:
        """The Keras spelling of a name, numbered where it was given before.

        Keras compares names without regard to case when it saves, so this does too.
        """
        spelled, number = encode(name), 1
        while spelled.lower() in self._names:
            number += 1
            spelled = encode(f"{name}_{number}")
        self._names.add(spelled.lower())
        return spelled
