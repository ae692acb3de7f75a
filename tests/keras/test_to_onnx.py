"""Keras models on their way back, through tf2onnx."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import onnx
import pytest

from bridge.check.backends.stored.opening import KerasSource
from bridge.check.verify import check_export
from bridge.errors import UnsupportedError, UsageError
from bridge.keras.load import functional as functional_of
from bridge.keras.to_onnx import to_onnx
from bridge.public.options import IoLayout

layers = keras.layers


def functional() -> keras.Model:
    x = keras.Input((8, 8, 3), name="data")
    y = layers.Conv2D(4, 3, name="block>conv")(x)
    y = layers.BatchNormalization(name="block>bn", epsilon=1e-3)(y)
    y = layers.PReLU(shared_axes=(1, 2), name="prelu")(y)
    y = layers.Flatten(name="flat")(y)
    return keras.Model(x, layers.Dense(5, name="fc")(y), name="net")


def sequential() -> keras.Model:
    return functional_of(
        keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.ReLU()])
    )


def two_ends() -> keras.Model:
    image, vector = keras.Input((6, 6, 2), name="image"), keras.Input((4,), name="vector")
    mean = keras.ops.mean(image, axis=(1, 2))
    together = layers.Concatenate(name="together")([mean, vector])
    return keras.Model([image, vector], [layers.ReLU(name="r")(image), together])


def volume() -> keras.Model:
    x = keras.Input((4, 6, 6, 2), name="volume")
    return keras.Model(x, layers.Conv3D(3, 3, name="conv")(x))


def grouped() -> keras.Model:
    x = keras.Input((7, 6, 4), name="x")
    options = {"groups": 2, "strides": 2, "padding": "same", "activation": "relu"}
    return keras.Model(x, layers.Conv2D(6, 3, name="conv", **options)(x))


def fixed() -> keras.Model:
    x = keras.Input(batch_shape=(3, 6, 6, 2), name="x")
    return keras.Model(x, layers.MaxPooling2D(name="pool")(x))


def nested() -> keras.Model:
    """One model in another, called twice, which takes and gives out tensors by name."""
    x = keras.Input((6, 6, 2), name="x")
    y = layers.PReLU(shared_axes=(1, 2), name="prelu")(layers.Conv2D(3, 3, name="conv")(x))
    tower = keras.Sequential([keras.Model(x, layers.BatchNormalization(name="bn")(y))])
    one, two = keras.Input((6, 6, 2), name="one"), keras.Input((6, 6, 2), name="two")
    both = layers.Subtract(name="both")([tower(one), tower(two)])
    return keras.Model({"two": two, "one": one}, {"far": both, "near": layers.ReLU()(one)})


def wide_dense() -> keras.Model:
    x = keras.Input((6, 5, 2), name="x")
    return keras.Model(x, layers.Dense(3, activation="relu", name="fc")(x))


def standardized() -> keras.Model:
    """With a mean and a variance that are no weights to train."""
    x = keras.Input((6, 6, 3), name="x")
    mean, variance = [0.5, 1, 2], [0.25, 1, 4]
    y = layers.Normalization(mean=mean, variance=variance, name="normalized")(x)
    return keras.Model(x, layers.Rescaling(0.5, 1, name="rescaled")(y))


def exact_gelu() -> keras.Model:
    x = keras.Input((6, 6, 2), name="x")
    return keras.Model(x, layers.Conv2D(3, 3, activation="gelu", name="conv")(x))


def randomized(model: keras.Model) -> keras.Model:
    """With weights of no symmetry, variances included."""
    random = np.random.default_rng(0)
    model.set_weights([random.uniform(0.5, 2, w.shape) for w in model.get_weights()])
    return model


MODELS = pytest.mark.parametrize(
    "make",
    [
        functional,
        sequential,
        two_ends,
        volume,
        grouped,
        fixed,
        nested,
        wide_dense,
        standardized,
        exact_gelu,
    ],
)
ORDERS = pytest.mark.parametrize("io_layout", ["onnx", "channels_last"])


@MODELS
@ORDERS
def test_onnxruntime_gives_the_same(
    make: Callable[[], keras.Model], io_layout: IoLayout, tmp_path: Any
) -> None:
    model = randomized(make())
    exported = to_onnx(model, io_layout)
    onnx.checker.check_model(exported.proto, full_check=True)
    path = tmp_path / "net.onnx"
    onnx.save(exported.proto, path)
    assert check_export(KerasSource(model), exported, path).ok


def test_ends_have_keras_names_and_the_order_that_is_asked_for() -> None:
    model = functional()
    assert shapes(to_onnx(model).proto) == {"data": ["batch", 3, 8, 8], "fc": ["batch", 5]}
    last = to_onnx(model, "channels_last").proto
    assert shapes(last) == {"data": ["batch", 8, 8, 3], "fc": ["batch", 5]}
    assert shapes(to_onnx(fixed()).proto) == {"x": [3, 2, 6, 6], "pool": [3, 2, 3, 3]}


def shapes(proto: onnx.ModelProto) -> dict[str, list[int | str]]:
    return {
        end.name: [dim.dim_param or dim.dim_value for dim in end.type.tensor_type.shape.dim]
        for end in (*proto.graph.input, *proto.graph.output)
    }


def test_nodes_are_named_after_layers_as_caffe_spells_them() -> None:
    names = {node.name: node.op_type for node in to_onnx(functional()).proto.graph.node}
    assert names["block/conv"] == "Conv"
    assert names["block/bn"] == "BatchNormalization"
    assert {"prelu", "fc"} <= names.keys()


def test_a_layers_name_is_at_its_weights_and_not_at_its_activation() -> None:
    nodes = {node.name: node.op_type for node in to_onnx(grouped()).proto.graph.node}
    assert nodes == {"conv": "Conv", "conv/relu": "Relu"}
    nodes = {node.name: node.op_type for node in to_onnx(wide_dense()).proto.graph.node}
    assert (nodes["fc/matmul"], nodes["fc"], nodes["fc/relu"]) == ("MatMul", "Add", "Relu")


def test_values_and_weights_have_names_as_well() -> None:
    graph = to_onnx(functional()).proto.graph
    outputs = {node.name: node.output[0] for node in graph.node}
    assert outputs.pop("fc") == "fc"  # the output
    assert outputs == {name: f"{name}:0" for name in outputs}
    names = {tensor.name for tensor in graph.initializer}
    assert {"block/conv.W", "block/conv.B", "block/bn.scale", "prelu.slope", "fc.B"} <= names


def test_a_layer_called_twice_has_two_names_for_what_it_gives() -> None:
    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y")
    layer = layers.Dense(3, use_bias=False, name="fc")
    graph = to_onnx(keras.Model([x, y], layers.Add(name="sum")([layer(x), layer(y)]))).proto.graph
    assert [node.output[0] for node in graph.node] == ["fc:0", "fc_2:0", "sum"]
    assert [tensor.name for tensor in graph.initializer] == ["fc.B"]


def test_a_batch_norm_has_its_own_four_weights() -> None:
    model = randomized(functional())
    proto = to_onnx(model).proto
    (node,) = (node for node in proto.graph.node if node.op_type == "BatchNormalization")
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    layer = model.get_layer("block>bn")
    own = (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance)
    for name, weight in zip(node.input[1:], own, strict=True):
        np.testing.assert_array_equal(arrays[name], weight.numpy())
    assert node.attribute[0].f == pytest.approx(1e-3)


def test_a_batch_norm_over_another_axis_computes_the_same(tmp_path: Any) -> None:
    x = keras.Input((6, 5, 2), name="x")
    model = randomized(keras.Model(x, layers.BatchNormalization(axis=1)(x)))
    exported = to_onnx(model)
    onnx.save(exported.proto, tmp_path / "net.onnx")
    assert check_export(KerasSource(model), exported, tmp_path / "net.onnx").ok


def test_what_tf2onnx_cannot_convert_is_refused() -> None:
    x = keras.Input((4,), dtype="complex64", name="x")
    with pytest.raises(UnsupportedError, match="no ONNX operators for these:\n  angle"):
        to_onnx(keras.Model(x, keras.ops.angle(x)))


@pytest.mark.parametrize("missing", ["tensorflow", "tf2onnx"])
def test_without_its_libraries_they_are_asked_for(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = keras.Input((2,), name="x")
    model = keras.Model(x, layers.ReLU()(x))
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UsageError, match=r"TensorFlow and tf2onnx are needed(.|\n)*pip install"):
        to_onnx(model)
