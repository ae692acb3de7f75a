"""A trained net whose weights are all in NVIDIA's raw half precision."""

from __future__ import annotations

from pathlib import Path

import pytest

import bridge
from bridge.caffe.reader import stored_layers
from bridge.check.runners import OnnxRunner
from tests.helpers.golden_cases import assert_close
from tests.real.nets import Net


@pytest.fixture
def net(real_models: Path) -> Net:
    return Net(real_models / "hyperlpr_finemapping_pip")


def test_all_its_weights_are_halves(net: Net) -> None:
    stored = [blob for layer in stored_layers(net.caffemodel) for blob in layer.blobs.values()]
    assert {blob.dtype for blob in stored} == {"float16"}


@pytest.mark.parametrize("weights", ["inline", "external"])
def test_it_gives_what_caffe_gave(net: Net, tmp_path: Path, weights: str) -> None:
    """The recording names the output by the layer that works on it in place."""
    path = tmp_path / "net.onnx"
    done = bridge.caffe_to_onnx(net.prototxt, net.caffemodel, path, weights=weights)
    assert list(done.outputs) == ["dense"]
    results = OnnxRunner(path).run(net.arrays("in"))
    assert_close(results["dense"], net.arrays("out")["relu4"])
