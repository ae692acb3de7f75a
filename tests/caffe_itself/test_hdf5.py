"""Weights that Caffe writes as HDF5 are those that it writes as a caffemodel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bridge.caffe import read
from caffe_itself.conftest import PYCAFFE

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
