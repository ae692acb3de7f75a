"""Python layers: each is of the type `module.Class`, with the settings of its param_str."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bridge.caffe import Net

ReadText = Callable[..., Net]

INPUT = 'layer { name: "d" type: "Input" top: "d" input_param { shape { dim: [1, 2] } } }\n'
LAYER = """layer { name: "p" type: "Python" bottom: "d" top: "t"
  python_param { module: "here" layer: "Layer" param_str: "%s" } }"""


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("", {}),
        ("'feat_stride': 16", {"feat_stride": 16}),
        ("{'feat_stride': 16, 'scales': [2, 4]}", {"feat_stride": 16, "scales": [2, 4]}),
        ("feat_stride: 16", {"feat_stride": 16}),
        ("{feat_stride: 16, ratios: [0.5, 1,]}", {"feat_stride": 16, "ratios": [0.5, 1]}),
        (r"'stride': 8\n'name': 'a: b'", {"stride": 8, "name": "a: b"}),
        ("16", {"param_str": "16"}),
        ("just some words", {"param_str": "just some words"}),
    ],
)
def test_settings_are_those_of_the_param_str(
    read_text: ReadText, text: str, settings: dict[str, Any]
) -> None:
    net = read_text(INPUT + LAYER % text)
    (layer,) = net.layers
    assert layer.type == "here.Layer"
    assert layer.params["python_param"] == settings
    assert net.warnings == ()


def test_what_a_configuration_says_is_taken_with_a_warning(read_text: ReadText) -> None:
    text = LAYER.replace("here", "rpn.proposal_layer").replace("Layer", "ProposalLayer")
    net = read_text(INPUT + text % "'feat_stride': 16, 'min_size': 4")
    assert net.layers[0].params["python_param"] == {
        "feat_stride": 16,
        "min_size": 4,
        "pre_nms_topn": 6000,
        "post_nms_topn": 300,
        "nms_thresh": 0.7,
    }
    (warning,) = net.warnings
    assert "pre_nms_topn 6000" in warning
    assert "min_size" not in warning


def test_one_that_reads_nothing_is_an_input(read_text: ReadText) -> None:
    source = """layer { name: "s" type: "Python" top: "a" top: "b"
                  python_param { module: "m" layer: "L" } }"""
    net = read_text(source + 'layer { name: "r" type: "ReLU" bottom: "a" top: "y" }')
    assert [(blob.name, blob.shape) for blob in net.inputs] == [("a", ()), ("b", ())]
    assert [layer.name for layer in net.layers] == ["r"]
