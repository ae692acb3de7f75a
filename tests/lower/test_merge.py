from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bridge.caffe import Net
from bridge.lower import lower
from tests.helpers.golden_cases import assert_close

NetOf = Callable[..., Net]

NORM = 'layer { name: "bn" type: "BatchNorm" bottom: "x" top: "n" %s }'
SCALE = 'layer { name: "sc" type: "Scale" bottom: "n" top: "y" scale_param { %s } }'
MEAN, VARIANCE, GAMMA, BETA = np.float32([[1, 2], [3, 4], [5, 6], [7, 8]])
WEIGHTS = {"bn": [MEAN, VARIANCE, [2.0]], "sc": [GAMMA, BETA]}


def _operators(net: Net, **options: Any) -> list[str]:
    return [node.op_type for node in lower(net, **options).proto.graph.node]


@pytest.mark.parametrize("text", ["relu: true", "instance_norm: true", "scale_bias: true"])
def test_batch_norms_of_forks_keep_their_scale_behind(net_of: NetOf, text: str) -> None:
    weights = {"bn": [MEAN, VARIANCE, [2.0], GAMMA, BETA], "sc": [GAMMA, BETA]}
    net = net_of(
        NORM % f"batch_norm_param {{ {text} }}" + SCALE % "bias_term: true", weights, x=(2, 2, 4)
    )
    assert _operators(net)[-2:] == ["Mul", "Add"]


def test_a_scale_behind_a_batch_norm_becomes_part_of_it(
    net_of: NetOf, run: Callable[..., Any]
) -> None:
    model = lower(net_of(NORM % "" + SCALE % "bias_term: true", WEIGHTS, x=(2, 2)))
    assert [node.name for node in model.proto.graph.node] == ["bn"]
    assert list(model.values) == ["x", "y"]
    x = np.float32([[1, 2], [3, 4]])
    expected = (x - MEAN / 2) / np.sqrt(VARIANCE / 2 + 1e-5) * GAMMA + BETA
    assert_close(run(model, x=x)["y"], expected)


@pytest.mark.parametrize(
    ("norm", "scale", "more"),
    [
        ("", "axis: 0", ""),
        ("", "num_axes: 0", ""),
        ("batch_norm_param { use_global_stats: false }", "", ""),
        ("", "", 'layer { name: "r" type: "ReLU" bottom: "n" top: "r" }'),
    ],
)
def test_others_stay_apart(net_of: NetOf, norm: str, scale: str, more: str) -> None:
    weights = {"bn": WEIGHTS["bn"], "sc": [np.ones(1 if "num_axes" in scale else 2)]}
    net = net_of(NORM % norm + SCALE % scale + more, weights, x=(2, 2))
    assert "Mul" in _operators(net)


def test_a_batch_norm_that_is_asked_for_stays(net_of: NetOf) -> None:
    net = net_of(NORM % "" + SCALE % "", WEIGHTS, x=(2, 2))
    assert _operators(net, outputs=["n", "y"]) == ["BatchNormalization", "Mul"]
