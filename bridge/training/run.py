"""A Caffe training in Keras: the same losses, gradients and steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import keras
import numpy as np

from bridge.caffe.files.solver_settings import Solver
from bridge.caffe.files.solverstate import SolverState
from bridge.errors import ShapeError, UnsupportedError, UsageError, did_you_mean
from bridge.training.forward import Forward
from bridge.training.gradients import differentiated
from bridge.training.net.parameters import Key
from bridge.training.net.setup import Setup
from bridge.training.solving.history import memories
from bridge.training.solving.native import MEMORIES, compile_model, reasons
from bridge.training.solving.optimizer import CaffeOptimizer, decay_gradient
from bridge.training.solving.rates import rate
from bridge.training.solving.rules import Settings
from bridge.training.statistics import Statistics
from bridge.types import Array

Batch = Mapping[str, Any]


class TrainingRun:
    """A net in training: `model`, and the steps of Caffe's solver on it.

    `why_uncompiled` says what plain Keras lacks for this training, if the model is not compiled.
    """

    def __init__(self, setup: Setup, solver: Solver, state: SolverState | None = None) -> None:
        self._setup = setup
        self.solver, self.model, self.warnings = solver, setup.model, setup.warnings
        self.why_uncompiled = reasons(setup, solver)
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
        memory, sign = self._memory()
        for values, slots in zip(remembered, memory, strict=True):
            for item, slot in zip(self._setup.trained, slots, strict=False):
                slot.assign(sign * item.weight_map.taken(values, zero))
        passes = 1 if self.why_uncompiled else self.solver.iter_size
        self.optimizer._iterations.assign(state.iteration * passes)

    def _memory(self) -> tuple[Sequence[Any], int]:
        """What the optimizer remembers, in Caffe's order, and the sign that it has there."""
        if self.why_uncompiled:
            return self.optimizer.memory, 1
        names, sign = MEMORIES[self.solver.rule]
        return [getattr(self.optimizer, name) for name in names], sign

    def step(self, batch: Batch) -> dict[str, Array]:
        """One iteration of Caffe's solver, of `iter_size` passes over this batch.

        `batch` has an array for each input of the net, with Caffe's axes. Returns what the net
        returns at the last forward pass, by blob, with Caffe's axes.
        Raises UsageError for other inputs, ShapeError for other shapes.
        """
        fed = self._fed(batch)
        passes: list[Sequence[Any]] = []
        for _ in range(self.solver.iter_size):
            self._refuse_continued(batch)
            (outputs, statistics), gradients = self._pass(fed)
            self._statistics.add(_numbers(statistics))
            passes.append(gradients)
            self._has_passed = True
        self._update(passes)
        results: dict[str, Array] = _numbers(outputs)
        return results

    def _update(self, passes: Sequence[Sequence[Any]]) -> None:
        """Plain Keras takes the gradient of each pass with its decay; Caffe's solver their sum."""
        if self.why_uncompiled:
            total = [sum(gradients[1:], gradients[0]) for gradients in zip(*passes, strict=True)]
            self.optimizer.apply(self._tied(total), self._variables)
            return
        decay, kind = self.solver.weight_decay, self.solver.regularization
        for gradients in passes:
            decayed = [
                gradient + decay_gradient(item.variable, decay * item.decay, kind)
                for item, gradient in zip(self._setup.trained, gradients, strict=True)
            ]
            self.optimizer.apply(decayed, self._variables)

    def _tied(self, gradients: Sequence[Any]) -> Sequence[Any]:
        """Where variables share a parameter, each with the sum of its gradients."""
        if not self._setup.is_tied:
            return gradients
        values = self._summed(gradients)
        zero = np.zeros(1, np.float32)
        return [
            keras.ops.convert_to_tensor(item.weight_map.taken(values, zero))
            for item in self._setup.trained
        ]

    def _summed(self, gradients: Sequence[Any]) -> Array:
        """The gradients by the numbers of Caffe's parameters."""
        values = np.zeros(self._setup.parameters.size, np.float32)
        for item, gradient in zip(self._setup.trained, gradients, strict=True):
            item.weight_map.add(_number(gradient), values)
        return values

    def gradients(self, batch: Batch) -> dict[Key, Array]:
        """The gradients of one pass by each weight, as Caffe's backward pass leaves them: with
        neither clipping nor decay nor rates, and 0 for what is not trained. Changes nothing."""
        fed = self._fed(batch)
        self._refuse_continued(batch)
        _, gradients = self._pass(fed)
        parameters, values = self._setup.parameters, self._summed(gradients)
        weights = {key for key, p in parameters.by_key.items() if not p.is_statistics}
        return {k: array for k, array in parameters.blobs(values).items() if k in weights}

    def blobs(self) -> dict[Key, Array]:
        """All blobs of the net now, in Caffe's shapes, those of BatchNorm included."""
        values = self._statistics.values.copy()
        for item in self._setup.trained:
            item.weight_map.put(_number(item.variable), values)
        return self._setup.parameters.blobs(values)

    def _refuse_continued(self, batch: Batch) -> None:
        """Caffe's recurrent layers go on from the state that the pass before has left, where `cont`
        is 1 at the first step of time; the model begins each pass anew."""
        for name, layer in self._continued.items():
            if self._has_passed and name in batch and np.asarray(batch[name])[:1].any():
                raise UnsupportedError(
                    "a sequence goes on from the batch before, whose state Keras does not keep",
                    where=layer,
                    expected=f"{name!r} of 0 at the first step of time",
                    hint="cut the sequences at the batches, or put the whole in one batch",
                )

    def _fed(self, batch: Batch) -> list[Any]:
        """The inputs of a pass: those of the model as it takes them, then those of the losses."""
        plan, fed = self._setup.plan, self._setup.objectives.fed
        names = [planned.value for planned in plan.inputs]
        wanted = dict.fromkeys([*names, *fed])
        _refuse_other_inputs(wanted, batch)
        arrays = {name: np.asarray(batch[name], np.float32) for name in wanted}
        inputs = []
        for planned in plan.inputs:
            try:
                array = plan.values[planned.value].layout.apply(arrays[planned.value])
            except ValueError:
                raise _other_shape(planned.value, planned.shape, arrays) from None
            if not _fits(array.shape, planned.shape):
                raise _other_shape(planned.value, planned.shape, arrays)
            inputs.append(keras.ops.convert_to_tensor(array, planned.dtype))
        return [*inputs, *(keras.ops.convert_to_tensor(arrays[name]) for name in fed)]


def caffe_optimizer(setup: Setup, solver: Solver) -> CaffeOptimizer:
    """The solver as an optimizer of the model's trainable variables, built."""
    if setup.is_tied and solver.clip_gradients is not None:
        raise UnsupportedError(
            "gradients are clipped of a net with parameters that Keras has twice",
            where=solver.where,
            received=f"clip_gradients: {solver.clip_gradients:g}",
            hint="leave out clip_gradients, in Caffe too",
        )
    settings = Settings(solver.momentum, solver.momentum2, solver.rms_decay, solver.delta)
    optimizer = CaffeOptimizer(
        solver.rule,
        rate(solver),
        asdict(settings),
        decay=solver.weight_decay,
        regularization=solver.regularization,
        passes=solver.iter_size,
        rates={item.variable.path: item.rate for item in setup.trained if item.rate != 1},
        decays={item.variable.path: item.decay for item in setup.trained if item.decay != 1},
        global_clipnorm=solver.clip_gradients,
    )
    optimizer.build([item.variable for item in setup.trained])
    return optimizer


def _refuse_other_inputs(wanted: Mapping[str, object], batch: Batch) -> None:
    for name in wanted:
        if name not in batch:
            raise UsageError(
                f"the batch lacks the input {name!r}",
                expected=", ".join(wanted),
                received=", ".join(map(str, batch)) or "nothing",
            )
    for name in batch:
        if name not in wanted:
            raise UsageError(
                f"the net has no input {name!r}",
                expected=", ".join(wanted),
                hint=did_you_mean(str(name), wanted) or None,
            )


def _fits(shape: Sequence[int], planned: Sequence[int | str]) -> bool:
    return len(shape) == len(planned) and all(
        isinstance(size, str) or size == own for own, size in zip(shape, planned, strict=True)
    )


def _other_shape(
    name: str, planned: Sequence[int | str], arrays: Mapping[str, Array]
) -> ShapeError:
    return ShapeError(
        f"the input {name!r} has another shape",
        expected=f"Caffe's axes of {' '.join(map(str, planned))} in Keras",
        received=" ".join(map(str, arrays[name].shape)),
    )


def _number(tensor: Any) -> Array:
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def _numbers(tensors: Any) -> Any:
    """The same structure, with arrays for tensors."""
    return keras.tree.map_structure(_number, tensors)
