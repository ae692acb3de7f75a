"""The program of docs/check.md that records a Caffe which is elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

import bridge
from tests.caffe_itself.conftest import PYTHON, SEARCHED
from tests.conftest import ROOT
from tests.real.nets import Net


@pytest.mark.parametrize("name", ["mtcnn_det3", "ultraface_slim320"])
def test_a_recording_is_what_the_graph_computes(
    name: str, real_models: Path, tmp_path: Path
) -> None:
    (program,) = re.findall(
        r"```python\n(# record\.py.*?)```", (ROOT / "docs/check.md").read_text(), re.DOTALL
    )
    (tmp_path / "record.py").write_text(program)
    net = Net(real_models / name)
    command = [PYTHON, "record.py", net.prototxt, net.caffemodel, "blobs.npz"]
    environment = {**os.environ, **SEARCHED}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    bridge.caffe_to_onnx(net.prototxt, net.caffemodel, tmp_path / "net.onnx", check=False)
    report = bridge.check(tmp_path / "blobs.npz", tmp_path / "net.onnx")
    assert report.ok, report.located()
    assert report.unmatched[0] == ()
    assert len(report.rows) >= len(net.blobs()) - 1
