"""Models that take very many steps, one after the other."""

from __future__ import annotations

import keras

from bridge.errors import UnsupportedError

MOST_STEPS = 10_000
"""The time steps of all recurrent layers, to be run: Keras takes milliseconds for each."""


def refuse_many_steps(model: keras.Model) -> None:
    """Raises UnsupportedError for a model whose recurrent layers take more than MOST_STEPS."""
    steps = sum(map(_steps, model._flatten_layers(include_self=False)))
    if steps > MOST_STEPS:
        raise UnsupportedError(
            "the recurrent layers take too many time steps to be run in Keras here",
            expected=f"at most {MOST_STEPS:,}, all together",
            received=f"{steps:,}",
            hint="compare it for inputs of fewer steps, or convert without the comparison: "
            "--no-check",
        )


def _steps(layer: keras.Layer) -> int:
    """The known time steps of all calls of a layer: n t ... goes in."""
    if not isinstance(layer, keras.layers.RNN | keras.layers.TimeDistributed):
        return 0
    inputs = (node.input_tensors[0].shape for node in layer._inbound_nodes if node.input_tensors)
    return sum(shape[1] or 0 for shape in inputs)
