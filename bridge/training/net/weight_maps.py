"""Where each number of Caffe's parameters is in the variables of a Keras model.

A weight of a plan is computed from Caffe's blobs by a function of arrays. Most only reshape and
transpose one blob: these steps, which an array without numbers records, are the map, and lead back
too. Others are computed from the positions of the blobs' numbers, and so say of each of their own
numbers which one it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.caffe.net import Blob
from bridge.errors import UnsupportedError
from bridge.layout import Weight
from bridge.layout.traced import StandIn, flat_axes
from bridge.raising.plan import Call, Plan
from bridge.training.net.parameters import Key, Parameter, Parameters
from bridge.types import Array

Positions = NDArray[np.int64]

# Smaller numbers, such as the zeros that pad a weight and the ones of a product, are no positions.
_FIRST = 2
CONSTANT = -1


@dataclass(frozen=True)
class Step:
    """A transpose by `order`, or a reshape to `after`, of an array of the shape `before`."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    order: tuple[int, ...] | None = None

    def apply(self, array: Array) -> Array:
        return array.reshape(self.after) if self.order is None else array.transpose(self.order)

    def undone(self, array: Array) -> Array:
        if self.order is None:
            return array.reshape(self.before)
        return array.transpose(np.argsort(self.order))


class Moved(StandIn):
    """An array without numbers, which records how they are moved. Raises AttributeError or
    TypeError for whatever does not only move them."""

    __array_ufunc__ = None

    def __init__(self, shape: Sequence[int], steps: tuple[Step, ...] = ()) -> None:
        super().__init__(shape)
        self.steps = steps

    def reshape(self, *shape: Any) -> Moved:
        after = self._stand_in.reshape(*shape).shape
        return Moved(after, (*self.steps, Step(self.shape, after)))

    def transpose(self, *axes: int | Sequence[int]) -> Moved:
        order = flat_axes(axes)
        after = self._stand_in.transpose(order).shape
        return Moved(after, (*self.steps, Step(self.shape, after, order)))

    def __array__(self, *_: Any, **__: Any) -> Array:
        raise TypeError("an array without numbers")


@dataclass(frozen=True)
class WeightMap:
    """A weight of the model, `role` of the layer `layer`, of some of Caffe's parameters.

    With `steps` it is one of them, moved so. Otherwise `listed` has for each of its numbers the
    position among those of all parameters; CONSTANT for one that no parameter gives.
    """

    layer: str
    role: str
    parameters: tuple[Parameter, ...]
    steps: tuple[Step, ...] | None = None
    listed: Positions | None = None

    @property
    def is_constant(self) -> bool:
        return not self.parameters

    @cached_property
    def positions(self) -> Positions:
        """For each number of the weight where it is among those of all parameters."""
        if self.listed is not None:
            return self.listed
        own = self.parameters[0].positions
        return self._moved(np.arange(own.start, own.stop))

    def taken(self, values: Array, constants: Array) -> Array:
        """The weight for these numbers of all parameters; `constants` has the rest."""
        if self.steps is not None:
            return self._moved(values[self.parameters[0].positions]).copy()
        return np.where(self.positions == CONSTANT, constants, values[self.positions])

    def put(self, weight: Array, values: Array) -> None:
        """Write the weight's numbers among those of all parameters."""
        if self.steps is not None:
            values[self.parameters[0].positions] = self._moved_back(weight)
            return
        owned = self.positions != CONSTANT
        values[self.positions[owned]] = weight[owned]

    def add(self, weight: Array, values: Array) -> None:
        """Add the weight's numbers to those of the parameters that they belong to."""
        if self.steps is not None:
            values[self.parameters[0].positions] += self._moved_back(weight)
            return
        owned = self.positions != CONSTANT
        np.add.at(values, self.positions[owned], weight[owned])

    def _moved(self, numbers: Array) -> Array:
        for step in self.steps or ():
            numbers = step.apply(numbers)
        return numbers

    def _moved_back(self, weight: Array) -> Array:
        for step in reversed(self.steps or ()):
            weight = step.undone(weight)
        return weight


def weight_maps(plan: Plan, parameters: Parameters) -> tuple[WeightMap, ...]:
    """The map of each weight of a plan.

    Raises UnsupportedError where a weight is not just the numbers of parameters in another order,
    and where a parameter that is trained is no weight of the model.
    """
    result = []
    for call in plan.calls:
        if call.again is None:
            result += [_weight_map(call, role, w, parameters) for role, w in call.weights.items()]
        for argument in call.arguments:
            if isinstance(argument, Weight) and _trained(argument, parameters):
                raise _not_a_weight(call.name, _trained(argument, parameters)[0])
    return tuple(result)


def _weight_map(call: Call, role: str, weight: Weight, parameters: Parameters) -> WeightMap:
    sources = _sources(weight, parameters)
    if not sources:
        none: Positions = np.full(weight.stored_shape, CONSTANT, np.int64)
        return WeightMap(call.name, role, (), listed=none)
    steps = _steps(weight, sources)
    if steps is not None:
        return WeightMap(call.name, role, sources, steps)
    numbers = _computed(weight, parameters, lambda p: p)
    squares = _computed(weight, parameters, np.square)
    if not np.allclose(squares, np.square(numbers), rtol=1e-12, atol=0):
        raise UnsupportedError(
            "a weight is computed from what Caffe trains, and is not trained like it",
            where=f"layer '{call.name}', {role}",
            received=", ".join(f"{layer}[{index}]" for layer, index in (p.key for p in sources)),
            hint="convert the net without --solver, and train the Keras model as it is",
        )
    positions = np.where(numbers < _FIRST, CONSTANT, numbers - _FIRST).astype(np.int64)
    return WeightMap(call.name, role, sources, listed=positions)


def _steps(weight: Weight, sources: tuple[Parameter, ...]) -> tuple[Step, ...] | None:
    """How the numbers of the one blob that a weight is computed from are moved; None for one that
    is computed otherwise."""
    if len(weight.leaves) > 1:
        return None
    (parameter,) = sources
    try:
        moved = weight.computed_from(
            lambda leaf: None if leaf.sources else Moved((prod(parameter.shape),))
        )
    except (AttributeError, TypeError):
        return None
    return moved.steps if isinstance(moved, Moved) and moved.size == prod(parameter.shape) else None


def _sources(weight: Weight, parameters: Parameters) -> tuple[Parameter, ...]:
    sources = [parameters.by_key.get(_key_of(leaf)) for leaf in weight.leaves]
    return tuple({p.key: p for p in sources if p is not None}.values())


def _key_of(leaf: Weight) -> Key:
    """The key of a blob; one that no blob has, for other constants."""
    origin = leaf.origin if isinstance(leaf, Blob) else None
    return ("", -1) if origin is None else (origin.layer, origin.index)


def _computed(weight: Weight, parameters: Parameters, of: Any) -> NDArray[np.float64]:
    """The weight, if each number of a parameter were a function of its position."""

    def positions(leaf: Weight) -> Any:
        parameter = parameters.by_key.get(_key_of(leaf))
        if parameter is None:
            return None
        own = parameter.positions
        return of(np.arange(own.start, own.stop, dtype=np.float64) + _FIRST)

    result: NDArray[np.float64] = np.asarray(weight.computed_from(positions), np.float64)
    return result


def _trained(weight: Weight, parameters: Parameters) -> list[Parameter]:
    return [p for p in _sources(weight, parameters) if p.is_trained]


def _not_a_weight(layer: str, parameter: Parameter) -> UnsupportedError:
    name, index = parameter.key
    return UnsupportedError(
        "Keras has no weight for a parameter that is trained: it is an argument of an operation",
        where=f"'{layer}'",
        received=f"{name}[{index}]",
        hint="convert the net without --solver, or freeze the layer with lr_mult: 0",
    )
