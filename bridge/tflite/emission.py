"""A plan → the model that a `.tflite` holds, call by call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bridge.errors import UnsupportedError
from bridge.raising.names import decode, serving_names
from bridge.raising.plan import Call, Plan, PlanInput, Ref
from bridge.raising.speed import fold_norms, pad_within
from bridge.tflite.fusion import fused
from bridge.tflite.graph import Dims, Graph, NotWrittenError, Operator, Tensor, sizes_of
from bridge.tflite.table import TABLE, Results, without_defaults


@dataclass(frozen=True)
class LiteModel:
    """Operators in order, and the inputs and outputs by their names in the signature; `names` are
    those of the tensors that are results of the plan."""

    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    operators: Sequence[Operator]
    names: Mapping[Tensor, str]


def lite_model(plan: Plan) -> LiteModel:
    """The model of a plan; normalisations are folded, convolutions pad themselves where that is the
    same, and activations are computed by the operators before them.

    Raises UnsupportedError for a call without an emitter, or whose options it does not take:
    TensorFlow may still write the file.
    """
    from bridge.tflite import emitters  # noqa: F401  (fills the table)

    natural, plan = plan, pad_within(fold_norms(plan))
    shapes = {s.ref: sizes_of(s.layout.stored_shape) for s in natural.values.values()}
    emission = _Emission({call.id: call for call in plan.calls}, shapes)
    names = serving_names([entry.name for entry in plan.inputs])
    inputs = {n: emission.input(entry, n) for n, entry in zip(names, plan.inputs, strict=True)}
    for call in plan.calls:
        emission.add(call)
    outputs = emission.outputs(plan)
    operators = fused(emission.graph.operators, outputs.values())
    return LiteModel(inputs, outputs, operators, emission.names)


@dataclass
class _Emission:
    """The results of the calls so far; `shapes` are those that are known beforehand."""

    calls: Mapping[int, Call]
    shapes: Mapping[Ref, Dims]
    graph: Graph = field(default_factory=Graph)
    results: dict[int, Results] = field(default_factory=dict)
    names: dict[Tensor, str] = field(default_factory=dict)

    def input(self, entry: PlanInput, name: str) -> Tensor:
        tensor = Tensor(self.graph.unique(name), sizes_of(entry.shape), entry.dtype)
        self.results[entry.id] = tensor
        return tensor

    def add(self, call: Call) -> None:
        self.graph.scope = decode(call.name)
        try:
            self.results[call.id] = self._called(call)
            self._name(call)
        except NotWrittenError as reason:
            raise UnsupportedError(
                "no .tflite is written of this without TensorFlow",
                where=f"'{decode(call.name)}' ({call.target})",
                received=reason,
            ) from None

    def _called(self, call: Call) -> Results:
        entry = TABLE.get(call.target)
        if entry is None:
            raise NotWrittenError("a call without an emitter")
        layer = call if call.again is None else self.calls[call.again]
        options = without_defaults(layer.target, layer.options)
        arguments = [self._argument(argument) for argument in call.arguments]
        return entry.called(self.graph, arguments, {**options, **layer.weights})

    def _argument(self, argument: Any) -> Any:
        if isinstance(argument, Ref):
            return self.tensor(argument)
        if isinstance(argument, (list, tuple)):
            return [self._argument(item) for item in argument]
        return argument

    def tensor(self, ref: Ref) -> Tensor:
        result = self.results[ref.call]
        return result if isinstance(result, Tensor) else result[ref.item or 0]

    def _name(self, call: Call) -> None:
        """Names the results, and holds their shapes to the plan's."""
        result = self.results[call.id]
        tensors = [result] if isinstance(result, Tensor) else result
        for item, tensor in enumerate(tensors):
            ref = Ref(call.id, None if isinstance(result, Tensor) else item)
            expected = self.shapes.get(ref, tensor.shape)
            if not _agree(tensor.shape, expected):
                raise NotWrittenError(f"the shape {tensor.shape}, where the plan has {expected}")
            end = "" if ref.item is None else f":{item}"
            self.names.setdefault(tensor, f"{self.graph.scope}{end}")

    def outputs(self, plan: Plan) -> dict[str, Tensor]:
        """A tensor of its own for each output, and none that is an input."""
        taken = {self.tensor(Ref(entry.id)) for entry in plan.inputs}
        outputs = {}
        for name, ref in zip(plan.outputs, plan.returned, strict=True):
            tensor, self.graph.scope = self.tensor(ref), name
            if tensor in taken:
                tensor = self.graph.copy(tensor)
            taken.add(tensor)
            self.names[tensor] = name
            outputs[name] = tensor
        return outputs


def _agree(one: Dims, other: Dims) -> bool:
    """Whether both can be the same, as far as they are known."""
    return len(one) == len(other) and all(
        a == b for a, b in zip(one, other, strict=True) if a is not None and b is not None
    )
