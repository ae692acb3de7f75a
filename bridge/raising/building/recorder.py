"""Records the Keras calls that rules make."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bridge.errors import UnsupportedError
from bridge.layout import Weight
from bridge.raising.names import encode
from bridge.raising.plan import Call, Function, PlanInput, Ref, Size
from bridge.types import Array


class Recorder:
    """A list of calls. Those of one ONNX node are named after it; the last one has its name."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._names: set[str] = set()
        self._numbers: dict[str, int] = {}  # the last that each taken name was given
        self._ids = 0
        self._names_by_call: dict[int, str] = {}
        self._shared: dict[tuple[Any, ...], Call] = {}
        self.anchor: Ref | None = None
        # The common prefix, before the last /, of the names of the nodes of one layer.
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
        `further` arguments.

        Within one scope, a layer that has the same weights already is applied again: an unrolled
        LSTM has one recurrent weight.
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

    def again(self, first: Ref, *arguments: Any) -> Ref:
        """Applies the layer whose first call gave this result to other arguments."""
        index = bisect_left(self.calls, first.call, key=lambda call: call.id)
        return self._add(self.calls[index].target, arguments, {}, {}, again=first.call)

    def op(self, kind: str, *arguments: Any, **options: Any) -> Ref:
        """Calls `keras.ops.<kind>`; the arguments may hold tensors, numbers and small arrays."""
        return self._add(f"ops.{kind}", arguments, options, {})

    def ops(self, kind: str, *arguments: Any, outputs: int, **options: Any) -> tuple[Ref, ...]:
        """The same for a function that returns several tensors."""
        results = self.op(kind, *arguments, **options)
        return tuple(Ref(results.call, item) for item in range(outputs))

    def function(
        self, name: str, shape: Sequence[Size], body: Callable[[Recorder, Ref], Sequence[Ref]]
    ) -> Function:
        """A function of one float tensor of this shape, for a loop or a layer to call."""
        inner = Recorder()
        x = Ref(inner.new_id())
        outputs = tuple(body(inner, x))
        inner.name_calls(0, name)
        parameter = PlanInput(x.call, "x", "x", tuple(shape), "float32")
        return Function(encode(name), parameter, tuple(inner.calls), outputs)

    def constant(self, values: Weight) -> Ref:
        """A constant as a tensor of the model. Keras computes tensors only from other tensors, so
        it is added to the sum of zeros in an input's shape, which is 0 even for NaN or infinity."""
        if self.anchor is None:
            raise UnsupportedError(
                "a constant in a graph without inputs",
                hint="a Keras model computes its outputs from its inputs",
            )
        if values.dtype == np.uint64:  # of two of which Keras makes uint32: by their bits
            bits = Weight(values.stored_shape, _signed, sources=(values,), dtype=np.dtype(np.int64))
            return self.op("cast", self.constant(bits), dtype="uint64")
        zeros = self.op("zeros_like", self.anchor, dtype=str(values.dtype))
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

    def compute_in(self, dtype: str, start: int) -> None:
        """Has the layers from `start` on compute in another dtype than float32, to which they cast
        whatever floats they read."""
        for index in range(start, len(self.calls)):
            call = self.calls[index]
            if call.target.startswith("layers.") and call.again is None:
                self.calls[index] = replace(call, options={"dtype": dtype, **call.options})

    def name_calls(self, start: int, name: str) -> None:
        """Names the calls from `start` on after their node."""
        for index in range(start, len(self.calls) - 1):
            kind = self.calls[index].target.split(".")[1].lower()
            self._rename(index, f"{name}/{kind}")
        if start < len(self.calls):
            self._rename(len(self.calls) - 1, name)

    def _rename(self, index: int, name: str) -> None:
        call = self.calls[index]
        new_name = self.unique(name) if call.again is None else self._names_by_call[call.again]
        self._names_by_call[call.id] = new_name
        self.calls[index] = replace(call, name=new_name)

    def unique(self, name: str) -> str:
        """The Keras spelling of a name, numbered if it is taken.

        Keras ignores case in names when it saves, so this does too.
        """
        spelling, number = encode(name), self._numbers.get(name, 1)
        while spelling.lower() in self._names:
            number += 1
            spelling = encode(f"{name}_{number}")
        self._names.add(spelling.lower())
        self._numbers[name] = number
        return spelling


def _signed(values: Array) -> Array:
    return values.view(np.int64)
