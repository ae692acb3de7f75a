from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format

from bridge.caffe import read
from bridge.caffe.files.binary import load
from bridge.errors import WeightsError
from bridge.files.wire import field
from tests.helpers.golden_cases import Case, cases

New = Callable[[str], Any]

# The text of these says more than their caffemodels do, or something else.
APART = {"model_extra_layers", "model_lacks_constant", "model_reversed"}
BOTH = [c for c in cases(without={"alias", "phase"}, tagged={"net"}) if str(c) not in APART]


@pytest.mark.parametrize("case", BOTH, ids=str)
def test_a_caffemodel_alone_is_the_net_it_was_saved_from(case: Case) -> None:
    """Caffe has put Split layers in; else the net is that of the text, weights and all."""
    alone, both = read(case.caffemodel), read(case.prototxt, case.caffemodel)
    assert [i.shape for i in alone.inputs] == [i.shape for i in both.inputs]
    layers = [layer for layer in alone.layers if not layer.name.endswith("_split")]
    for layer, expected in zip(layers, both.layers, strict=True):
        assert (layer.name, layer.type) == (expected.name, expected.type)
        assert layer.params.keys() == expected.params.keys()
        for blob, other in zip(layer.blobs, expected.blobs, strict=True):
            assert (blob.shape, blob.span) == (other.shape, other.span)
    assert not alone.warnings


def saved(tmp_path: Path, new_message: New, text: str) -> Path:
    path = tmp_path / "net.caffemodel"
    net = text_format.Parse(text, new_message("NetParameter"))
    path.write_bytes(net.SerializeToString())
    return path


TRAINED = """
layer { name: "d" type: "Data" top: "data" top: "label" include { phase: TRAIN }
  data_param { batch_size: 2 } transform_param { crop_size: 5 } blobs { data: 0 } }
layer { name: "c" type: "Convolution" bottom: "data" top: "c" phase: TRAIN
  blobs { shape { dim: [1, 3, 1, 1] } data: [1, 2, 3] } blobs { shape { dim: 1 } data: 4 }
  convolution_param { num_output: 1 kernel_size: 1 engine: CUDNN } }
"""


def test_the_phase_was_chosen_already(tmp_path: Path, new_message: New) -> None:
    net = read(saved(tmp_path, new_message, TRAINED))
    assert [(i.name, i.shape) for i in net.inputs] == [("data", (2, 3, 5, 5)), ("label", (2,))]
    (conv,) = net.layers
    assert conv.params["convolution_param"] == {
        "num_output": 1,
        "kernel_size": [1],
        "engine": "CUDNN",
    }
    np.testing.assert_array_equal(conv.blobs[0].array().ravel(), [1, 2, 3])
    assert str(conv.where) == str(tmp_path / "net.caffemodel")


def test_old_dialects(tmp_path: Path, new_message: New) -> None:
    text = """input: "x" input_dim: [1, 3, 4, 4]
    layers { bottom: "x" top: "c" layer { name: "c" type: "conv" num_output: 1 kernelsize: 1
      blobs { num: 1 channels: 3 height: 1 width: 1 data: [1, 2, 3] }
      blobs { num: 1 channels: 1 height: 1 width: 1 data: 4 } } }
    layers { name: "r" type: RELU bottom: "c" top: "c" }"""
    net = read(saved(tmp_path, new_message, text))
    assert [layer.type for layer in net.layers] == ["Convolution", "ReLU"]
    assert [blob.shape for blob in net.layers[0].blobs] == [(1, 3, 1, 1), (1,)]


def layer_of(type_: str, more: bytes = b"") -> bytes:
    """A serialised net of one layer, with further fields."""
    kind = type_.encode()
    layer = b"\x0a\x01r\x12" + bytes([len(kind)]) + kind + b"\x1a\x01x\x22\x01y" + more
    return b"\x1a\x01x\x42\x03\x0a\x01\x02" + b"\xa2\x06" + bytes([len(layer)]) + layer


@pytest.mark.parametrize(
    ("net", "reason"),
    [
        (layer_of("ReLU", field(900, b"\x08\x01") * 2), "field 900 of LayerParameter"),
        (layer_of("Convolution", field(106, b"\xa0\x01\x02")), "field 20 of ConvolutionParameter"),
        (layer_of("Eltwise", field(110, b"\x08\x03")), "field 1 of EltwiseParameter"),
        (layer_of("DetectionOutput", field(204, field(4, b"\x28\x01"))), "NonMaximum"),
        (layer_of("Reverse", field(204, b"\x08\x01")), "204, which is detection_"),
        (layer_of("Convolution", field(148, b"\x15\0\0\0\0")), "148, which is clip_param in other"),
        (layer_of("Upsample", field(10001, b"\x08\x02")), "field 10001 of LayerParameter"),
        (layer_of("Pooling", field(121, b"\x68\x01")), "field 13 of PoolingParameter, which is"),
        (b"\x12\x06\x22\x01a\x28\x96\x01", "field 5 of V1LayerParameter"),
        (b"\x12\x0c\x0a\x0a\x0a\x01a\x12\x02re\xa0\x3f\x01", "of V0LayerParameter"),
    ],
)  # fmt: skip
def test_what_could_be_another_forks_needs_the_text(
    tmp_path: Path, net: bytes, reason: str
) -> None:
    path = tmp_path / "net.caffemodel"
    path.write_bytes(net)
    with pytest.raises(WeightsError, match="some layers may be from another fork") as refusal:
        load(path)
    assert reason in str(refusal.value)
    assert "pass the net's prototxt" in str(refusal.value.hint)


@pytest.mark.parametrize(
    "net",
    [
        layer_of("Normalize", field(206, b"\x08\x01")),
        layer_of("LSTM", field(146, b"\x08\x02")),
        layer_of("Deconvolution", field(106, b"\x08\x02")),
        layer_of("DepthwiseConvolution", field(106, b"\x08\x02")),
        layer_of("PriorBox", field(203, b"\x20\x01")),
        layer_of("InnerProduct", field(117, b"\x08\x02" + field(3, b"\xa0\x3f\x01"))),
    ],
)
def test_what_all_forks_share_is_read(tmp_path: Path, net: bytes) -> None:
    path = tmp_path / "net.caffemodel"
    path.write_bytes(net)
    assert len(load(path)[0]["layer"]) == 1


def test_unknown_fields_of_what_does_not_count_are_told(tmp_path: Path) -> None:
    path = tmp_path / "net.caffemodel"
    path.write_bytes(layer_of("FocalLoss", field(900, b"\x08\x01") * 2))
    _, warnings = load(path)
    assert warnings == (f"{path}: unknown field 900 of LayerParameter ignored (2 times)",)


def test_a_definition_that_breaks_the_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.caffemodel"
    path.write_bytes(b"\xa2\x06\x04" + b"\xd2\x06\x01\xff")
    with pytest.raises(WeightsError, match="the net in the caffemodel cannot be read"):
        load(path)


def test_names_that_are_no_utf8_are_latin1(tmp_path: Path) -> None:
    path = tmp_path / "net.caffemodel"
    layer = b"\x0a\x01\xe9\x12\x04ReLU\x1a\x01x\x22\x01y"
    path.write_bytes(b"\x1a\x01x" + b"\xa2\x06" + bytes([len(layer)]) + layer)
    assert read(path).layers[0].name == "\u00e9"
