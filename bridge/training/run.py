"""A Caffe training in Keras: the same losses, gradients and steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from bridge.caffe.files.solver_settings import Solver
from bridge.caffe.files.solverstate import SolverState
from bridge.errors import UnsupportedError
from bridge.public import public
from bridge.training.feeding import (
    refuse_other_labels,
    refuse_other_names,
    refuse_other_shapes,
)
from bridge.training.forward import Forward
from bridge.training.gradients import differentiated, stepped
from bridge.training.net.parameters import Key
from bridge.training.net.setup import Setup
from bridge.training.net.weight_maps import CONSTANT
from bridge.training.solving.caffe import caffe_optimizer
from bridge.training.solving.history import memories
from bridge.training.solving.native import (
    MEMORIES,
    compile_model,
    memories_of,
    parts,
    reasons,
)
from bridge.training.solving.optimizer import decay_gradient
from bridge.training.statistics import Statistics
from bridge.types import Array

Feeds = Mapping[str, Any]


class TrainingRun:
    """A net in training: `model`, and the steps of Caffe's solver on it.

    `why_uncompiled` says what plain Keras lacks for this training, if the model is not compiled.
    """

    def __init__(self, setup: Setup, solver: Solver, state: SolverState | None = None) -> None:
        self._setup = setup
        self.solver, self.model, self.warnings = solver, setup.model, setup.warnings
        self.why_uncompiled = reasons(setup, solver).all
        own = caffe_optimizer if self.why_uncompiled else compile_model
        self.optimizer = own(setup, solver)
        if state is not None:
            self._restore(state)
        self._statistics = Statistics(setup.remembered, setup.parameters.values())
        forward = Forward(
            setup.model,
            setup.plan,
            setup.objectives,
            {layer.name for layer in setup.remembered if layer.normalization.by_batch},
            setup.stopped,
            setup.overwritten,
        )
        self._variables = [item.variable for item in setup.trained]
        trained = set(map(id, self._variables))
        others = [v for v in setup.model.variables if id(v) not in trained]
        self._pass = differentiated(forward, self._variables, others)
        self._step = stepped(self._pass, self.optimizer, self._variables, self._adjusted)
        self._continued = {
            layer.bottoms[1]: layer
            for layer in setup.net.layers
            if layer.type in ("LSTM", "RNN") and len(layer.bottoms) > 1
        }
        self._has_passed = False

    @property
    def writers(self) -> dict[str, str]:
        """The layer that computes each value of the net."""
        return {top: layer.name for layer in self._setup.net.layers for top in layer.tops}

    def _restore(self, state: SolverState) -> None:
        """Go on from a snapshot of the solver."""
        zero = np.zeros(1, np.float32)
        remembered = memories(state, self.solver, self._setup.parameters)
        for index, item in enumerate(self._setup.trained):
            slots, sign = self._memory(index, item.variable)
            for values, slot in zip(remembered, slots, strict=False):
                slot.assign(sign * item.weight_map.taken(values, zero))
        for part in parts(self.optimizer):
            part._iterations.assign(state.iteration * self.solver.iter_size)

    def _memory(self, index: int, variable: keras.Variable) -> tuple[Sequence[Any], int]:
        """What the optimizer remembers of a variable, in Caffe's order, and the sign that it has
        there."""
        if self.why_uncompiled:
            return [memory[index] for memory in self.optimizer.memory], 1
        names, sign = MEMORIES[self.solver.rule]
        return memories_of(self.optimizer, names, variable), sign

    @public
    def step(self, feeds: Feeds) -> dict[str, Array]:
        """One iteration of Caffe's solver, of `iter_size` passes over this batch.

        `feeds` has an array for each input of the net, with Caffe's axes. Returns what the net
        returns at the last forward pass, by blob, with Caffe's axes.
        Raises UsageError for other inputs, ShapeError for other shapes.
        """
        fed = self._fed(feeds)
        for _ in range(self.solver.iter_size):
            self._refuse_continued(feeds)
            (outputs, statistics), _ = self._step(fed)
            self._statistics.add(_numbers(statistics))
            self._has_passed = True
        results: dict[str, Array] = _numbers(outputs)
        return results

    def _adjusted(self, gradients: Sequence[Any]) -> Sequence[Any]:
        """Plain Keras takes gradients with their decay; where variables share a parameter, each
        has the sum of its gradients."""
        if self.why_uncompiled:
            return self._tied(gradients) if self._setup.is_tied else gradients
        decay, kind = self.solver.weight_decay, self.solver.regularization
        return [
            gradient + decay_gradient(item.variable, decay * item.decay, kind)
            if decay * item.decay
            else gradient
            for item, gradient in zip(self._setup.trained, gradients, strict=True)
        ]

    def _tied(self, gradients: Sequence[Any]) -> Sequence[Any]:
        ops, size = keras.ops, self._setup.parameters.size
        maps = [item.weight_map.positions for item in self._setup.trained]
        owners = np.concatenate([np.where(p == CONSTANT, size, p).reshape(-1) for p in maps])
        numbers = ops.concatenate([ops.reshape(gradient, (-1,)) for gradient in gradients])
        sums = ops.segment_sum(numbers, owners.astype(np.int32), num_segments=size + 1)
        return [ops.take(sums, np.where(p == CONSTANT, size, p).astype(np.int32)) for p in maps]

    def _summed(self, gradients: Sequence[Any]) -> Array:
        """The gradients by the numbers of Caffe's parameters."""
        values = np.zeros(self._setup.parameters.size, np.float32)
        for item, gradient in zip(self._setup.trained, gradients, strict=True):
            item.weight_map.add(_number(gradient), values)
        return values

    @public
    def gradients(self, feeds: Feeds) -> dict[Key, Array]:
        """The gradients of one pass by each weight, as Caffe's backward pass leaves them: with
        neither clipping nor decay nor rates, and 0 for what is not trained. Changes nothing."""
        fed = self._fed(feeds)
        self._refuse_continued(feeds)
        _, gradients = self._pass(fed)
        parameters, values = self._setup.parameters, self._summed(gradients)
        weights = {key for key, p in parameters.by_key.items() if not p.is_statistics}
        return {k: array for k, array in parameters.blobs(values).items() if k in weights}

    @public
    def blobs(self) -> dict[Key, Array]:
        """All blobs of the net now, in Caffe's shapes, those of BatchNorm included."""
        values = self._statistics.values.copy()
        for item in self._setup.trained:
            item.weight_map.put(_number(item.variable), values)
        return self._setup.parameters.blobs(values)

    def _refuse_continued(self, feeds: Feeds) -> None:
        """Caffe's recurrent layers go on from the state that the pass before has left, where `cont`
        is 1 at the first step of time; the model begins each pass anew."""
        for name, layer in self._continued.items():
            if self._has_passed and name in feeds and np.asarray(feeds[name])[:1].any():
                raise UnsupportedError(
                    "a sequence goes on from the batch before, whose state Keras does not keep",
                    where=layer,
                    expected=f"{name!r} of 0 at the first step of time",
                    hint="cut the sequences at the batches, or put the whole in one batch",
                )

    def _fed(self, feeds: Feeds) -> list[Any]:
        """The inputs of a pass: those of the model as it takes them, then those of the losses."""
        setup, plan = self._setup, self._setup.plan
        inner = [planned.value for planned in plan.inputs]
        wanted = list(dict.fromkeys([*inner, *setup.objectives.fed]))
        refuse_other_names(wanted, list(feeds))
        arrays = {name: np.asarray(feeds[name], np.float32) for name in wanted}
        refuse_other_shapes(setup.net, arrays)
        refuse_other_labels(setup.objectives.measuring, plan, arrays)
        inputs = []
        for planned in plan.inputs:
            array = plan.values[planned.value].layout.apply(arrays[planned.value])
            inputs.append(keras.ops.convert_to_tensor(array, planned.dtype))
        fed = (keras.ops.convert_to_tensor(arrays[name]) for name in setup.objectives.fed)
        return [*inputs, *fed]


def _number(tensor: Any) -> Array:
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def _numbers(tensors: Any) -> Any:
    """The same structure, with arrays for tensors."""
    return keras.tree.map_structure(_number, tensors)
