"""The graphs that keras-to-onnx writes: as one would have written them by hand."""

from __future__ import annotations

import keras
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import bridge
from bridge.keras.to_onnx import to_onnx
from bridge.public.options import IoLayout

layers = keras.layers


def exported(
    *stack: keras.Layer, x: tuple[int, ...], io_layout: IoLayout = "onnx"
) -> onnx.GraphProto:
    model = keras.Sequential([keras.Input(x, name="x"), *stack])
    return to_onnx(keras.Model(model.inputs, model.outputs), io_layout).proto.graph


def nodes(graph: onnx.GraphProto) -> list[tuple[str, str]]:
    return [(node.op_type, node.name) for node in graph.node]


def test_a_prelu_is_one_node_with_its_own_slopes() -> None:
    slopes = np.array([-0.5, 0.25, 2], np.float32)
    layer = layers.PReLU(shared_axes=(1, 2), name="prelu")
    layer.build((None, 4, 4, 3))
    layer.set_weights([slopes.reshape(1, 1, 3)])
    graph = exported(layer, x=(4, 4, 3))
    assert nodes(graph) == [("PRelu", "prelu")]
    (slope,) = graph.initializer
    assert numpy_helper.to_array(slope).ravel().tolist() == slopes.tolist()


def test_a_reshape_has_a_constant_shape() -> None:
    graph = exported(layers.Reshape((6, 4), name="reshape"), x=(2, 3, 4), io_layout="channels_last")
    assert nodes(graph) == [("Reshape", "reshape")]
    (shape,) = graph.initializer
    assert numpy_helper.to_array(shape).tolist() == [-1, 6, 4]


def test_a_graph_ends_where_nothing_is_computed_any_more() -> None:
    graph = exported(layers.Conv2D(2, 3, name="conv"), x=(3, 3, 4))
    assert nodes(graph) == [("Conv", "conv")]
    assert graph.node[0].output[0] == graph.output[0].name == "conv"


@pytest.mark.parametrize("io_layout", ["onnx", "channels_last"])
def test_a_single_channel_is_transposed_as_several_are(io_layout: IoLayout) -> None:
    graph = exported(layers.Conv2D(1, 3, name="conv"), x=(8, 8, 1), io_layout=io_layout)
    assert {kind for kind, _ in nodes(graph)} <= {"Conv", "Transpose"}
    assert ("Conv", "conv") in nodes(graph)


def test_the_batch_has_one_name_throughout() -> None:
    stack = [layers.Conv2D(2, 3), layers.ReLU(), layers.Flatten(), layers.Dense(3)]
    graph = exported(*stack, x=(8, 8, 1), io_layout="channels_last")
    infos = {info.name: info.type.tensor_type.shape for info in graph.value_info}
    results = [infos[node.output[0]] for node in graph.node[:-1]]
    assert {shape.dim[0].dim_param for shape in results} == {"batch"}


ZEROS = {
    "conv": layers.Conv2D(2, 3, name="layer"),
    "depthwise": layers.DepthwiseConv2D(3, name="layer"),
    "transposed": layers.Conv2DTranspose(2, 3, name="layer"),
    "dense": layers.Dense(2, name="layer"),
}


@pytest.mark.parametrize("kind", ZEROS)
def test_a_bias_of_zeros_is_a_bias_and_comes_back(kind: str) -> None:
    model = keras.Sequential([keras.Input((8, 8, 3), name="x"), ZEROS[kind]])
    again = bridge.onnx_to_keras(bridge.keras_to_onnx(model).proto)
    assert [weight.path for weight in again.weights] == ["layer/kernel", "layer/bias"]
    for weight, other in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(weight), np.asarray(other))
