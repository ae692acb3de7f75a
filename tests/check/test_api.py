"""`bridge.check` as a user calls it: the models and the arguments that it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest

import bridge
from bridge.errors import UnknownFieldError, UsageError
from tests.helpers.small_net import Small


def test_models_in_memory_can_be_compared(small: Small) -> None:
    assert bridge.check(onnx.load(small.onnx), keras.saving.load_model(small.keras)).ok
    with pytest.raises(UsageError, match="cannot open this"):
        bridge.check(small.onnx, 5)


def test_unknown_fields_may_be_ignored(small: Small, tmp_path: Path) -> None:
    odd = tmp_path / "odd.prototxt"
    text = small.prototxt.read_text(encoding="utf-8")
    odd.write_text(text.replace("convolution_param {", "convolution_param { odd: 1", 1))
    with pytest.raises(UnknownFieldError, match="unknown field 'odd'"):
        bridge.check((odd, small.caffemodel), small.onnx)
    report = bridge.check((odd, small.caffemodel), small.onnx, ignore_fields="odd")
    assert report.ok
    assert any(
        "'odd' of convolution_param (ignored, as requested)" in text for text in report.warnings
    )
    with pytest.raises(UsageError, match="neither model is a Caffe net"):
        bridge.check(small.onnx, small.onnx, ignore_fields=["odd"])


@pytest.mark.parametrize("option", ["batch", "batches"])
def test_an_empty_batch_is_refused(small: Small, option: str) -> None:
    with pytest.raises(UsageError, match=f"{option} is too small|{option} cannot be this"):
        bridge.check(small.onnx, small.keras, **{option: 0})


def test_a_negative_seed_is_refused(small: Small) -> None:
    with pytest.raises(UsageError, match="seed is too small"):
        bridge.check(small.onnx, small.keras, seed=-1)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"inputs": {"data": np.zeros(1)}, "images": "a.png"}, "either arrays or images"),
        ({"mean": 1}, "for image files, and there are none"),
        ({"labels": "test.npz", "scale": 2.0}, "for image files, and there are none"),
        ({"images": "a.png", "mean": float("nan")}, "mean cannot be this"),
        ({"images": "a.png", "scale": float("inf")}, "scale cannot be this"),
    ],
)
def test_arguments_that_would_be_ignored_are_refused(
    small: Small, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        bridge.check(small.onnx, small.keras, **options)
