"""Other people's trained nets as .tflite, against what real Caffe recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

import bridge
from tests.real.nets import ALL, Net

# Its output has no numbers in common with its recording but those of other names.
UNNAMED = "hyperlpr_finemapping_pip"


@pytest.mark.nightly
@pytest.mark.parametrize("name", [name for name in ALL if name != UNNAMED])
def test_litert_gives_what_caffe_gave(name: str, real_models: Path, tmp_path: Path) -> None:
    """Detectors as well: no operator of TensorFlow is left, which LiteRT alone could not run."""
    net, graph = Net(real_models / name), tmp_path / "net.onnx"
    bridge.caffe_to_onnx(net.prototxt, net.caffemodel, graph, check=False)
    bridge.onnx_to_keras(graph, tmp_path / "net.tflite", check=False)
    report = bridge.check(net.recording, tmp_path / "net.tflite", graph=graph)
    assert report.ok, report.located()
