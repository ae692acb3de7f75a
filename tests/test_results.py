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
