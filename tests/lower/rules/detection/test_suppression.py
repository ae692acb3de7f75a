from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bridge.errors import UnsupportedLayerError

INPUTS = {"loc": np.ones((1, 4)), "conf": np.ones((1, 2)), "prior": np.ones((1, 2, 4))}


@pytest.mark.parametrize(
    ("settings", "problem"),
    [("nms_threshold: 0.9 eta: 0.999", "so slowly"), ("soft_nms: true theta: 0.5", "soft_nms")],
)
def test_what_onnx_cannot_do(one_layer: Callable[..., Any], settings: str, problem: str) -> None:
    text = f"detection_output_param {{ num_classes: 2 nms_param {{ {settings} }} }}"
    with pytest.raises(UnsupportedLayerError, match=problem):
        one_layer("DetectionOutput", text, **INPUTS)


def test_what_changes_nothing(one_layer: Callable[..., Any]) -> None:
    text = "detection_output_param { num_classes: 2 nms_param { %s } }"
    plain = one_layer("DetectionOutput", text % "", **INPUTS)
    settings = "nms_threshold: 0.3 eta: 0.9 soft_nms: false theta: 0.5"
    assert np.array_equal(one_layer("DetectionOutput", text % settings, **INPUTS), plain)
