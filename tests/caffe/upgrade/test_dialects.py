from __future__ import annotations

from typing import Any

import pytest

from bridge.caffe.files.prototxt import interpret
from bridge.caffe.files.textformat import parse
from bridge.caffe.upgrade import upgrade
from bridge.errors import PrototxtError


def upgraded(text: str) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    layers, warnings = upgrade(interpret(parse(text, "net.prototxt"))[0])
    return [dict(layer) for layer in layers], warnings


def test_v2_layers_stay_as_they_are() -> None:
    (layer,), warnings = upgraded('layer { name: "a" type: "ReLU" bottom: "x" top: "y" }')
    assert layer == {"name": "a", "type": "ReLU", "bottom": ["x"], "top": ["y"]}
    assert not warnings


def test_v1_layers_get_string_types_and_param_messages() -> None:
    text = """layers { name: "c" type: CONVOLUTION bottom: "x" top: "y" param: "w" param: "b"
        blobs_lr: 1 blobs_lr: 2 weight_decay: 1 include { phase: TEST }
        convolution_param { num_output: 3 kernel_size: 5 } }"""
    (layer,), _ = upgraded(text)
    assert layer == {
        "name": "c",
        "type": "Convolution",
        "bottom": ["x"],
        "top": ["y"],
        "param": [
            {"name": "w", "lr_mult": 1, "decay_mult": 1},
            {"name": "b", "lr_mult": 2},
        ],
        "include": [{"phase": "TEST"}],
        "convolution_param": {"num_output": 3, "kernel_size": [5]},
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SOFTMAX_LOSS", "SoftmaxWithLoss"),
        ("SIGMOID_CROSS_ENTROPY_LOSS", "SigmoidCrossEntropyLoss"),
        ("IM2COL", "Im2col"),
        ("HDF5_DATA", "HDF5Data"),
        ("TANH", "TanH"),
        ("18", "ReLU"),
        ("PRELU", "PReLU"),
        ("FOO_BAR", "FOO_BAR"),
        ("CROP", "AutoCrop"),
        ("INTERP", "Interp"),
        ("BATCH_NORM", "BatchNorm"),
        ("BATCHNORM", "BatchNorm"),
        ("PRIOR_BOX", "PriorBox"),
        ("SHUFFLE_CHANNEL", "ShuffleChannel"),
        ("BN", "BN"),
    ],
)
def test_v1_types(old: str, new: str) -> None:
    (layer,), _ = upgraded(f'layers {{ name: "a" type: {old} }}')
    assert layer["type"] == new


def test_v1_layers_have_the_messages_of_forks() -> None:
    text = 'layers { name: "u" type: INTERP interp_param { zoom_factor: 2 } }'
    message, notes = interpret(parse(text, "net.prototxt"))
    assert not notes
    (layer,), _ = upgrade(message)
    assert layer["interp_param"] == {"zoom_factor": 2}


def test_messages_that_another_fork_calls_otherwise() -> None:
    text = 'layer { name: "p" type: "PixelShuffle" pixel_shuffle_param { upscale_factor: 3 } }'
    (layer,), _ = upgraded(text)
    assert layer["pixelshuffle_param"] == {"upscale_factor": 3}
    assert "pixel_shuffle_param" not in layer


def test_every_v1_type_has_a_name() -> None:
    from bridge.caffe import schema
    from bridge.caffe.upgrade import V1_TYPES

    names = set(schema.fields("V1LayerParameter")["type"].names.values())
    assert names - V1_TYPES.keys() == {"NONE", "BN"}


def test_v0_fields_go_to_the_message_of_their_type() -> None:
    text = """layers { bottom: "x" top: "y" layer { name: "c" type: "conv" num_output: 4
        kernelsize: 3 stride: 2 pad: 1 group: 2 biasterm: false weight_filler { std: 1 }
        blobs_lr: 1 weight_decay: 0 } }
    layers { bottom: "y" top: "z" layer { name: "p" type: "pool" pool: AVE kernelsize: 2 pad: 1 } }
    layers { top: "d" layer { name: "d" type: "data" source: "db" batchsize: 8 cropsize: 5
        meanfile: "m" mirror: true } }"""
    (conv, pool, data), warnings = upgraded(text)
    assert conv == {
        "name": "c",
        "type": "Convolution",
        "bottom": ["x"],
        "top": ["y"],
        "convolution_param": {
            "num_output": 4,
            "kernel_size": [3],
            "stride": [2],
            "pad": [1],
            "group": 2,
            "bias_term": False,
            "weight_filler": {"std": 1.0},
        },
        "param": [{"lr_mult": 1, "decay_mult": 0}],
    }
    assert pool["pooling_param"] == {"pool": "AVE", "kernel_size": [2], "pad": [1]}
    assert data["data_param"] == {"source": "db", "batch_size": 8}
    assert data["transform_param"] == {"crop_size": 5, "mean_file": "m", "mirror": True}
    assert not warnings


def test_a_v0_field_of_another_type_is_a_warning() -> None:
    (layer,), warnings = upgraded('\nlayers { layer { name: "r" type: "relu" kernelsize: 3 } }')
    assert layer == {"name": "r", "type": "ReLU", "bottom": [], "top": []}
    assert warnings == ("net.prototxt:2:1: field 'kernelsize' of a relu layer ignored",)


def test_v0_padding_is_folded_into_the_convolution() -> None:
    text = """layers { bottom: "x" top: "p" layer { name: "pad" type: "padding" pad: 2 } }
    layers { bottom: "p" top: "y" layer { name: "c" type: "conv" num_output: 1 kernelsize: 5 } }"""
    (conv,), _ = upgraded(text)
    assert conv["bottom"] == ["x"]
    assert conv["convolution_param"]["pad"] == [2]


def test_v0_padding_before_another_layer_is_refused() -> None:
    text = """layers { bottom: "x" top: "p" layer { name: "pad" type: "padding" pad: 2 } }
    layers { bottom: "p" top: "y" layer { name: "r" type: "relu" } }"""
    with pytest.raises(PrototxtError, match="'r' cannot pad its input"):
        upgraded(text)


# ---- inputs outside of the layers ------------------------------------------------------------

LAYER = ' layer { name: "r" type: "ReLU" bottom: "a" top: "r" }'


@pytest.mark.parametrize(
    ("text", "dims"),
    [
        ('input: "a" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 9', [[1, 3, 8, 9]]),
        ('input: "a" input_shape { dim: 2 dim: 3 }', [[2, 3]]),
        ('input: "a" input_shape { dim: 2 } input_dim: 7', [[2]]),
        ('input: "a" input: "b" input_dim: [1, 2, 3, 4, 5, 6, 7, 8]', [[1, 2, 3, 4], [5, 6, 7, 8]]),
        ('input: "a" input: "b" input_shape { dim: 1 } input_shape { dim: 2 }', [[1], [2]]),
        ('input: "a"', [None]),
    ],
)
def test_inputs_become_layers(text: str, dims: list[Any]) -> None:
    (*inputs, _), _ = upgraded(text + LAYER)
    shapes = [i["input_param"]["shape"] for i in inputs]
    assert shapes == [[] if d is None else [{"dim": d}] for d in dims]
    assert [i["top"] for i in inputs] == [["a"], ["b"]][: len(inputs)]
    assert {i["type"] for i in inputs} == {"Input"}


MAKER = ' layer { name: "i" type: "Input" top: "a" input_param { shape { dim: 2 } } }'


def test_an_input_without_a_shape_is_forgotten_where_a_layer_makes_it() -> None:
    """As Caffe's own upgrade does it: such files are common."""
    layers, _ = upgraded('input: "a" input: "b"' + MAKER + LAYER)
    assert [layer["name"] for layer in layers] == ["b", "i", "r"]
    layers, _ = upgraded('input: "a" input_shape { dim: 3 }' + MAKER + LAYER)
    assert [layer["name"] for layer in layers] == ["a", "i", "r"]


@pytest.mark.parametrize(
    "text",
    [
        'input: "a" input_dim: 1 input_dim: 3 input_dim: 8',
        'input: "a" input: "b" input_dim: [1, 2, 3, 4]',
        'input: "a" input_shape { dim: 2 } input_shape { dim: 2 }',
        "input_shape { dim: 2 }",
    ],
)
def test_inputs_without_shapes_of_their_own_are_refused(text: str) -> None:
    with pytest.raises(PrototxtError, match="inputs and their shapes do not match"):
        upgraded(text + LAYER)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('layer { name: "a" } layers { name: "b" }', "both `layer` and `layers`"),
        ("base_lr: 0.1", "no layers"),
        ("", "no layers"),
    ],
)
def test_nets_that_are_none_are_refused(text: str, problem: str) -> None:
    with pytest.raises(PrototxtError, match=problem):
        upgraded(text)
