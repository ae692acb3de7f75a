"""Layers of forks that this Caffe has, and that the recordings of tests/golden do not hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import bridge
from bridge.caffe import read
from bridge.caffe.write import write_caffemodel
from bridge.check.report import Report

HARD_SWISH = """
    input: "x" input_shape { dim: 2 dim: 3 dim: 5 dim: 4 }
    layer { name: "y" type: "HardSwish" bottom: "x" top: "y" }
"""
UPSAMPLE = """
    input: "x" input_shape { dim: 2 dim: 3 dim: 5 dim: 4 }
    layer { name: "y" type: "Upsample" bottom: "x" top: "y" upsample_param { scale: 3 } }
"""
PROPOSAL = """
    input: "scores" input_shape { dim: 1 dim: 6 dim: 14 dim: 10 }
    input: "deltas" input_shape { dim: 1 dim: 12 dim: 14 dim: 10 }
    input: "im_info" input_shape { dim: 1 dim: 3 }
    layer { name: "y" type: "Proposal" bottom: "scores" bottom: "deltas" bottom: "im_info"
            top: "rois"
            proposal_param { ratio: 1 scale: 2 scale: 4 scale: 8 base_size: 16 feat_stride: 16
                             pre_nms_topn: 400 post_nms_topn: 20 nms_thresh: 0.7 min_size: 40 } }
"""


@pytest.mark.parametrize("prototxt", [HARD_SWISH, UPSAMPLE], ids=["HardSwish", "Upsample"])
def test_a_layer(prototxt: str, tmp_path: Path) -> None:
    report = compared(tmp_path, prototxt, prototxt)
    assert report.ok, report.located()


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
    report = compared(tmp_path, in_pixels, PROPOSAL, feeds)
    assert report.ok, report.located()
    assert report.rows[0].expected_shape == (20, 5)


def compared(
    folder: Path, in_caffe: str, ours: str, feeds: Mapping[str, NDArray[Any]] | None = None
) -> Report:
    paths = {end: folder / f"net.{end}" for end in ("prototxt", "caffemodel", "onnx")}
    paths["prototxt"].write_text(ours)
    layers = read(paths["prototxt"]).layers
    write_caffemodel(paths["caffemodel"], "none", [(x.name, x.type, ()) for x in layers])
    bridge.caffe_to_onnx(paths["prototxt"], paths["caffemodel"], paths["onnx"], check=False)
    paths["prototxt"].write_text(in_caffe)
    report = bridge.check((paths["prototxt"], paths["caffemodel"]), paths["onnx"], inputs=feeds)
    assert report.expected == "net.prototxt in Caffe 1.0.0"
    return report
