"""A Caffe net in Caffe itself.

What of it is shown with a stand-in (stand_in/caffe.py) is that pycaffe's interface is used as it is
meant, and what becomes of its failures. tests/real/test_caffe_itself.py runs a real one where
scripts/caffe has built it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import bridge
from bridge.errors import BridgeError, GraphError, UsageError
from small_net import PROTOTXT, Small


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
