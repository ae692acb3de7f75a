from __future__ import annotations

import json
from pathlib import Path

import keras
import pytest

import bridge
from bridge.convert import raise_caffe, raise_onnx
from bridge.errors import UsageError
from bridge.translation import TranslationMap
from tests.helpers.golden_cases import case

NET = case("bn_scale_relu_inplace")


def test_a_model_that_was_made_here_has_a_map(tmp_path: Path) -> None:
    file = tmp_path / "map.json"
    model = bridge.caffe_to_keras(NET.prototxt, NET.caffemodel, check=False, map=file)
    mapping = bridge.translation_map(model)
    assert mapping == bridge.explain(NET.prototxt, NET.caffemodel)
    assert TranslationMap.from_json(json.loads(file.read_text(encoding="utf-8"))) == mapping


def test_the_map_of_a_graph_names_initializers_for_blobs() -> None:
    graph = bridge.caffe_to_onnx(NET.prototxt, NET.caffemodel, check=False).proto
    done = raise_onnx(graph, check=False)
    assert done.map == bridge.translation_map(done.model)
    caffe = raise_caffe(NET.prototxt, NET.caffemodel, check=False).map
    assert done.map.tensors == caffe.tensors
    assert {source.layer for weight in done.map.weights for source in weight.sources} == {None}


def test_another_model_has_none() -> None:
    x = keras.Input((3,))
    with pytest.raises(UsageError, match="the map of this model is not known"):
        bridge.translation_map(keras.Model(x, keras.layers.Dense(2)(x)))


def test_a_notebook_shows_the_ends_of_a_conversion(tmp_path: Path) -> None:
    done = bridge.caffe_to_onnx(NET.prototxt, NET.caffemodel, tmp_path / "net.onnx")
    (data,), (out,) = done.inputs, done.outputs
    assert repr(done).startswith(f"<Conversion {tmp_path / 'net.onnx'}: {data} batch ")
    html = done._repr_html_()
    assert f"<td>input</td><td>{data}</td>" in html
    assert f"<td>output</td><td>{out}</td>" in html
    assert "equal" in html
    unwritten = bridge.caffe_to_onnx(NET.prototxt, NET.caffemodel, check=False)
    assert "not written to a file" in unwritten._repr_html_()


def test_a_notebook_shows_a_map() -> None:
    mapping = bridge.explain(NET.prototxt, NET.caffemodel)
    assert repr(mapping).startswith(f"<TranslationMap {mapping.name}: {len(mapping.tensors)} ten")
    html = mapping._repr_html_()
    assert all(f"<td>{tensor.value}</td>" in html for tensor in mapping.tensors)
    assert all(f"<td>{weight.layer} {weight.role}</td>" in html for weight in mapping.weights)
