"""What numbers inputs take that are no images."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.caffe import read
from bridge.caffe.ranges import input_ranges
from bridge.graph.ranges import RANGE, ranges_in, written

INPUT = 'layer {{ name: "{0}" type: "Input" top: "{0}" input_param {{ shape {{ {1} }} }} }}\n'
IMAGE = INPUT.format("data", "dim: 1 dim: 3 dim: 32 dim: 48")
ROIS = INPUT.format("rois", "dim: 4 dim: 5")
CONV = (
    'layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"\n'
    "convolution_param { num_output: 2 kernel_size: 1 stride: 16 } }\n"
)
POOL = (
    'layer {{ name: "pool" type: "ROIPooling" bottom: "{0}" bottom: "rois" top: "pool"\n'
    "roi_pooling_param {{ pooled_h: 2 pooled_w: 2 spatial_scale: 0.0625 }} }}"
)
PROPOSAL = """
    layer { name: "scores" type: "Convolution" bottom: "data" top: "scores"
            convolution_param { num_output: 18 kernel_size: 1 stride: 16 } }
    layer { name: "boxes" type: "Convolution" bottom: "data" top: "boxes"
            convolution_param { num_output: 36 kernel_size: 1 stride: 16 } }
    layer { name: "rois" type: "Python" bottom: "scores" bottom: "boxes" bottom: "info" top: "rois"
            python_param { module: "rpn.proposal_layer" layer: "ProposalLayer"
                           param_str: "'feat_stride': 16" } }
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (IMAGE, {}),
        (
            INPUT.format("word", "dim: 7")
            + 'layer { name: "flat" type: "Reshape" bottom: "word" top: "flat"'
            " reshape_param { shape { dim: 7 } } }"
            'layer { name: "e" type: "Embed" bottom: "flat" top: "e"'
            " embed_param { num_output: 2 input_dim: 9 } }",
            {"word": ((0, 8),)},
        ),
        (
            INPUT.format("x", "dim: 3 dim: 1 dim: 4")
            + INPUT.format("cont", "dim: 3 dim: 1")
            + 'layer { name: "l" type: "LSTM" bottom: "x" bottom: "cont" top: "l"'
            " recurrent_param { num_output: 2 } }",
            {"cont": ((0, 1),)},
        ),
        (
            IMAGE + ROIS + CONV + POOL.format("conv"),
            {"rois": ((0, 0), (0, 23), (0, 15), (24, 47), (16, 31))},
        ),
        (
            # The features are the input: the image is sixteen times as large.
            IMAGE + ROIS + POOL.format("data"),
            {"rois": ((0, 0), (0, 383), (0, 255), (384, 767), (256, 511))},
        ),
        (
            # Height and width of the image, and its scale.
            IMAGE + INPUT.format("info", "dim: 1 dim: 3") + PROPOSAL,
            {"info": ((32, 32), (48, 48), (1, 1))},
        ),
    ],
    ids=["image", "index", "cont", "regions", "regions of features", "image's size"],
)
def test_ranges_are_found_by_who_reads_an_input(
    tmp_path: Path, text: str, expected: dict[str, tuple[tuple[int, int], ...]]
) -> None:
    (tmp_path / "net.prototxt").write_text(text)
    ranges = input_ranges(read(tmp_path / "net.prototxt"))
    assert ranges == expected
    assert ranges_in({f"{RANGE}{name}": written(columns) for name, columns in ranges.items()}) == (
        expected
    )
