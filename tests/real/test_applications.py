"""The nets of keras.applications, to ONNX and back: equal numbers and parameters, no transposes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import bridge
from bridge.convert import raise_onnx

# The options and the size of the image; the smallest is in the suite.
SMALL: dict[str, dict[str, Any]] = {"MobileNet": {"alpha": 0.25}}
LARGE: dict[str, dict[str, Any]] = {
    "ConvNeXtTiny": {},
    "DenseNet121": {},
    "EfficientNetB0": {},
    "EfficientNetV2B0": {},
    "InceptionResNetV2": {},
    "InceptionV3": {},
    "MobileNetV2": {},
    "MobileNetV3Large": {},
    "MobileNetV3Small": {},
    "NASNetMobile": {},
    "ResNet50": {},
    "ResNet50V2": {},
    "VGG16": {"classes": 10},
    "VGG19": {"classes": 10},
    "Xception": {},
}


@pytest.mark.parametrize(
    "name", [*SMALL, *(pytest.param(name, marks=pytest.mark.nightly) for name in LARGE)]
)
def test_an_application_goes_there_and_back(name: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    options = {**SMALL, **LARGE}[name]
    model = getattr(keras.applications, name)(weights=None, input_shape=(96, 96, 3), **options)
    _train(model)
    bridge.keras_to_onnx(model, tmp_path / "net.onnx")  # compared with onnxruntime there
    raised = raise_onnx(tmp_path / "net.onnx")
    assert parameters(raised.model) == parameters(model)
    assert not raised.plan.permutations
    image = np.random.default_rng(0).uniform(0, 255, (2, 96, 96, 3)).astype(np.float32)
    expected = np.asarray(model(image))
    np.testing.assert_allclose(np.asarray(raised.model(image)), expected, atol=1e-4, rtol=0)


def parameters(model: keras.Model) -> int:
    """Without those of a Normalization, whose numbers are weights or, with nothing else about the
    layer changed, part of its config."""
    layers = (layer for layer in model.layers if not isinstance(layer, keras.layers.Normalization))
    return sum(layer.count_params() for layer in layers)


def _train(model: keras.Model) -> None:
    """Moves the weights from where they start: TensorFlow leaves out a shift by 0, and with it the
    parameters of a layer that has learnt nothing."""
    rng = np.random.default_rng(1)
    for layer in model.layers:
        for weight in layer.weights:
            if weight.dtype == "float32" and "kernel" not in weight.name:
                weight.assign(weight + rng.uniform(0.01, 0.1, weight.shape))
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()
