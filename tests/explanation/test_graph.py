"""ONNX graphs that are no Caffe nets: PyTorch's, and small ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

import bridge
from bridge.translation import TranslationMap
from tests.helpers.keras_against_onnx import graph
from tests.helpers.map_evaluation import expression_of

PYTORCH = sorted((Path(__file__).parents[1] / "pytorch" / "nets").glob("*.onnx"))
UNET = next(path for path in PYTORCH if path.stem == "unet_exported_20")
QUANTIZED = next(path for path in PYTORCH if path.stem == "quantized_scripted_13")

FLATTENED = graph(
    """g (float[n,3,4,5] x) => (float[n,7] y) {
        r = Relu(x)
        size = Shape(k)
        f = Flatten(r)
        m = MatMul(f, k)
        y = Add(m, b)
    }""",
    {
        "k": np.arange(60 * 7, dtype=np.float32).reshape(60, 7),
        "b": np.ones(7, np.float32),
    },
)


def test_each_value_has_its_shape_its_order_and_what_computes_it() -> None:
    mapping = bridge.explain(FLATTENED)
    rows = [(x.value, x.shape, x.stored, x.order, x.target) for x in mapping.tensors]
    assert rows == [
        ("x", ("n", 3, 4, 5), ("n", 4, 5, 3), "n c h w -> n h w c", ""),
        ("r", ("n", 3, 4, 5), ("n", 4, 5, 3), "n c h w -> n h w c", "layers.ReLU"),
        ("f", ("n", 60), ("n", 60), "n (c h w) -> n (h w c)", "layers.Flatten"),
        ("y", ("n", 7), ("n", 7), "n c -> n c", "layers.Dense"),
    ]
    assert mapping.origin == "ONNX"
    operators = ["Relu", "Shape", "Flatten", "MatMul", "Add"]
    assert mapping.operators == dict(zip("r size f m y".split(), operators, strict=True))


def test_what_is_no_tensor_is_listed_with_its_shape() -> None:
    assert bridge.explain(FLATTENED).absent == {"size": (2,), "m": ("n", 7)}


def test_a_weights_expression_gives_what_the_model_has() -> None:
    """The kernel's rows are in the order in which Keras flattens."""
    kernel = next(w for w in bridge.explain(FLATTENED).weights if w.role == "kernel")
    constants = {x.name: onnx.numpy_helper.to_array(x) for x in FLATTENED.graph.initializer}
    rows = constants["k"].reshape(3, 4, 5, 7).transpose(1, 2, 0, 3).reshape(60, 7)
    np.testing.assert_array_equal(expression_of(kernel, constants), rows)


@pytest.mark.parametrize("path", PYTORCH, ids=lambda path: path.stem)
def test_a_file_of_pytorch_is_explained_to_the_last_value(path: Path) -> None:
    mapping = bridge.explain(path)
    tensors = {tensor.value for tensor in mapping.tensors}
    assert mapping.operators.keys() <= tensors | mapping.absent.keys()
    assert TranslationMap.from_json(json.loads(json.dumps(mapping.to_json()))) == mapping
    assert bool(mapping.notes) == ("quantized" in path.stem)


def test_the_map_is_the_one_that_the_conversion_writes(tmp_path: Path) -> None:
    written = tmp_path / "net.json"
    bridge.onnx_to_keras(UNET, map=written, check=False)
    data = json.loads(written.read_text(encoding="utf-8"))
    assert TranslationMap.from_json(data) == bridge.explain(UNET)


def test_one_value_comes_with_the_layer_that_gives_it() -> None:
    mapping = bridge.explain(UNET, blob="conv2d_1")
    assert [x.value for x in mapping.tensors] == ["conv2d_1"]
    assert [(x.layer, x.role) for x in mapping.weights] == [
        *(("node_conv2d_1", "kernel"), ("node_conv2d_1", "bias"))
    ]
    assert mapping.operators == {"conv2d_1": "Conv"}
    with pytest.raises(bridge.BridgeError, match=r"no value 'conv2d_7'\n  expected: conv2d_"):
        bridge.explain(UNET, blob="conv2d_7")


def test_the_graph_is_explained_as_the_options_have_it() -> None:
    mapping = bridge.explain(UNET, outputs="relu", batch=2, io_layout="onnx")
    assert [x.shape for x in mapping.tensors if x.value == "relu"] == [(2, 8, 16, 16)]
    assert "conv2d_1" not in mapping.operators
    assert [x.asked_by for x in mapping.transposes] == ["node 'node_conv2d' (Conv)", "the output"]


def test_of_int8_it_is_the_graph_that_is_raised() -> None:
    (note,) = bridge.explain(QUANTIZED).notes
    assert "became the float model" in note
    assert bridge.explain(QUANTIZED, quantized="keep").notes == ()


def test_the_page_draws_each_node_in_both_forms(tmp_path: Path) -> None:
    page = tmp_path / "net.html"
    bridge.explain(UNET, html=page)
    text = page.read_text(encoding="utf-8")
    assert "<title>unet_exported_20.onnx: ONNX and Keras</title>" in text
    assert "10 nodes, each as ONNX and Keras have it" in text
    assert "node_conv2d: Conv, image → conv2d as n c h w -&gt; n h w c" in text
    assert "Weights, as numpy makes them of ONNX" in text
    assert "Caffe" not in text
    bridge.explain(QUANTIZED, html=page)
    assert "The graph is quantized, and became the float model" in page.read_text(encoding="utf-8")
