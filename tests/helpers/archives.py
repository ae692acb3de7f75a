"""The archive of a plan beside the file that Keras saves of the model that it builds."""

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


def loaded_from_archive(plan: Plan) -> keras.Model:
    """The model in the archive of a plan, after it was held to be the one that Keras builds and
    saves: the same config and the same weights, bit for bit."""
    with tempfile.TemporaryDirectory() as folder, room_for(len(plan.calls)):
        ours, theirs = Path(folder) / "ours.keras", Path(folder) / "theirs.keras"
        write(plan, ours)
        build(plan).save(theirs)
        model, expected = (keras.models.load_model(p, safe_mode=True) for p in (ours, theirs))
    assert config_of(model) == config_of(expected)
    assert weights_of(model) == weights_of(expected)
    return model


def config_of(model: keras.Model) -> Any:
    """As JSON: where one has a tuple, the other may have a list."""
    return json.loads(json.dumps(model.get_config()))


def weights_of(model: keras.Model) -> list[tuple[str, Any]]:
    """The state of random generators is no weight: Keras draws it anew."""
    return [(v.path, (v.shape, v.dtype, v.numpy().tobytes())) for v in model.weights]
