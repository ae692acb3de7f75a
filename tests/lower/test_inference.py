"""Leaving out Dropout: the same numbers, one node fewer, names kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from bridge.caffe import Net
from bridge.check.runners import OnnxRunner
from bridge.graph.io import save
from bridge.lower import lower
from bridge.lower.inference import dropouts, without_dropouts

# After what another layer reads as well, after a Dropout, after an input, and before an output.
LAYERS = """
input: "data" input_shape { dim: 2 dim: 3 }
layer { name: "r" type: "ReLU" bottom: "data" top: "r" }
layer { name: "d1" type: "Dropout" bottom: "r" top: "d1" }
layer { name: "d2" type: "Dropout" bottom: "d1" top: "d2" }
layer { name: "e" type: "Eltwise" bottom: "d2" bottom: "r" top: "e" }
layer { name: "d3" type: "Dropout" bottom: "data" top: "d3" }
layer { name: "p" type: "Power" bottom: "e" top: "p" power_param { scale: 2 } }
layer { name: "d4" type: "Dropout" bottom: "p" top: "d4" }
"""


def test_what_is_before_one_has_its_name(net_of: Callable[[str], Net], tmp_path: Path) -> None:
    whole = lower(net_of(LAYERS))
    model = without_dropouts(whole)
    assert [*dropouts(model)] == []
    kinds = [(node.op_type, *node.input, *node.output) for node in model.proto.graph.node]
    assert kinds == [
        ("Relu", "data", "d2"),
        ("Add", "d2", "d2", "e"),
        ("Identity", "data", "d3"),
        ("Mul", "e", "p.b", "d4"),
    ]
    assert model.outputs == whole.outputs
    assert set(model.values) == {"data", "d2", "e", "d3", "d4"}
    feeds = {"data": np.float32([[1, -2, 3], [-4, 5, 6]])}
    results = OnnxRunner(save(model, tmp_path / "net.onnx")).run(feeds)
    assert results["d4"].tolist() == [[4, 0, 12], [0, 20, 24]]
    assert results["d3"].tolist() == feeds["data"].tolist()
