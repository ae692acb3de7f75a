"""A Keras model, run one operation at a time."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import keras
import numpy as np
import pytest

from bridge.check.backends.keras import KerasBackend, ValueLocation, own_locations, value_locations
from bridge.keras.build import build
from bridge.keras.load import functional
from bridge.layout import Layout
from tests.helpers.keras_against_onnx import graph, plan_of, seeded

layers = keras.layers


def branched() -> keras.Model:
    x = keras.Input((6, 6, 2), name="x")
    a = layers.Conv2D(3, 3, name="a>1")(x)
    b, c = layers.ReLU(name="b")(a), keras.ops.split(a, 3, axis=-1)
    return keras.Model(x, layers.Concatenate(name="d")([b, c[1]]))


def side_of(model: keras.Model) -> KerasBackend:
    return KerasBackend(model, "model", own_locations(model), ["x"], ["d"])


X = {"x": seeded((2, 6, 6, 2))}


def test_every_operation_is_a_value_under_its_layers_name() -> None:
    side = side_of(branched())
    assert list(side.values)[:2] == ["a/1", "b"]
    assert side.origins["d"].operator == "Concatenate"
    assert side.origins["b"].inputs == ("a/1",)
    assert side.inputs == {"x": (("x_0", 6, 6, 2), "float32")}


def test_what_has_no_name_in_the_graph_is_passed_by() -> None:
    conv = "Conv <strides = [2, 2], pads = [1, 1, 1, 1]>(x, w)"
    model = graph(
        f"g (float[b,3,6,6] x) => (float[b,2,3,3] y) {{ y = {conv} }}",
        {"w": seeded((2, 3, 3, 3))},
    )
    plan = plan_of(model)
    assert [call.target for call in plan.calls] == ["layers.ZeroPadding2D", "layers.Conv2D"]
    backend = KerasBackend(build(plan), "model", value_locations(plan), ["x"], ["y"])
    assert backend.origins["y"].inputs == ("x",)


def test_values_are_those_of_the_model() -> None:
    model = branched()
    values = dict(side_of(model).run(X, ["b", "a/1", "d"]))
    expected = model(X["x"])
    np.testing.assert_allclose(values["d"], expected, atol=1e-6)
    np.testing.assert_array_equal(values["b"], np.maximum(values["a/1"], 0))


def test_each_operation_runs_once_and_those_that_are_not_needed_never() -> None:
    model, calls = branched(), list[str]()
    call = layers.Layer.__call__

    def counted(layer: Any, *arguments: Any, **options: Any) -> Any:
        calls.append(layer.name)
        return call(layer, *arguments, **options)

    side = side_of(model)
    with patch.object(layers.Layer, "__call__", counted):
        list(side.run(X, ["b", "a/1"]))
    assert calls == ["a>1", "b"]


def test_a_sequential_model_is_walked_too() -> None:
    model = functional(keras.Sequential([keras.Input((4,), name="x"), layers.Dense(3, name="d")]))
    side = KerasBackend(model, "model", own_locations(model), ["x"], ["d"])
    x = seeded((2, 4))
    ((name, array),) = side.run({"x": x}, ["d"])
    assert name == "d"
    np.testing.assert_allclose(array, model(x), atol=1e-6)


def test_a_plan_says_where_values_are_and_in_which_order() -> None:
    text = "g (float[b,3,4,4] x) => (float[b,48] y) { r = Relu(x)  y = Flatten(r) }"
    locations = value_locations(plan_of(graph(text)))
    assert locations["x"].operation == "x"
    array = seeded((2, 3, 4, 4))
    stored = locations["r"].apply(array)
    assert stored.shape == (2, 4, 4, 3)
    np.testing.assert_array_equal(locations["r"].undo(stored), array)
    np.testing.assert_array_equal(locations["y"].undo(stored.reshape(2, -1)), array.reshape(2, -1))


def test_an_array_of_another_shape_than_planned_shows_its_shape_in_onnx_order() -> None:
    location = ValueLocation("pool", 0, Layout.ordered(("n", 3, 8, 8), (0, 2, 3, 1)))
    assert location.undo(np.zeros((2, 7, 6, 3))).shape == (2, 3, 7, 6)


@pytest.mark.parametrize("array", [np.zeros((2, 3)), np.zeros((2, 5, 7, 4, 3))])
def test_an_array_of_another_rank_is_left_as_it_is(array: np.ndarray) -> None:
    location = ValueLocation("pool", 0, Layout.ordered(("n", 3, 8, 8), (0, 2, 3, 1)))
    assert location.undo(array).shape == array.shape
