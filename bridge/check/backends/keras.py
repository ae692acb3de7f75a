"""A Keras model, run one operation at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bridge.check.backends.backend import Given, Origin
from bridge.layout import Layout
from bridge.raising.names import decode

if TYPE_CHECKING:
    import keras

    from bridge.raising.plan import Plan

Array = NDArray[Any]


@dataclass(frozen=True)
class Place:
    """Where a value is in a Keras model: the operation that gives it, which of its results it is,
    and how it is stored (None: as the other side has it). A layer may be applied several times:
    `time` numbers the calls (None: the first that the model has)."""

    operation: str
    item: int = 0
    layout: Layout | None = None
    time: int | None = None

    def undo(self, array: Array) -> Array:
        """In ONNX's order. An array of another shape than planned is brought to it by whole axes,
        so that the report can show the shape."""
        if self.layout is None:
            return array
        try:
            return self.layout.undo(array)
        except ValueError:
            order = [self.layout.where(axis) for axis in range(self.layout.rank)]
            places = [place for place in order if place is not None]
            return array.transpose(places) if len(places) == array.ndim else array

    def apply(self, array: Array) -> Array:
        return array if self.layout is None else self.layout.apply(array)


def places_of(plan: Plan) -> dict[str, Place]:
    """The translation map of a plan, with the names that Keras has for its calls."""
    names = {given.id: given.name for given in plan.inputs}
    names |= {call.id: call.name for call in plan.calls}
    times = plan.times()
    return {
        value: Place(
            names[stored.ref.call],
            stored.ref.item or 0,
            stored.layout,
            times.get(stored.ref.call),
        )
        for value, stored in plan.values.items()
    }


def own_places(model: keras.Model) -> dict[str, Place]:
    """Every result of a model under its layer's own name, as it is stored."""
    return {
        decode(name) + (f":{item}" if item else ""): Place(name, item)
        for name, node in _calls(model).items()
        for item in range(len(node.outputs))
    }


class KerasBackend:
    """A Keras model, of which `places` say where the values are.

    Each operation runs once, in the order in which values are wanted, and what no later one reads
    is dropped. The model is a Functional one.
    """

    def __init__(
        self,
        model: keras.Model,
        title: str,
        places: Mapping[str, Place],
        inputs: Sequence[str],
        outputs: Sequence[str],
    ) -> None:
        """`inputs` and `outputs` are the values that the model takes and gives, in its order."""
        self.title = title
        self.inputs: dict[str, Given] = {
            name: (_logical_shape(name, tensor, places[name]), tensor.dtype)
            for name, tensor in zip(inputs, model.inputs, strict=True)
        }
        self.outputs = tuple(outputs)
        self.dtypes = dtypes_of(model)
        self._model, self._nodes = model, _calls(model)
        self._places = {name: each for name, each in places.items() if self._has(each)}

    @cached_property
    def values(self) -> tuple[str, ...]:
        return tuple(name for name in self._places if name not in self.inputs)

    @cached_property
    def origins(self) -> dict[str, Origin]:
        """By layer names only: a model that is looked at alone knows no others."""
        named = {id(self._tensor(place)): name for name, place in self._places.items()}
        return {name: self._origin(name, named) for name in self.values}

    def _origin(self, name: str, named: Mapping[int, str]) -> Origin:
        """What lies between, as a padding of its own, has no name: so it goes back to what has."""
        node = _node(self._tensor(self._places[name]))
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
            targets.setdefault(id(self._tensor(self._places[name])), []).append(name)
        nodes = self._order([self._tensor(self._places[name]) for name in wanted])
        readers = Counter(id(tensor) for node in nodes for tensor in node.input_tensors)
        alive = {
            id(tensor): keras.ops.convert_to_tensor(self._places[name].apply(feeds[name]))
            for name, tensor in zip(self.inputs, self._model.inputs, strict=True)
        }
        yield from self._given(targets, alive)
        for node in nodes:
            arguments, options = node.arguments.fill_in(alive)
            results = keras.tree.flatten(node.operation(*arguments, **options))
            made = {id(t): result for t, result in zip(node.outputs, results, strict=True)}
            yield from self._given(targets, made)
            alive.update({key: result for key, result in made.items() if readers[key]})
            for tensor in node.input_tensors:
                readers[id(tensor)] -= 1
                if not readers[id(tensor)]:
                    del alive[id(tensor)]

    def _given(
        self, targets: Mapping[int, Sequence[str]], made: Mapping[int, Any]
    ) -> Iterator[tuple[str, Array]]:
        import keras

        for key, result in made.items():
            for name in targets.get(key, ()):
                stored = np.asarray(keras.ops.convert_to_numpy(result))
                yield name, self._places[name].undo(stored)

    def _order(self, tensors: Sequence[Any]) -> list[Any]:
        """The nodes that lead to these tensors, each after those that it needs."""
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
        return {name: self._tensor(self._places[name]) for name in self.values}

    def _has(self, place: Place) -> bool:
        """A plan may hold calls that lead to no output; a model does not."""
        return place.operation in self._nodes

    def _tensor(self, place: Place) -> Any:
        node = self._nodes[place.operation]
        if place.time is not None:
            node = node.operation._inbound_nodes[place.time]
        return node.outputs[place.item]


def _calls(model: keras.Model) -> dict[str, Any]:
    """The nodes of a model by operation; the first call of each, where a layer is shared."""
    by_depth, calls = model._nodes_by_depth, dict[str, Any]()
    for depth in sorted(by_depth, reverse=True):
        for node in by_depth[depth]:
            calls.setdefault(node.operation.name, node)
    return calls


def dtypes_of(model: keras.Model) -> frozenset[str]:
    """What a model holds and what its layers compute in."""
    computing = (getattr(operation, "compute_dtype", None) for operation in model.operations)
    return frozenset([*(str(each.dtype) for each in model.weights), *filter(None, computing)])


def _node(tensor: Any) -> Any:
    """What made a symbolic tensor."""
    history = tensor._keras_history
    return history.operation._inbound_nodes[history.node_index]


def _logical_shape(name: str, tensor: Any, place: Place) -> tuple[int | str, ...]:
    if place.layout is not None:
        return place.layout.logical_shape
    return tuple(f"{name}_{i}" if size is None else size for i, size in enumerate(tensor.shape))
