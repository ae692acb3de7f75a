from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bridge.caffe import Net
from bridge.errors import UnsupportedLayerError
from bridge.lower import lower
from tests.helpers.golden_cases import assert_close

X = np.linspace(-8, 8, 48, dtype=np.float32).reshape(2, 3, 2, 4)

FORMULAS = {
    "ReLU": ("", np.maximum(X, 0)),
    "ReLU ": ("relu_param { negative_slope: 0.2 }", np.where(X > 0, X, 0.2 * X)),
    "ReLU6": ("relu6_param { threshold: 3 }", X.clip(0, 3)),
    "ReLU6 ": (
        "relu6_param { negative_slope: 0.2 }",
        np.minimum(np.where(X > 0, X, 0.2 * X), 6),
    ),
    "HardSigmoid": ("", (0.2 * X + 0.5).clip(0, 1)),
    "HardSigmoid ": ("hardsigmoid_param { alpha: 0.3 beta: 0.1 }", (0.3 * X + 0.1).clip(0, 1)),
    "ReLU  ": ("relu_param { upper_limit: 6 }", X.clip(0, 6)),
    "ReLU   ": (
        "relu_param { upper_limit: 2 negative_slope: 0.5 }",
        np.minimum(np.where(X > 0, X, 0.5 * X), 2),
    ),
    "ReLU    ": ("relu_param { upper_limit: 6.75 }", X.clip(0, 6)),  # into an int, there
    "Insanity": (
        "insanity_param { lb: 3 ub: 8 }",
        np.where(X > 0, X, X / (5 / (np.log(8) - np.log(3)))),
    ),
    "RReLU": (
        "rrelu_param { lb: -4 ub: 2 }",
        np.where(X > 0, X, X / (6 / (np.log(2) - np.log(4)))),
    ),
    "GradientScaler": ("gradient_scaler_param { lower_bound: 0 upper_bound: 2 }", X),
    "ELU  ": (
        "elu_param { alpha: 1.5 lambda: 1.25 }",
        1.25 * np.where(X > 0, X, 1.5 * np.expm1(X)),
    ),
    "ELU": ("elu_param { alpha: 0.5 }", np.where(X > 0, X, 0.5 * np.expm1(X))),
    "BNLL": ("", np.log1p(np.exp(X))),
    "Swish": ("swish_param { beta: 2 }", X / (1 + np.exp(-2 * X))),
    "BReLU": ("brelu_param { minval: -2 maxval: 3 }", X.clip(-2, 3)),
    "NegReLU": ("", np.minimum(X, 0)),
    "NegReLU ": ("relu_param { negative_slope: 0.2 }", np.where(X < 0, X, 0.2 * X)),
    "CReLU": ("", np.concatenate([X.clip(0), (-X).clip(0)], axis=1)),
    "CReLU ": (
        "crelu_param { negative_slope: 0.5 concat_axis: -1 }",
        np.concatenate([np.where(X > 0, X, X / 2), np.where(X < 0, -X, -X / 2)], axis=3),
    ),
    "HSigmoid": ("", (X + 3).clip(0, 6) / 6),
    "HSwish": ("", X * (X + 3).clip(0, 6) / 6),
    "HardSwish": ("", X * (X + 3).clip(0, 6) / 6),
    "HardTanh": ("", X.clip(-1, 1)),
    "Mish": ("", X * np.tanh(np.log1p(np.exp(X)))),
    "Dropout": ("", X),
    "Dropout ": ("dropout_param { dropout_ratio: 0.25 scale_train: false }", 0.75 * X),
}


@pytest.mark.parametrize("type_", FORMULAS)
def test_formulas(one_layer: Callable[..., Any], type_: str) -> None:
    settings, expected = FORMULAS[type_]
    assert_close(one_layer(type_.strip(), settings, x=X), expected.astype(np.float32))


@pytest.mark.parametrize("text", ["", "lb: 3", "lb: 8 ub: 3", "lb: 0 ub: 3", "lb: -3 ub: 3"])
def test_bounds_that_give_no_slope_are_refused(one_layer: Callable[..., Any], text: str) -> None:
    with pytest.raises(UnsupportedLayerError, match="bounds define no slope"):
        one_layer("RReLU", f"rrelu_param {{ {text} }}", x=X)


@pytest.mark.parametrize("rank", [2, 3, 4])
def test_prelu_has_a_slope_for_each_channel(one_layer: Callable[..., Any], rank: int) -> None:
    x = X[(..., *[0] * (4 - rank))]
    slope = np.float32([0.1, -0.5, 2])
    spread = slope.reshape(3, *[1] * (rank - 2))
    assert_close(one_layer("PReLU", weights=[slope], x=x), np.where(x > 0, x, spread * x))


def test_dropout_stays_a_node_with_its_ratio(net_of: Callable[..., Net]) -> None:
    text = """layer { name: "d" type: "Dropout" bottom: "x" top: "y"
              dropout_param { dropout_ratio: 0.25 } }"""
    model = lower(net_of(text, x=X.shape))
    assert [node.op_type for node in model.proto.graph.node] == ["Dropout"]
    assert model.weights["d.ratio"].array() == 0.25
