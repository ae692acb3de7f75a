"""The archive of a plan beside the model that Keras builds."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import keras

from bridge.archive.write import write
from bridge.keras.build import build
from bridge.keras.depth import room_for
from bridge.raising.plan import Plan


def loaded_from_archive(plan: Plan, built: keras.Model | None = None) -> keras.Model:
    """The model in the archive of a plan, after it was held to be the one that Keras builds: the
    same config and the same weights, bit for bit."""
    with tempfile.TemporaryDirectory() as folder, room_for(len(plan.calls)):
        path = Path(folder) / "net.keras"
        write(plan, path)
        model = keras.models.load_model(path, safe_mode=True)
        expected = build(plan) if built is None else built
    assert config_of(model) == config_of(expected)
    assert weights_of(model) == weights_of(expected)
    return model


def config_of(model: keras.Model) -> Any:
    """As JSON: where one has a tuple, the other may have a list."""
    return json.loads(json.dumps(keras.saving.serialize_keras_object(model)))


def weights_of(model: keras.Model) -> list[tuple[str, Any]]:
    """The state of random generators is no weight: Keras draws it anew."""
    return [(v.path, (v.shape, v.dtype, v.numpy().tobytes())) for v in model.weights]
