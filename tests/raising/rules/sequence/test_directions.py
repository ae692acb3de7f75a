"""An LSTM that Keras has no layer for, unrolled, beyond what the raising law draws."""

from __future__ import annotations

import numpy as np
import onnx

from tests.helpers.keras_against_onnx import graph, raise_and_compare, seeded

STEPS, BATCH, INPUTS, UNITS = 3, 2, 3, 4
X = {"x": seeded((STEPS, BATCH, INPUTS))}


def with_peepholes(peepholes: object) -> onnx.ModelProto:
    text = f"""g (float[{STEPS},n,{INPUTS}] x) => (float[t,d,n,{UNITS}] y) {{
        y = LSTM<hidden_size={UNITS}>(x, w, r, b, "", "", "", p)
    }}"""
    return graph(
        text,
        {
            "w": seeded((1, 4 * UNITS, INPUTS), 1),
            "r": seeded((1, 4 * UNITS, UNITS), 2),
            "b": seeded((1, 8 * UNITS), 3),
            "p": np.asarray(peepholes, np.float32),
        },
    )


def test_an_unrolled_lstm_has_its_weights_once() -> None:
    raised = raise_and_compare(with_peepholes(seeded((1, 3 * UNITS), 6)), X)
    kinds = [type(layer).__name__ for layer in raised.model.layers if layer.weights]
    assert kinds == ["Dense", "Dense", *["EinsumDense"] * 3]
    assert raised.model.count_params() == 4 * UNITS * (INPUTS + UNITS + 1) + 3 * UNITS


def test_one_step_of_training_moves_every_weight() -> None:
    model = raise_and_compare(with_peepholes(seeded((1, 3 * UNITS), 6)), X).model
    before = [weight.numpy().copy() for weight in model.trainable_weights]
    model.compile(optimizer="sgd", loss="mse")
    model.fit(X["x"].swapaxes(0, 1), seeded((BATCH, STEPS, 1, UNITS), 5), verbose=0)
    for old, weight in zip(before, model.trainable_weights, strict=True):
        assert (old != weight.numpy()).any()


def test_peepholes_of_zeros_see_nothing() -> None:
    plan = raise_and_compare(with_peepholes(np.zeros((1, 3 * UNITS))), X).plan
    assert "layers.LSTM" in [call.target for call in plan.calls]
