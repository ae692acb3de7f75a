from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.caffe import Net

ReadText = Callable[..., Net]

INPUT = 'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }\n'
QUANTIZED = """layer { name: "q" type: "%s" bottom: "x" top: "q"
  quantization_param { precision: DYNAMIC_FIXED_POINT bw_params: 8 fl_params: 7 } }
"""


@pytest.mark.parametrize(
    ("type_", "known"),
    [
        ("ConvolutionRistretto", "Convolution"),
        ("DeconvolutionRistretto", "Deconvolution"),
        ("FcRistretto", "InnerProduct"),
        ("LRNRistretto", "LRN"),
        ("Convolution", "Convolution"),  # Intel's
    ],
)
def test_quantized_layers_are_read_as_those_of_floats(
    read_text: ReadText, type_: str, known: str
) -> None:
    net = read_text(INPUT + QUANTIZED % type_)
    (layer,) = net.layers
    assert (layer.type, layer.params) == (known, {})
    (warning,) = net.warnings
    assert f"net.prototxt:2:1: layer 'q' ({type_}): its quantization is left out" in warning


def test_one_warning_tells_of_all(read_text: ReadText) -> None:
    second = QUANTIZED.replace('"q"', '"r"')
    (warning,) = read_text(INPUT + QUANTIZED % "FcRistretto" + second % "LRNRistretto").warnings
    assert "layer 'q' (FcRistretto) and 1 more" in warning


def test_other_layers_stay_as_they_are(read_text: ReadText) -> None:
    net = read_text(INPUT + 'layer { name: "r" type: "ReLU" bottom: "x" top: "r" }')
    assert [layer.type for layer in net.layers] == ["ReLU"]
    assert not net.warnings
