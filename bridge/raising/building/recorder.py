"""Records the Keras calls that rules make."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bridge.errors import UnsupportedError
from bridge.layout import Weight
from bridge.raising.names import decode, encode, spellings
from bridge.raising.plan import Call, Function, PlanInput, Ref, Size, needed
from bridge.types import Array


class Recorder:
    """A list of calls. Those of one ONNX node are named after it; the last one has its name."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._taken: set[str] = set()  # of names, in lower case
        self._numbers: dict[str, int] = {}  # the last that each taken name was given
        self._ids = 0
        self._names: dict[int, str] = {}  # of inputs and calls
        self._fixed: set[int] = set()  # those whose names are to stay
        self._shared: dict[tuple[Any, ...], Call] = {}
        self.anchor: Ref | None = None
        # The common prefix, before the last /, of the names of the nodes of one layer.
        self.scope = ""

    def new_id(self) -> int:
        self._ids += 1
        return self._ids

    def input(self, name: str) -> tuple[int, str]:
        """The id of a new input, and its name in Keras."""
        number = self.new_id()
        self._names[number] = self.unique(name)
        self._fixed.add(number)
        return number, self._names[number]

    def output(self, name: str, result: Ref, dtype: str) -> Ref:
        """The tensor of an output, as a result of an operation of its name: Keras names a model's
        outputs after their operations.

        An operation takes the name of its only result. Where it cannot, because it has weights,
        several results or several calls, or is an input, and where the name is taken, an Identity
        has the name.
        """
        if decode(self._names[result.call]) != name and not self._takes(result, name):
            return self._identity(result, name, dtype)
        self._fixed.add(result.call)
        return result

    def _takes(self, result: Ref, name: str) -> bool:
        """Gives the name to the operation of a result, if it can take it."""
        spelling = encode(name)
        if result.item is not None or result.call in self._fixed or not self._is_free(spelling):
            return False
        index = bisect_left(self.calls, result.call, key=lambda call: call.id)
        if self.calls[index].weights:
            return False
        self._taken.add(spelling.lower())
        self.calls[index] = replace(self.calls[index], name=spelling)
        return True

    def _identity(self, result: Ref, name: str, dtype: str) -> Ref:
        # A layer casts the floats that it takes to its own dtype.
        options = {"dtype": dtype} if "float" in dtype and dtype != "float32" else {}
        spelling = next(filter(self._is_free, spellings(name)))
        self._taken.add(spelling.lower())
        same = self._add("layers.Identity", (result,), options, {})
        self.calls[-1] = replace(self.calls[-1], name=spelling)
        return same

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
        return Function(encode(name), parameter, needed(inner.calls, outputs), outputs)

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
        if again is not None:
            self._fixed.update((call.id, again))
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
        new_name = self.unique(name) if call.again is None else self._names[call.again]
        self._names[call.id] = new_name
        self.calls[index] = replace(call, name=new_name)

    def unique(self, name: str) -> str:
        """The Keras spelling of a name, numbered if it is taken.

        Keras ignores case in names when it saves, so this does too.
        """
        spelling, number = encode(name), self._numbers.get(name, 1)
        while not self._is_free(spelling):
            number += 1
            spelling = encode(f"{name}_{number}")
        self._taken.add(spelling.lower())
        self._numbers[name] = number
        return spelling

    def _is_free(self, spelling: str) -> bool:
        return spelling.lower() not in self._taken


def _signed(values: Array) -> Array:
    return values.view(np.int64)
