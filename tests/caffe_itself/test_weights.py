"""Weights as Caffe writes and as it reads them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bridge
from bridge.caffe import read
from bridge.caffe.write import write_caffemodel
from tests.caffe_itself.conftest import PYCAFFE

NETS = ("lenet_bvlc_iter10000", "mtcnn_det3", "open_nsfw_resnet50_1by2")

SAVE = """
import sys, caffe
net = caffe.Net(*sys.argv[1:3], caffe.TEST)
net.save_hdf5(sys.argv[3])
"""


@pytest.mark.parametrize("name", NETS)
def test_hdf5_of_caffe_holds_the_same_weights(name: str, real_models: Path, tmp_path: Path) -> None:
    pair = [real_models / name / file for file in ("deploy.prototxt", "weights.caffemodel")]
    saved = tmp_path / "weights.caffemodel.h5"
    environment = {**os.environ, "PYTHONPATH": str(PYCAFFE)}
    command = [sys.executable, "-c", SAVE, *pair, saved]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    binary, hdf5 = read(*pair), read(pair[0], saved)
    assert sum(len(layer.blobs) for layer in binary.layers) > 0
    for one, other in zip(binary.layers, hdf5.layers, strict=True):
        assert [blob.shape for blob in one.blobs] == [blob.shape for blob in other.blobs]
        for first, second in zip(one.blobs, other.blobs, strict=True):
            np.testing.assert_array_equal(first.array(), second.array())


SHARING = """
    input: "x" input_shape { dim: 2 dim: 3 }
    layer { name: "a" type: "InnerProduct" bottom: "x" top: "a" param { name: "w" }
            inner_product_param { num_output: 4 bias_term: false } }
    layer { name: "b" type: "InnerProduct" bottom: "x" top: "b" param { name: "w" }
            inner_product_param { num_output: 4 bias_term: false } }
"""


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_where_layers_share_and_the_file_has_two_the_later_serves(
    order: str, tmp_path: Path
) -> None:
    text, weights, lowered = (tmp_path / f"net.{end}" for end in ("prototxt", "caffemodel", "onnx"))
    text.write_text(SHARING)
    blobs = {"a": np.ones((4, 3)), "b": np.arange(12).reshape(4, 3)}
    write_caffemodel(weights, "two", [(name, "InnerProduct", [blobs[name]]) for name in order])
    bridge.caffe_to_onnx(text, weights, lowered, check=False)
    report = bridge.check((text, weights), lowered)
    assert report.ok, report.located()
    np.testing.assert_array_equal(read(text, weights).layers[0].blobs[0].array(), blobs[order[1]])
