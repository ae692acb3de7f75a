"""The name of a layer in the graph is the name of its layer in Keras."""

from __future__ import annotations

import keras
import numpy as np

from tests.helpers.keras_against_onnx import (
    Raised,
    graph,
    raise_and_compare,
    seeded,
)


def layers(raised: Raised) -> list[str]:
    return [type(operation).__name__ for operation in raised.model.operations][1:]


def test_a_layers_name_goes_to_the_node_that_computes_it() -> None:
    """Else the LSTM would go by `lstm/lstm`, and by `lstm` nothing or what reshapes its result."""
    text = """g (float[5,2,3] x) => (float[10,4] y) {
        all = LSTM<hidden_size=4>(x, w, r)
        one = Squeeze(all, axes)
        y = Reshape(one, shape)
    }"""
    weights = {"w": seeded((1, 16, 3)), "r": seeded((1, 16, 4))}
    model = graph(text, {**weights, "axes": np.array([1]), "shape": np.array([10, 4])})
    for node, name in zip(model.graph.node, ("lstm/lstm", "lstm/squeeze", "lstm"), strict=True):
        node.name = name
    raised = raise_and_compare(model, {"x": seeded((5, 2, 3))})
    assert type(raised.model.get_layer("lstm")) is keras.layers.LSTM
