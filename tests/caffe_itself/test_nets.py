"""Other people's nets, each blob of a batch of two or three as Caffe computes it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import bridge
from bridge.errors import BridgeError, UsageError
from tests.caffe_itself.pairs import lowered_pair
from tests.helpers.public_nets import ZOO, input_shapes, is_refused
from tests.real.nets import ALL, Net

# Its weights are `raw_data`, a field of NVIDIA's Caffe.
UNREADABLE = "hyperlpr_finemapping_pip"


@pytest.mark.parametrize("name", ALL)
def test_a_trained_net(name: str, real_models: Path, tmp_path: Path) -> None:
    net = Net(real_models / name)
    pair = net.prototxt, net.caffemodel
    bridge.caffe_to_onnx(*pair, tmp_path / "net.onnx", check=False)
    if name == UNREADABLE:
        with pytest.raises(UsageError, match=r"Check failed: count_ == proto.data_size\(\)"):
            bridge.check(pair, tmp_path / "net.onnx")
        return
    report = bridge.check(pair, tmp_path / "net.onnx", batch=3)
    assert report.expected == "deploy.prototxt in Caffe 1.0.0"
    assert report.ok, report.located()
    assert report.unmatched[0] == ()


@pytest.mark.parametrize("options", [{"dynamic": True}, {"input_shape": {"data": (1, 3, 37, 53)}}])
def test_caffe_is_reshaped_to_what_the_other_side_takes(
    options: dict[str, Any], real_models: Path, tmp_path: Path
) -> None:
    net = Net(real_models / "mtcnn_det1")
    pair = net.prototxt, net.caffemodel
    bridge.caffe_to_onnx(*pair, tmp_path / "net.onnx", check=False, **options)
    report = bridge.check(pair, tmp_path / "net.onnx")
    assert report.ok, report.located()
    # A size that is free on the other side is that of the prototxt.
    assert report.rows[0].expected_shape[2:] == ((10, 10) if "dynamic" in options else (35, 51))


# What this Caffe, and its forward pass on a CPU, do not have.
LIMITS = ("Caffe cannot load it", "Not Implemented Yet")
# Where its Proposal is not the other forks': it takes the sizes of boxes in pixels.
OTHER_PROPOSALS = ("luoyetx__mini-caffe__example_models_ssh",)


@pytest.mark.nightly
@pytest.mark.parametrize("prototxt", ZOO, ids=lambda path: path.stem if path else "none")
def test_a_public_net_with_random_weights(prototxt: Path, tmp_path: Path) -> None:
    """Caffe reads the weights that we wrote, and what it computes is what the ONNX graph does."""
    if is_refused(prototxt) or input_shapes(prototxt):
        pytest.skip("it is refused, or has inputs without shapes, as Caffe has not")
    if prototxt.name.startswith(OTHER_PROPOSALS):
        pytest.skip("Proposal is another layer in this Caffe")
    pair, lowered = lowered_pair(tmp_path, without_engines(prototxt.read_text(errors="replace")))
    try:
        report = bridge.check(pair, lowered, batch=2)
    except BridgeError as error:
        if not any(limit in str(error) for limit in LIMITS):
            raise
        pytest.skip(str(error))
    assert report.ok, report.located()
    assert report.rows


def without_engines(prototxt: str) -> str:
    """This Caffe has no cuDNN, and takes no net that asks for it."""
    return re.sub(r"\bengine\s*:\s*\w+", "", prototxt)
