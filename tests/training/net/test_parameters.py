from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bridge.caffe import read
from bridge.caffe.match import with_filled_weights
from bridge.errors import PrototxtError, UnsupportedLayerError
from bridge.training.net.parameters import parameters, to_be_planned
from tests.training.training_runs import run

LAYER = """layer {{ name: "{0}" type: "InnerProduct" bottom: "x" top: "{0}"
  param {{ name: "w" {1} }}
  inner_product_param {{ num_output: 2 bias_term: false weight_filler {{ type: "xavier" }} }} }}"""
INPUT = 'input: "x" input_shape { dim: 1 dim: 3 }\n'


def of(folder: Path, *layers: str):
    (folder / "net.prototxt").write_text(INPUT + "\n".join(layers))
    return parameters(with_filled_weights(read(folder / "net.prototxt", phase="TRAIN")))


def test_they_are_in_the_solvers_order_each_once() -> None:
    case = run("contrastive")
    net = read(case.file("train.prototxt"), case.file("init.caffemodel"), phase="TRAIN")
    own = parameters(net)
    assert [parameter.key for parameter in own.ordered] == [("a", 0), ("a", 1)]
    assert own.by_key["b", 0] is own.by_key["a", 0]
    assert own.values().size == own.size == 3 * 98 + 3
    assert own.blobs(own.values()).keys() == {("a", 0), ("a", 1), ("b", 0), ("b", 1)}


def test_a_shared_one_has_the_factors_of_whichever_layer_states_them(tmp_path: Path) -> None:
    own = of(tmp_path, LAYER.format("a", ""), LAYER.format("b", "lr_mult: 3 decay_mult: 0"))
    (parameter,) = own.ordered
    assert (parameter.rate, parameter.decay) == (3, 0)
    assert own.by_key["a", 0] is own.by_key["b", 0] is parameter
    with pytest.raises(PrototxtError, match="share a parameter with different lr_mults"):
        of(tmp_path, LAYER.format("a", "lr_mult: 2"), LAYER.format("b", "lr_mult: 3"))


def test_statistics_are_not_trained() -> None:
    case = run("batchnorm_scale")
    net = read(case.file("train.prototxt"), case.file("init.caffemodel"), phase="TRAIN")
    own = parameters(net)
    assert [p.key[0] for p in own.ordered if p.is_statistics] == ["n", "n", "n"]
    assert not any(p.is_trained for p in own.ordered if p.is_statistics)
    (normalization,) = own.normalizations
    assert normalization.fraction == pytest.approx(0.999)
    planned = to_be_planned(net).layers
    norm = next(layer for layer in planned if layer.type == "BatchNorm")
    assert [np.isnan(blob.array()).all() for blob in norm.blobs] == [True, True, False]


def test_frozen_statistics_are_only_read(tmp_path: Path) -> None:
    norm = 'layer { name: "n" type: "BatchNorm" bottom: "x" top: "n" batch_norm_param { %s } }'
    (normalization,) = of(tmp_path, norm % "use_global_stats: true").normalizations
    assert not normalization.by_batch
    with pytest.raises(UnsupportedLayerError, match="how this fork's layer trains"):
        of(tmp_path, norm % "instance_norm: true")


def test_statistics_of_an_unknown_shape_are_refused(tmp_path: Path) -> None:
    conv = """layer { name: "c" type: "Convolution" bottom: "x" top: "c"
      convolution_param { num_output: 2 } }"""
    norm = 'layer { name: "n" type: "BatchNorm" bottom: "c" top: "n" }'
    (tmp_path / "net.prototxt").write_text(INPUT.replace("\n", " ") + conv + norm)
    net = read(tmp_path / "net.prototxt", phase="TRAIN", input_shape={"x": (1, 3, 5, 5)})
    with pytest.raises(UnsupportedLayerError, match="the shape of its statistics is not known"):
        parameters(net)
