"""The forward pass of a Keras model as Caffe trains it, with the losses of the net behind it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import keras
from keras import ops

from bridge.caffe.net import Layer
from bridge.errors import UnsupportedError
from bridge.layout import Layout, moves
from bridge.raising.plan import Plan
from bridge.training.losses import with_gradient_of
from bridge.training.measures import measured
from bridge.training.net.in_place import Overwritten
from bridge.training.net.objectives import Objectives

Tensor = Any


@dataclass(frozen=True)
class Forward:
    """The pass from the values that are fed to all that Caffe's net returns.

    `normalizations` are the model's layers that normalise by each batch. `stopped` are the
    operations, by the Caffe layer that they are of, behind which no gradient goes. `overwritten`
    are the operations whose gradients depend on what comes later: with them, each pass is two.
    """

    model: keras.Model
    plan: Plan
    objectives: Objectives
    normalizations: Collection[str]
    stopped: Mapping[str, str]
    overwritten: Mapping[str, Overwritten]

    def __call__(self, inputs: Sequence[Tensor]) -> tuple[Tensor, tuple[Any, Any]]:
        """What is minimised; the outputs by blob, with Caffe's axes; and the statistics of the
        batch, by normalisation. `inputs` are the model's, then those of the losses alone."""
        count = len(self.plan.inputs)
        results, statistics, alive = self._computed(inputs[:count], {})
        if self.overwritten:
            last = {name: self._tensor(at.last, alive) for name, at in self.overwritten.items()}
            results, statistics, _ = self._computed(inputs[:count], last)
        values = dict(zip(self.objectives.fed, inputs[count:], strict=True))
        for planned, tensor in zip(self.plan.inputs, inputs, strict=False):
            values[planned.value] = with_layout_undone(tensor, self.plan, planned.value)
        for name, tensor in zip(self.plan.outputs, results, strict=True):
            values[name] = with_layout_undone(tensor, self.plan, name)
        for layer in self.objectives.measuring:
            bottoms = [_read(layer, i, values[name]) for i, name in enumerate(layer.bottoms)]
            values.update(zip(layer.tops, measured(layer, *bottoms), strict=True))
        weighted = [w * ops.sum(values[name]) for name, w in self.objectives.weights.items()]
        outputs = {name: values[name] for name in self.objectives.outputs}
        return sum(weighted[1:], weighted[0]), (outputs, statistics)

    def _computed(
        self, inputs: Sequence[Tensor], last: Mapping[str, Tensor]
    ) -> tuple[list[Tensor], dict[str, Any], dict[int, Tensor]]:
        """The model's outputs, node by node, as its layers are in training; the statistics; and all
        tensors. `last` has what is written over the results of operations."""
        alive = {id(x): value for x, value in zip(self.model.inputs, inputs, strict=True)}
        statistics: dict[str, Any] = {}
        by_depth = self.model._nodes_by_depth
        for depth in sorted(by_depth, reverse=True):
            for node in by_depth[depth]:
                if node.is_input:
                    continue
                arguments, options = node.arguments.fill_in(self._as_read(node, alive))
                results = self._executed(node.operation, arguments, options, statistics)
                if node.operation.name in last:
                    at = self.overwritten[node.operation.name]
                    written = last[node.operation.name]
                    y = _overwritten(arguments[0], results[0], written, at.negative_slope)
                    results = [y]
                alive.update({id(t): x for t, x in zip(node.outputs, results, strict=True)})
        return [alive[id(tensor)] for tensor in self.model.outputs], statistics, alive

    def _tensor(self, value: str, alive: Mapping[int, Tensor]) -> Tensor:
        ref = self.plan.values[value].ref
        name = next(call.name for call in self.plan.calls if call.id == ref.call)
        operation = next(x for x in self.model.operations if x.name == name)
        node = operation._inbound_nodes[self.plan.times()[ref.call]]
        return alive[id(node.outputs[ref.item or 0])]

    def _as_read(self, node: Any, alive: dict[int, Tensor]) -> dict[int, Tensor]:
        """The tensors, without gradients where the layer passes none on."""
        layer = self.stopped.get(node.operation.name)
        if layer is None:
            return alive
        return alive | {
            id(tensor): ops.stop_gradient(alive[id(tensor)])
            for tensor in node.input_tensors
            if self.stopped.get(tensor._keras_history.operation.name) != layer
        }

    def _executed(
        self, operation: Any, arguments: Any, options: Any, statistics: dict[str, Any]
    ) -> list[Tensor]:
        if operation.name in self.normalizations:
            result, statistics[operation.name] = _normalized(operation, *arguments)
            return [result]
        if isinstance(operation, keras.layers.Dropout):
            options = {**options, "training": True}
        elif isinstance(operation, keras.layers.BatchNormalization):
            options = {**options, "training": False}
        return list(keras.tree.flatten(operation(*arguments, **options)))


def _overwritten(x: Tensor, y: Tensor, last: Tensor, negative_slope: float) -> Tensor:
    """y = relu(x), with the gradient by the signs of what is written over y (relu_layer.cpp)."""
    slope = ops.where(last > 0, ops.ones_like(last), negative_slope * ops.ones_like(last))
    return with_gradient_of(y, x * ops.stop_gradient(slope))


def _normalized(layer: Any, x: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor, int]]:
    """x normalised by its own mean and variance, these two, and of how many numbers each is
    (batch_norm_layer.cpp)."""
    axis = layer.axis % len(x.shape)
    others = [i for i in range(len(x.shape)) if i != axis]
    mean, variance = ops.moments(x, others)
    gamma, beta = layer.gamma if layer.scale else None, layer.beta if layer.center else None
    y = ops.batch_normalization(x, mean, variance, axis, beta, gamma, layer.epsilon)
    count = prod(int(x.shape[i]) for i in others)
    return y, (mean, variance, count)


def _read(layer: Layer, index: int, value: Tensor) -> Tensor:
    passed_on = layer.learning.propagate_down
    stops = index < len(passed_on) and not passed_on[index]
    return ops.stop_gradient(value) if stops else value


def with_layout_undone(tensor: Tensor, plan: Plan, value: str) -> Tensor:
    """A tensor of the model with the axes that Caffe has for the value."""
    layout = plan.values[value].layout
    physical = tuple(int(size) for size in tensor.shape)
    own = layout.inverse().bound(physical).inverse()
    steps = moves(own, Layout.identity(own.logical_shape))
    if steps is None:
        raise UnsupportedError(
            "a loss reads a value that Keras stores in parts",
            where=f"blob '{value}'",
            received=str(layout),
        )
    if steps.before is not None:
        tensor = ops.reshape(tensor, steps.before)
    if steps.order is not None:
        tensor = ops.transpose(tensor, steps.order)
    return tensor if steps.after is None else ops.reshape(tensor, steps.after)
