"""TensorFlow's names of nodes and values, replaced by those of layers."""

from __future__ import annotations

import numpy as np

from bridge.keras.naming import name_nodes, name_values, scope
from tests.helpers.keras_against_onnx import graph


def test_the_node_with_the_weights_has_the_layers_name() -> None:
    text = """g (float[1,4] x) => (float[1,4] y) {
        scaled = Mul(x, w)
        y = Relu(scaled)
    }"""
    model = graph(text, {"w": np.ones(4, np.float32)})
    for node in model.graph.node:
        node.name = scope(0) + node.name
    name_nodes(model.graph, ["dense"])
    assert [node.name for node in model.graph.node] == ["dense", "dense/relu"]
    name_values(model.graph)
    assert [list(node.output) for node in model.graph.node] == [["dense:0"], ["y"]]
    assert model.graph.initializer[0].name == "dense.B"
