"""Gradients, on whichever backend Keras has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

from bridge.errors import UsageError

Tensor = Any
Loss = Callable[[Sequence[Tensor]], tuple[Tensor, Any]]
"""Of inputs: what is minimised, a scalar, and what else is computed on the way."""

Differentiated = Callable[[Sequence[Tensor]], tuple[Any, list[Tensor]]]
"""Of inputs: what else is computed, and the gradients by the variables."""


Adjust = Callable[[Sequence[Tensor]], Sequence[Tensor]]
"""Of gradients: those that an optimizer is to take."""


def differentiated(
    loss: Loss, variables: Sequence[keras.Variable], states: Sequence[keras.Variable]
) -> Differentiated:
    """The function that computes the loss and its gradients by the variables; `states` are those
    that computing it changes, such as the seeds of Dropout.

    Raises UsageError on a backend that has no gradients.
    """
    backend = keras.backend.backend()
    if backend not in _BACKENDS:
        raise UsageError(
            "this backend of Keras has no gradients",
            expected=", ".join(_BACKENDS),
            received=backend,
            hint="set KERAS_BACKEND before Python starts",
        )
    return _BACKENDS[backend](loss, variables, states)


def stepped(
    passed: Differentiated,
    optimizer: keras.optimizers.Optimizer,
    variables: Sequence[keras.Variable],
    adjust: Adjust,
) -> Differentiated:
    """The function that has the optimizer take the gradients that `passed` computes, adjusted: with
    TensorFlow in one compiled step, which frees each array as soon as it is read."""

    def step(inputs: Sequence[Tensor]) -> tuple[Any, list[Tensor]]:
        rest, gradients = passed(inputs)
        optimizer.apply(list(adjust(gradients)), variables)
        return rest, []

    if keras.backend.backend() != "tensorflow":
        return step
    import tensorflow

    compiled: Differentiated = tensorflow.function(step, autograph=False)
    return compiled


def _tensorflow(
    loss: Loss, variables: Sequence[keras.Variable], states: Sequence[keras.Variable]
) -> Differentiated:
    import tensorflow

    def compute(inputs: Sequence[Tensor]) -> tuple[Any, list[Tensor]]:
        values = [variable.value for variable in variables]
        with tensorflow.GradientTape(watch_accessed_variables=False) as tape:
            for value in values:
                tape.watch(value)
            total, rest = loss(inputs)
        none = tensorflow.UnconnectedGradients.ZERO
        gradients = tape.gradient(total, values, unconnected_gradients=none)
        return rest, [tensorflow.convert_to_tensor(gradient) for gradient in gradients]

    compiled: Differentiated = tensorflow.function(compute, autograph=False)
    return compiled


def _jax(
    loss: Loss, variables: Sequence[keras.Variable], states: Sequence[keras.Variable]
) -> Differentiated:
    import jax

    def pure(values: Any, state: Any, inputs: Any) -> Any:
        mapping = list(zip([*variables, *states], [*values, *state], strict=True))
        with keras.StatelessScope(state_mapping=mapping) as scope:
            total, rest = loss(inputs)
            after = [scope.get_current_value(variable) for variable in states]
        return total, (rest, after)

    compiled = jax.jit(jax.value_and_grad(pure, has_aux=True))

    def compute(inputs: Sequence[Tensor]) -> tuple[Any, list[Tensor]]:
        values, state = ([v.value for v in group] for group in (variables, states))
        (_, (rest, after)), gradients = compiled(values, state, list(inputs))
        for variable, value in zip(states, after, strict=True):
            variable.assign(value)
        return rest, gradients

    return compute


def _torch(
    loss: Loss, variables: Sequence[keras.Variable], states: Sequence[keras.Variable]
) -> Differentiated:
    import torch

    def compute(inputs: Sequence[Tensor]) -> tuple[Any, list[Tensor]]:
        values = [variable.value for variable in variables]
        for value in values:
            value.requires_grad_(True)
        with torch.enable_grad():
            total, rest = loss(inputs)
        gradients = torch.autograd.grad(total, values, allow_unused=True)
        pairs = zip(gradients, values, strict=True)
        return rest, [torch.zeros_like(v) if g is None else g for g, v in pairs]

    return compute


_BACKENDS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
