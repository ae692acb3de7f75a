"""What a model is written as, and where that cannot be."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest

from bridge.errors import UsageError
from bridge.keras.export import save


@pytest.fixture
def model() -> keras.Model:
    x = keras.Input((2,))
    return keras.Model(x, keras.layers.Dense(1)(x))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("net.h5", "unknown kind of output"),
        ("nowhere/net.keras", "no such folder"),
        ("folder.keras", "this is a folder"),
        ("there", "it exists already"),
    ],
)
def test_paths_that_cannot_be_written_to(
    model: keras.Model, tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "folder.keras").mkdir()
    (tmp_path / "there").mkdir()
    with pytest.raises(UsageError, match=message):
        save(model, tmp_path / name)


@pytest.mark.parametrize("name", ["net.tflite", "net"])
def test_on_other_backends_only_keras_files_are_written(
    model: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(UsageError, match="only TensorFlow writes") as refusal:
        save(model, tmp_path / name)
    assert refusal.value.received == "Keras on jax"
    assert not list(tmp_path.iterdir())
