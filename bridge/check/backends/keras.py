"""A Keras model, run one operation at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.check.backends.backend import InputSpec, Origin, in_onnx_order
from bridge.layout import Layout
from bridge.raising.names import decode
from bridge.types import Array

if TYPE_CHECKING:
    import keras

    from bridge.raising.plan import Plan


@dataclass(frozen=True)
class ValueLocation:
    """Where a value is in a Keras model: the operation that computes it, the index among its
    results, and its layout (None: that of the other model). A layer may be called several times:
    `time` numbers the calls (None: the first that the model has)."""

    operation: str
    item: int = 0
    layout: Layout | None = None
    time: int | None = None

    def undo(self, array: Array) -> Array:
        return in_onnx_order(array, self.layout)

    def apply(self, array: Array) -> Array:
        return array if self.layout is None else self.layout.apply(array)


def value_locations(plan: Plan) -> dict[str, ValueLocation]:
    """The values of a plan, by the names that its calls have in Keras."""
    names = {planned.id: planned.name for planned in plan.inputs}
    names |= {call.id: call.name for call in plan.calls}
    times = plan.times()
    return {
        value: ValueLocation(
            names[stored.ref.call],
            stored.ref.item or 0,
            stored.layout,
            times.get(stored.ref.call),
        )
        for value, stored in plan.values.items()
    }


def own_locations(model: keras.Model) -> dict[str, ValueLocation]:
    """Every result of a model under the name of its layer, as it is stored."""
    return {
        decode(name) + (f":{item}" if item else ""): ValueLocation(name, item)
        for name, node in _calls(model).items()
        for item in range(len(node.outputs))
    }


class KerasBackend:
    """A Keras model, a Functional one, with the `locations` of its values.

    Each operation runs once, in the order in which values are wanted, and a result is dropped after
    its last consumer.
    """

    def __init__(
        self,
        model: keras.Model,
        title: str,
        locations: Mapping[str, ValueLocation],
        inputs: Sequence[str],
        outputs: Sequence[str],
    ) -> None:
        """`inputs` and `outputs` are the model's values, in its order. Raises UnsupportedError for
        a model that would take too many steps."""
        from bridge.keras.steps import refuse_many_steps

        refuse_many_steps(model)
        self.title = title
        self.inputs: dict[str, InputSpec] = {
            name: (_logical_shape(name, tensor, locations[name]), tensor.dtype)
            for name, tensor in zip(inputs, model.inputs, strict=True)
        }
        self.outputs = tuple(outputs)
        self.dtypes = dtypes_of(model)
        self._model, self._nodes = model, _calls(model)
        self._locations = {name: at for name, at in locations.items() if self._has(at)}

    @cached_property
    def values(self) -> tuple[str, ...]:
        return tuple(name for name in self._locations if name not in self.inputs)

    @cached_property
    def origins(self) -> dict[str, Origin]:
        """By layer names only: the model alone knows no others."""
        named = {id(self._tensor(at)): name for name, at in self._locations.items()}
        return {name: self._origin(name, named) for name in self.values}

    def _origin(self, name: str, named: Mapping[int, str]) -> Origin:
        """Goes back past unnamed tensors, such as those of separate paddings, to named ones."""
        node = _node(self._tensor(self._locations[name]))
        reads: dict[str, None] = {}
        waiting, passed = [*reversed(node.input_tensors)], set[int]()
        while waiting:
            tensor = waiting.pop()
            if id(tensor) in named:
                reads[named[id(tensor)]] = None
            elif id(tensor) not in passed:
                passed.add(id(tensor))
                waiting += reversed(_node(tensor).input_tensors)
        return Origin(decode(node.operation.name), type(node.operation).__name__, tuple(reads))

    def run(self, feeds: Mapping[str, Array], wanted: Sequence[str]) -> Iterator[tuple[str, Array]]:
        import keras

        targets: dict[int, list[str]] = {}
        for name in wanted:
            targets.setdefault(id(self._tensor(self._locations[name])), []).append(name)
        nodes = self._order([self._tensor(self._locations[name]) for name in wanted])
        consumers = Counter(id(tensor) for node in nodes for tensor in node.input_tensors)
        alive = {
            id(tensor): keras.ops.convert_to_tensor(self._locations[name].apply(feeds[name]))
            for name, tensor in zip(self.inputs, self._model.inputs, strict=True)
        }
        yield from self._targeted(targets, alive)
        for node in nodes:
            arguments, options = node.arguments.fill_in(alive)
            results = keras.tree.flatten(node.operation(*arguments, **options))
            computed = {id(t): result for t, result in zip(node.outputs, results, strict=True)}
            yield from self._targeted(targets, computed)
            alive.update({key: result for key, result in computed.items() if consumers[key]})
            for tensor in node.input_tensors:
                consumers[id(tensor)] -= 1
                if not consumers[id(tensor)]:
                    del alive[id(tensor)]

    def _targeted(
        self, targets: Mapping[int, Sequence[str]], computed: Mapping[int, Any]
    ) -> Iterator[tuple[str, Array]]:
        import keras

        for key, result in computed.items():
            for name in targets.get(key, ()):
                stored = np.asarray(keras.ops.convert_to_numpy(result))
                yield name, self._locations[name].undo(stored)

    def _order(self, tensors: Sequence[Any]) -> list[Any]:
        """The nodes that lead to these tensors, in topological order."""
        order: dict[int, Any] = {}
        seen = {id(_node(tensor)) for tensor in self._model.inputs}
        for tensor in tensors:
            stack = [_node(tensor)]
            while stack:
                node = stack[-1]
                waiting = [n for n in map(_node, node.input_tensors) if id(n) not in seen]
                if waiting and id(node) not in seen:
                    stack += reversed(waiting)
                    continue
                stack.pop()
                if id(node) not in seen:
                    seen.add(id(node))
                    order[id(node)] = node
        return list(order.values())

    def tensors(self) -> dict[str, Any]:
        """The symbolic tensor of each of `values`."""
        return {name: self._tensor(self._locations[name]) for name in self.values}

    def _has(self, at: ValueLocation) -> bool:
        """A plan may have calls that lead to no output; a model does not."""
        return at.operation in self._nodes

    def _tensor(self, at: ValueLocation) -> Any:
        node = self._nodes[at.operation]
        if at.time is not None:
            node = node.operation._inbound_nodes[at.time]
        return node.outputs[at.item]


def _calls(model: keras.Model) -> dict[str, Any]:
    """The nodes of a model by operation; the first call of a shared layer."""
    by_depth, calls = model._nodes_by_depth, dict[str, Any]()
    for depth in sorted(by_depth, reverse=True):
        for node in by_depth[depth]:
            calls.setdefault(node.operation.name, node)
    return calls


def dtypes_of(model: keras.Model) -> frozenset[str]:
    """The dtypes of a model's weights, and those in which its layers compute."""
    import keras

    # An Identity names an output and computes nothing: a half that goes out may be of singles.
    computing = (
        getattr(operation, "compute_dtype", None)
        for operation in model.operations
        if not isinstance(operation, keras.layers.Identity)
    )
    return frozenset([*(str(weight.dtype) for weight in model.weights), *filter(None, computing)])


def _node(tensor: Any) -> Any:
    """The node that computes a symbolic tensor."""
    history = tensor._keras_history
    return history.operation._inbound_nodes[history.node_index]


def _logical_shape(name: str, tensor: Any, at: ValueLocation) -> tuple[int | str, ...]:
    if at.layout is not None:
        return at.layout.logical_shape
    return tuple(f"{name}_{i}" if size is None else size for i, size in enumerate(tensor.shape))
