"""Options and arguments as a config has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bridge.archive.config import functional
from bridge.archive.graph import Graph
from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.plan import Call, Function, Plan, PlanInput, Ref, Stored

X = PlanInput(1, "x", "x", ("b", 4), "float32")


def config_of(call: Call) -> dict[str, Any]:
    """Of the one call on the input."""
    plan = Plan("net", (X,), (call,), ("y",), {"y": Stored(Ref(call.id), Layout.identity(()))})
    (_, config) = functional(Graph.of_plan(plan, "net"))["config"]["layers"]
    return config


def arguments(*values: Any) -> Any:
    config = config_of(Call(2, "f", "ops.add", (Ref(1), *values)))
    return config["inbound_nodes"][0]["args"][1:]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1.5, 1.5),
        (np.int64(3), 3),
        ((1, None, True), [1, None, True]),
        (np.float32([1, 2]), {"value": [1.0, 2.0], "dtype": "float32"}),
        (Weight((2,), lambda: np.float32([3, 4])), {"value": [3.0, 4.0], "dtype": "float32"}),
        (Weight((), lambda: np.float32(7)), {"value": 7.0, "dtype": "float32"}),
        (slice(1, None, 2), {"start": 1, "stop": None, "step": 2}),
        (..., {}),
        ([Ref(1)], [["x", 0, 0]]),
    ],
    ids=str,
)
def test_arguments_are_json(value: Any, written: Any) -> None:
    (received,) = arguments(value)
    if isinstance(received, list) and isinstance(value, list):
        received = [item["config"]["keras_history"] for item in received]
    assert (received["config"] if isinstance(received, dict) else received) == written


def test_an_array_whose_shape_would_be_lost_is_refused() -> None:
    assert arguments(np.empty((2, 0)))
    with pytest.raises(UnsupportedError, match=r"shape \(2, 0, 4\), without elements"):
        arguments(np.empty((2, 0, 4)))


def test_a_function_is_a_model_of_its_own() -> None:
    body = Function("step", X, (Call(2, "s", "ops.sin", (Ref(1),)),), (Ref(2), Ref(1)))
    (model,) = arguments(body)
    assert (model["class_name"], model["config"]["name"]) == ("Functional", "step")
    assert model["config"]["output_layers"] == [["s", 0, 0], ["x", 0, 0]]


def test_a_layer_has_keras_s_defaults_and_no_initial_weights() -> None:
    kernel = Weight((4, 2), lambda: np.zeros((4, 2), np.float32))
    options = {
        "units": 2,
        "activation": "relu",
        "use_bias": False,
        "dtype": "float64",
        "trainable": False,
    }
    config = config_of(Call(2, "fc", "layers.Dense", (Ref(1),), options, {"kernel": kernel}))
    inner = config["config"]
    assert inner["units"] == 2
    assert inner["kernel_initializer"]["class_name"] == "Zeros"
    assert inner["activation"] == "relu"
    assert inner["dtype"]["config"] == {"name": "float64"}
    assert (inner["trainable"], inner["name"], config["name"]) == (False, "fc", "fc")


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="object"):
        arguments(object())
