"""OpenCV 4 is in no environment of the suite: it is one module with OpenCV 5, which reads no Caffe.

So a stand-in is read here; findings/opencv4-caffe-fields.sh shows what the real one does.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import bridge
from bridge.caffe import read
from bridge.check.backends import caffe
from bridge.check.backends.opencv_caffe import faults
from bridge.errors import UsageError
from tests.helpers.golden_cases import CASES
from tests.helpers.small_net import PROTOTXT, Small

GOLDEN = {case.folder.name: case for case in CASES}

# What of the golden nets OpenCV 4.14.0.94 computes otherwise than Caffe, by a field.
UNLIKE = {
    "ip_transpose": "transpose is 1, OpenCV takes 0",
    "log_base10": "base is 10, OpenCV takes -1",
    "lrn_defaults": "alpha is 1, OpenCV takes 0.0001",
    "lrn_k2_size3": "k is 2, OpenCV takes 1",
    "mvn_eps": "eps is 0.5, OpenCV adds it to the variance",
    "swish_beta": "beta is 1.702, OpenCV takes 1",
}


@pytest.mark.parametrize(("name", "said"), UNLIKE.items())
def test_a_field_that_opencv_does_not_read_is_named(name: str, said: str) -> None:
    assert any(said in fault for fault in faults(read(GOLDEN[name].prototxt), ()))


@pytest.mark.parametrize("name", ["ip_4d", "log", "lrn_alexnet", "mvn_default", "swish"])
def test_nets_that_it_computes_as_caffe_have_none(name: str) -> None:
    assert faults(read(GOLDEN[name].prototxt), ()) == []


def test_layers_of_another_phase_that_opencv_runs_are_named() -> None:
    net = read(GOLDEN["phase_exclude"].prototxt)
    names = ("conv", "p1", "p2")
    assert [("'p1'" in fault, "another phase" in fault) for fault in faults(net, names)] == [
        (True, True)
    ]
    assert faults(net, ("conv", "p2")) == []


def test_a_check_refuses_such_a_net(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caffe, "engine", lambda _: "opencv")
    layers = SimpleNamespace(getLayerNames=lambda: ("conv1", "norm1"))
    stand_in = SimpleNamespace(
        __version__="4.14.0",
        error=RuntimeError,
        dnn=SimpleNamespace(readNetFromCaffe=lambda *_: layers),
    )
    monkeypatch.setitem(sys.modules, "cv2", stand_in)
    assert "k: 2" in PROTOTXT
    with pytest.raises(UsageError, match=r"norm1' \(LRN\): k is 2, OpenCV takes 1") as refused:
        bridge.check((small.prototxt, small.caffemodel), small.onnx)
    assert "check the .onnx instead" in str(refused.value)
