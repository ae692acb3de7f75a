"""A Caffe net in Caffe itself.

What of it is shown with a stand-in (stand_in/caffe.py) is that pycaffe's interface is used as it is
meant, and what becomes of its failures. tests/real/test_caffe_itself.py runs a real one where
scripts/caffe has built it.
"""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path

import numpy as np
import pytest

import bridge
from bridge.check.backends import caffe_server
from bridge.check.backends.caffe_process import VARIABLE
from bridge.errors import BridgeError, GraphError, UsageError
from tests.helpers.small_net import PROTOTXT, Small


@pytest.fixture(autouse=True)
def caffe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a Caffe user puts it: on the path of this process, which the other must be told of."""
    monkeypatch.syspath_prepend(Path(__file__).with_name("stand_in"))


def test_a_caffe_pair_runs_in_caffe_where_it_is_installed(
    small: Small, capfd: pytest.CaptureFixture[str]
) -> None:
    report = bridge.check((small.prototxt, small.caffemodel), small.onnx, batch=3, batches=2)
    assert report.expected == "net.prototxt in Caffe 1.0.0"
    assert report.warnings == ()
    assert report.ok
    # What an in-place layer overwrote is not to be had.
    assert [row.name for row in report.rows] == ["conv1", *PLAIN]
    assert report.rows[0].expected_shape == (3, 3, 16, 16)
    assert capfd.readouterr() == ("", "")


PLAIN = ("norm1", "pool1", "conv2", "gap", "fc", "prob")


def test_a_fault_is_located_by_caffes_own_layers(small: Small, tmp_path: Path) -> None:
    wrong = small.rewritten(tmp_path, PROTOTXT.replace("k: 2", "k: 1"))
    report = bridge.check((small.prototxt, small.caffemodel), wrong)
    assert report.first is not None
    assert report.first.layers == ("norm1 (LRN)",)


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("unreadable", UsageError, "Caffe cannot load it\n  received: Check failed: count_ == 0"),
        ("unknown", UsageError, "cannot load it\n  received: RuntimeError: Unknown layer type"),
        ("fragile", GraphError, "in Caffe 1.0.0 fails\n  received: Check failed: pad_h_ < k"),
    ],
)
def test_where_caffe_ends_its_process_there_is_an_error(
    small: Small, tmp_path: Path, name: str, kind: type[BridgeError], said: str
) -> None:
    prototxt = tmp_path / "net.prototxt"
    prototxt.write_text(PROTOTXT.replace('"small"', f'"{name}"'))
    with pytest.raises(kind) as refused:
        bridge.check((prototxt, small.caffemodel), small.onnx)
    assert said in str(refused.value)
    assert str(prototxt) in str(refused.value) or prototxt.name in str(refused.value)


def test_caffe_may_be_in_another_python(
    small: Small, monkeypatch: pytest.MonkeyPatch, caffe: None
) -> None:
    """One that the environment names, with what that Python finds by itself."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if "stand_in" not in entry])
    pair = small.prototxt, small.caffemodel
    assert "lowered" in bridge.check(pair, small.onnx).expected
    monkeypatch.setenv(VARIABLE, sys.executable)
    assert bridge.check(pair, small.onnx).expected == "net.prototxt in Caffe 1.0.0"


@pytest.mark.parametrize(
    ("python", "said"),
    [
        ("nowhere/python", "nowhere/python: No such file"),
        (sys.executable, "No module named 'caffe'"),
    ],
)
def test_a_python_that_has_no_caffe_is_named(
    small: Small, monkeypatch: pytest.MonkeyPatch, python: str, said: str
) -> None:
    monkeypatch.setenv(VARIABLE, python)
    with pytest.raises(UsageError, match=said):
        bridge.check((small.prototxt, small.caffemodel), small.onnx)


def test_what_runs_in_the_other_python_is_plain_enough_for_it() -> None:
    """It may be as old as 3.7, and has nothing of bridge."""
    program = ast.parse(Path(caffe_server.__file__).read_text(), feature_version=(3, 7))
    imported = {
        alias.name.partition(".")[0]
        for node in ast.walk(program)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert imported <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("array", [np.arange(6, dtype=np.float32).reshape(2, 3), np.float64(3)])
def test_arrays_come_over_as_they_are(array: np.ndarray) -> None:
    unpacked = caffe_server.unpack(caffe_server.pack(np.asarray(array)))
    np.testing.assert_array_equal(unpacked, array)
    assert unpacked.dtype == array.dtype
