"""What the text sets and nobody knows: refused where an output may depend on it, all at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import bridge
from bridge.caffe import Net, read
from bridge.errors import UnknownFieldError, UnsupportedLayerError, UsageError
from bridge.lower import lower
from bridge.lower.fields import complaints

NetOf = Callable[..., Net]

TWO = """
layer { name: "c" type: "Pooling" bottom: "x" top: "c" pooling_param { kernel_sise: 2
  pool: AVER global_pooling: true } }
layer { name: "r" type: "ReLU" bottom: "c" top: "r" relu_param { negative_slope: 1
  negative_slope: 2 } }
layer { name: "s" type: "Softmax" bottom: "r" top: "s" softmax_param { engine: FAST
  engine: SLOW } }
"""


def refusal(net: Net, **options: object) -> str:
    with pytest.raises(UnknownFieldError) as refused:
        lower(net, **options)  # type: ignore[arg-type]
    return str(refused.value)


def test_all_of_them_are_in_one_message(net_of: NetOf) -> None:
    text = refusal(net_of(TWO, x=(1, 2, 3, 3)))
    lines = [line.rpartition("net.prototxt:")[2] for line in text.splitlines()[1:]]
    assert "\n".join(lines) == (
        """\
3: layer 'c' (Pooling): unknown field 'kernel_sise' of pooling_param; did you mean 'kernel_size'?
4: layer 'c' (Pooling): unknown value 'AVER' of 'pool' of pooling_param; did you mean 'AVE'?
6: layer 'r' (ReLU): 'negative_slope' of relu_param is set twice, to 1.0 and to 2.0
  hint: correct the text; or ignore fields that do not matter: --ignore-field kernel_sise """
        "--ignore-field pool --ignore-field negative_slope"
    )


def test_what_is_ignored_on_request_is_told(net_of: NetOf) -> None:
    names = ["kernel_sise", "pooling_param.pool", "ReLUParameter.negative_slope"]
    model = lower(net_of(TWO, x=(1, 2, 3, 3)), ignore_fields=names)
    messages = [warning.rpartition(": layer ")[2] for warning in model.warnings]
    assert messages[:3] == [
        f"{start} (ignored, as requested){end}"
        for start, end in (
            (
                "'c' (Pooling): unknown field 'kernel_sise' of pooling_param",
                "; did you mean 'kernel_size'?",
            ),
            (
                "'c' (Pooling): unknown value 'AVER' of 'pool' of pooling_param",
                "; did you mean 'AVE'?",
            ),
            ("'r' (ReLU): 'negative_slope' of relu_param is set twice, to 1.0 and to 2.0", ""),
        )
    ]
    unknown = [text.startswith("'s' (Softmax): unknown value") for text in messages[3:]]
    assert unknown == [True, True]
    assert [node.op_type for node in model.proto.graph.node] == [
        "GlobalMaxPool",
        "LeakyRelu",
        "Softmax",
    ]


def test_a_name_that_nothing_has_is_no_name_to_ignore(net_of: NetOf) -> None:
    with pytest.raises(UsageError, match="no unknown field 'pad' to ignore") as refused:
        lower(net_of(TWO, x=(1, 2, 3, 3)), ignore_fields=["pad"])
    assert "kernel_sise" in str(refused.value)


@pytest.mark.parametrize("way", ["outputs", "loss", "phase", "data"])
def test_layers_that_do_not_count_may_have_any_field(net_of: NetOf, way: str) -> None:
    odd = {
        "outputs": 'layer { name: "l" type: "ReLU" bottom: "r" top: "l" relu_param { odd: 1 } }',
        "loss": 'layer { name: "l" type: "EuclideanLoss" bottom: "r" bottom: "x" top: "l" odd: 1 }',
        "phase": 'layer { name: "l" type: "ReLU" bottom: "r" top: "l" odd: 1 '
        "include { phase: TRAIN } }",
        "data": 'layer { name: "d" type: "Data" top: "d" data_param { odd: 1 batch_size: 1 } '
        "transform_param { crop_size: 4 } }",
    }[way]
    relu = 'layer { name: "r" type: "ReLU" bottom: "x" top: "r" }'
    model = lower(net_of(relu + odd, x=(1, 2)), outputs=["r"] if way in ("outputs", "data") else ())
    assert list(model.outputs) == ["r"]
    assert any("unknown field 'odd'" in warning for warning in model.warnings)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('layer { name: "l" type: "ReLU" bottom: "r" topp: "l" }', "top"),
        ('layer { name: "l" type: "ReLU" bottom: "r" topp: "r" }', "top"),
        (
            'layer { name: "l" type: "ReLU" bottom: "r" top: "l" exclude { phasee: TRAIN } }',
            "phase",
        ),
        ('layerr { name: "l" type: "ReLU" bottom: "r" top: "l" }', "layer"),
        ("staet { level: 1 }", "state"),
    ],
)
def test_a_layer_is_not_lost_by_a_misspelling(net_of: NetOf, text: str, meant: str) -> None:
    relu = 'layer { name: "r" type: "ReLU" bottom: "x" top: "r" }'
    assert f"did you mean '{meant}'?" in refusal(net_of(relu + text, x=(1, 2)))


ENDS = 'name: "l" bottom: "x" top: "y"'


@pytest.mark.parametrize(
    "text",
    [
        f"layers {{ {ENDS} type: RELU odd: 1 }}",
        'layers { layer { name: "l" type: "relu" odd: 1 } bottom: "x" top: "y" }',
        f'layer {{ {ENDS} type: "PixelShuffle" odd: 1 pixel_shuffle_param {{ }} }}',
        f'layer {{ {ENDS} type: "ReLU" odd: 1 quantization_param {{ }} }}',
        f'layer {{ {ENDS} type: "Python" odd: 1 python_param {{ module: "m" layer: "L" }} }}',
    ],
)
def test_no_dialect_and_no_fork_loses_what_is_not_understood(tmp_path: Path, text: str) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(f'input: "x" input_shape {{ dim: 1 dim: 1 dim: 2 dim: 2 }}\n{text}')
    (layer,) = read(path).layers
    assert [complaint.name for complaint in complaints(layer)] == ["odd"]


def test_messages_of_other_layers_are_told_and_those_of_forks_refused(net_of: NetOf) -> None:
    text = 'layer {{ name: "r" type: "ReLU" bottom: "x" top: "r" {} {{ }} }}'
    model = lower(net_of(text.format("elu_param"), x=(1, 2)))
    (warning,) = model.warnings
    assert "'elu_param' is not read by a ReLU layer (ignored)" in warning
    message = refusal(net_of(text.format("relu6_param"), x=(1, 2)))
    assert "'relu6_param' is not read by a ReLU layer; did you mean 'relu_param'?" in message
    assert lower(net_of(text.format("relu6_param"), x=(1, 2)), ignore_fields=["relu6_param"])


def test_a_layer_without_a_type_is_told_with_what_stands_for_it(net_of: NetOf) -> None:
    net = net_of('layer { name: "r" tipe: "ReLU" bottom: "x" top: "r" }', x=(1, 2))
    with pytest.raises(UnsupportedLayerError, match="did you mean 'type'"):
        lower(net)


def test_settings_that_a_rule_does_not_take_are_in_the_same_message(net_of: NetOf) -> None:
    text = """
    layer { name: "c" type: "Convolution3D" bottom: "x" top: "c" convolution_param {
      num_output: 1 kernel_size: 1 kernel_depth: 1
      axis: 1
      whole: 1 } }"""
    weights = {"c": [np.ones((1, 1, 1, 1, 1)), [0.0]]}
    message = refusal(net_of(text, weights, x=(1, 1, 2, 2, 2)))
    axis = "net.prototxt:5: layer 'c' (Convolution3D): 'axis' of convolution_param is not"
    assert axis in message
    assert "net.prototxt:6: layer 'c' (Convolution3D): unknown field 'whole'" in message
    net = net_of(text, weights, x=(1, 1, 2, 2, 2))
    model = lower(net, ignore_fields=["convolution_param.axis", "whole"])
    assert len(model.warnings) == 2


def test_a_field_is_told_before_the_weights_that_do_not_fit_for_it(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(
        """input: "x" input_shape { dim: 1 dim: 4 dim: 5 dim: 5 }
        layer { name: "d" type: "ConvolutionDepthwise" bottom: "x" top: "d"
          convolution_param { nnum_output: 4 kernel_size: 3 } }"""
    )
    with pytest.raises(UnknownFieldError, match="did you mean 'num_output'"):
        bridge.caffe_to_onnx(path)


C3D = ("kernel_depth", "temporal_stride", "temporal_pad", "filter_group")


@pytest.mark.parametrize("type_", ["Convolution", "Deconvolution", "DepthwiseConvolution"])
@pytest.mark.parametrize("field", C3D)
def test_c3ds_fields_are_refused_in_plain_convolutions(
    net_of: NetOf, type_: str, field: str
) -> None:
    text = f"""layer {{ name: "c" type: "{type_}" bottom: "x" top: "c"
      convolution_param {{ num_output: 1 kernel_size: 1 {field}: 2 }} }}"""
    net = net_of(text, {"c": [np.ones((1, 1, 1, 1)), [0.0]]}, x=(1, 1, 2, 2))
    assert f"'{field}' of convolution_param is not read by a {type_} layer" in refusal(net)
    (warning,) = lower(net, ignore_fields=[field]).warnings
    assert "ignored, as requested" in warning


@pytest.mark.parametrize("field", C3D[:2])
def test_c3ds_fields_are_refused_in_plain_poolings(net_of: NetOf, field: str) -> None:
    text = f"""layer {{ name: "p" type: "Pooling" bottom: "x" top: "p"
      pooling_param {{ kernel_size: 2 {field}: 2 }} }}"""
    message = refusal(net_of(text, x=(1, 1, 4, 4)))
    assert f"'{field}' of pooling_param is not read by a Pooling layer" in message
