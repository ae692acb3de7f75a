"""Reading Keras models."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zipfile import ZipFile

import keras
import pytest

from bridge.errors import UsageError
from bridge.keras.load import functional, load


class Own(keras.Model):
    def call(self, x: Any) -> Any:
        return x


def test_a_sequential_model_is_given_its_graph(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="d")], name="s")
    model.save(tmp_path / "net.keras")
    loaded = load(tmp_path / "net.keras")
    assert [operation.name for operation in loaded.operations][1:] == ["d"]
    assert loaded.name == "s"


@pytest.mark.parametrize("model", [Own(), keras.Sequential([keras.layers.Dense(2)])])
def test_a_model_without_a_graph_is_refused(model: keras.Model) -> None:
    with pytest.raises(UsageError, match="only its own code knows"):
        functional(model)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.keras").write_text("not at all", encoding="utf-8")
    with pytest.raises(UsageError, match="not a Keras model"):
        load(tmp_path / "net.keras")
    with ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("notes.txt", "of something else")
    with pytest.raises(UsageError, match="Keras cannot load it"):
        load(tmp_path / "other.keras")
    with pytest.raises(UsageError, match="no such file"):
        load(tmp_path / "missing.keras")
    with pytest.raises(UsageError, match="this is a folder"):
        load(tmp_path)
    (tmp_path / "net.onnx").write_bytes(b"\x08\x08\x12\x02me\x3a\x00")
    with pytest.raises(UsageError, match="received: an ONNX graph"):
        load(tmp_path / "net.onnx")


def test_weights_without_a_model_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.weights.h5"
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save_weights(path)
    with pytest.raises(UsageError, match="it has weights, but no model"):
        load(path)


def test_a_layer_of_ones_own_is_named(tmp_path: Path) -> None:
    class Own(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            return x

    x = keras.Input((4,))
    keras.Model(x, Own()(x)).save(tmp_path / "net.keras")
    with pytest.raises(UsageError, match="class 'Own'") as error:
        load(tmp_path / "net.keras")
    assert "pass it to bridge instead of the file" in str(error.value)
