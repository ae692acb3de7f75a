"""Proposal, in a Caffe that has it in C++."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import bridge
from tests.caffe_itself.pairs import lowered_pair

PROPOSAL = """
    input: "scores" input_shape { dim: 1 dim: 6 dim: 14 dim: 10 }
    input: "deltas" input_shape { dim: 1 dim: 12 dim: 14 dim: 10 }
    input: "im_info" input_shape { dim: 1 dim: 3 }
    layer { name: "y" type: "Proposal" bottom: "scores" bottom: "deltas" bottom: "im_info"
            top: "rois"
            proposal_param { ratio: 1 scale: 2 scale: 4 scale: 8 base_size: 16 feat_stride: 16
                             pre_nms_topn: 400 post_nms_topn: 20 nms_thresh: 0.7 min_size: 40 } }
"""


@pytest.mark.parametrize("seed", range(3))
def test_proposals(seed: int, tmp_path: Path) -> None:
    """The sizes of this fork's boxes are in pixels, and an image has no scale; all others' are
    multiples of the base, and their least side is for a scale of 1."""
    in_pixels = PROPOSAL.replace("scale: 2 scale: 4 scale: 8", "scale: 32 scale: 64 scale: 128")
    rng = np.random.default_rng(seed)
    feeds = {
        "scores": rng.uniform(0, 1, (1, 6, 14, 10)),
        "deltas": rng.normal(0, 0.5, (1, 12, 14, 10)),
        "im_info": np.array([[224, 160, 1]]),
    }
    pair, lowered = lowered_pair(tmp_path, PROPOSAL)
    pair[0].write_text(in_pixels)
    report = bridge.check(pair, lowered, inputs=feeds)
    assert report.expected == "net.prototxt in Caffe 1.0.0"
    assert report.ok, report.located()
    assert report.rows[0].expected_shape == (20, 5)
