"""The golden nets once more, fed with other numbers than were recorded, and twice."""

from __future__ import annotations

from pathlib import Path

import pytest

import bridge
from bridge.errors import BridgeError
from tests.helpers.golden_cases import CASES, Case

# Why a net is not compared, by a part of what is said then.
LIMITS = {
    "share memory": "it is refused",
    "Caffe cannot load it": "a layer or a field of another fork",
    "ridx_data[i] >= 0": "the indices to take, and no others, must be fed",
    "prior_": "the boxes to begin with, and no others, must be fed",
}
# What a fork computes otherwise than the Caffe that was recorded.
OTHERWISE = {
    "priorbox_min_only": "scripts/caffe's cuts boxes at the image's edge where nothing is said",
    "bn_batch_stats": "kendryte-caffe divides by the root of eps, whatever the batch holds",
}


@pytest.mark.nightly
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_golden_net_in_this_caffe(case: Case, tmp_path: Path) -> None:
    if str(case) in OTHERWISE:
        pytest.skip(OTHERWISE[str(case)])
    pair, lowered = (case.prototxt, case.caffemodel), tmp_path / "net.onnx"
    try:
        bridge.caffe_to_onnx(*pair, lowered, check=False)
        report = bridge.check(pair, lowered, seed=7, batches=2)
    except BridgeError as error:
        reasons = [why for part, why in LIMITS.items() if part in str(error)]
        if not reasons:
            raise
        pytest.skip(f"{reasons[0]}: {error}")
    if report.verdict == "cannot tell":
        pytest.skip(f"these numbers show nothing: {report.doubted()}")
    assert report.ok, report.located()
