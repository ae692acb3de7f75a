""".keras archives, which are read without Keras."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from bridge.convert import raise_caffe
from bridge.errors import UsageError, WeightsError
from bridge.inspection import Inspection, inspect
from tests.helpers.golden_cases import case

LENET = case("net_lenet")


def only(path: Path) -> Inspection:
    (contents,) = inspect([path])
    json.dumps(contents.as_dict())
    return contents


def archive(
    path: Path,
    config: Any,
    weights: dict[str, tuple[int, ...]] | None = None,
    kind: str = "Functional",
) -> Path:
    """An archive with such layers, and arrays of these shapes by their paths."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for name, shape in (weights or {}).items():
            file[name] = np.zeros(shape, np.float32)
    with zipfile.ZipFile(path, "w") as members:
        members.writestr("metadata.json", json.dumps({"keras_version": "3.9.0"}))
        members.writestr("config.json", json.dumps({"class_name": kind, "config": config}))
        members.writestr("model.weights.h5", content.getvalue())
    return path


def layer(kind: str, name: str, nodes: Any = None, **config: Any) -> dict[str, Any]:
    entry = {"module": "keras.layers", "class_name": kind, "config": {"name": name, **config}}
    return entry | ({} if nodes is None else {"name": name, "inbound_nodes": nodes})


def tensor(name: str, shape: list[int | None]) -> dict[str, Any]:
    config = {"shape": shape, "dtype": "float32", "keras_history": [name, 0, 0]}
    return {"class_name": "__keras_tensor__", "config": config}


def test_what_bridge_writes_has_all_that_the_net_has(tmp_path: Path) -> None:
    path = tmp_path / "net.keras"
    raise_caffe(LENET.prototxt, LENET.caffemodel, path, check=False)
    contents, net = only(path), inspect([LENET.prototxt, LENET.caffemodel])[0]
    assert (contents.kind, contents.name) == ("Keras model, Functional", "mini_lenet")
    assert (contents.parameters, contents.bytes) == (net.parameters, net.bytes)
    assert contents.inputs == {"data": ("?", 20, 20, 1)}
    assert list(contents.outputs) == list(net.outputs)
    assert list(contents.outputs.values()) == [("?", 10)]
    shapes = {part.name: part.shapes[0] for part in contents.parts}
    loaded = keras.saving.load_model(path)
    for layer in loaded.layers:
        known = shapes[layer.name]
        assert known is None or tuple(None if x == "?" else x for x in known) == layer.output.shape
    assert sum(shape is not None for shape in shapes.values()) > len(shapes) / 2
    conv = next(part for part in contents.parts if part.name == "conv1")
    assert (conv.type, conv.reads, conv.weights) == ("Conv2D", ("data",), ((5, 5, 1, 4), (4,)))


def test_shapes_that_the_archive_says_are_shown(tmp_path: Path) -> None:
    layers = [
        layer("InputLayer", "x", [], batch_shape=[None, 4]),
        layer("Dense", "a", [{"args": [tensor("x", [None, 4])], "kwargs": {}}]),
        layer("Dropout", "d", [{"args": [tensor("a", [None, 3])], "kwargs": {}}]),
        layer("Dense", "b", [{"args": [tensor("d", [None, 3])], "kwargs": {}}]),
    ]
    config = {"name": "net", "layers": layers, "input_layers": [["x", 0, 0]]}
    config["output_layers"] = ["b", 0, 0]
    weights = {
        "layers/dense/vars/0": (4, 3),
        "layers/dense_1/vars/0": (3, 2),
        "layers/dropout/seed_generator/vars/0": (2,),
        "optimizer/vars/0": (7,),
    }
    contents = only(archive(tmp_path / "net.keras", config, weights))
    assert contents.facts == {"written by": "Keras 3.9.0"}
    assert [part.weights for part in contents.parts] == [(), ((4, 3),), (), ((3, 2),)]
    assert [part.shapes for part in contents.parts] == [
        (("?", 4),),
        (("?", 3),),
        (("?", 3),),
        (None,),
    ]
    assert contents.parameters == 18
    assert (contents.inputs, contents.outputs) == ({"x": ("?", 4)}, {"b": None})


def test_a_sequential_model_is_a_chain(tmp_path: Path) -> None:
    layers = [
        layer("InputLayer", "x", batch_shape=[None, 4]),
        layer("Dense", "a"),
        {**layer("Odd", "b"), "module": "mine"},
        layer("Lambda", "c"),
    ]
    contents = only(archive(tmp_path / "net.keras", {"layers": layers}, kind="Sequential"))
    assert [part.reads for part in contents.parts] == [(), ("x",), ("a",), ("b",)]
    assert (list(contents.inputs), list(contents.outputs)) == (["x"], ["c"])
    assert [warning.partition(" is ")[0] for warning in contents.warnings] == [
        "layer 'b'",
        "layer 'c'",
    ]


def test_lists_of_nodes_are_those_of_older_keras(tmp_path: Path) -> None:
    layers = [
        layer("InputLayer", "x", [], batch_shape=[None, 4]),
        layer("Add", "y", [[["x", 0, 0, {}], ["x", 0, 0, {}]]]),
    ]
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [["y", 0, 0]]}
    contents = only(archive(tmp_path / "net.keras", {"layers": layers, **ends}))
    assert [part.reads for part in contents.parts] == [(), ("x",)]


def test_a_model_of_its_own_code_has_weights_alone(tmp_path: Path) -> None:
    path = archive(tmp_path / "net.keras", {}, {"a/vars/0": (2, 3)}, kind="Mine")
    contents = only(path)
    assert (contents.kind, contents.parts, contents.parameters) == ("Keras model, Mine", (), 6)


def test_an_archive_of_another_name_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    assert only(archive(tmp_path / "net.bin", {})).kind == "Keras model, Functional"


@pytest.mark.parametrize("config", [[], {"layers": 3}, {"layers": [{}]}, {"layers": [[1]]}])
def test_other_configs_are_refused(tmp_path: Path, config: Any) -> None:
    with pytest.raises(UsageError, match="not a Keras model"):
        only(archive(tmp_path / "net.keras", config))


def test_damaged_archives_are_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "net.keras", {})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match="not a Keras model"):
        only(path)
    path.write_bytes(whole.replace(b"\x89HDF", b"\x89HDX"))
    with pytest.raises((UsageError, WeightsError)):
        only(path)
    path.write_text("text")
    with pytest.raises(UsageError, match="not a Keras model"):
        only(path)
