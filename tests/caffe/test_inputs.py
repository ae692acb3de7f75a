from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bridge.caffe import Net
from bridge.caffe.files.prototxt import interpret
from bridge.caffe.files.textformat import parse
from bridge.caffe.inputs import inputs, is_input
from bridge.caffe.net import Shape
from bridge.errors import PrototxtError, UsageError

ReadText = Callable[..., Net]


COLOUR = "crop_size: 227 mean_value: 1 mean_value: 2 mean_value: 3"
SIZES = "batch_size: 2 channels: 3 height: 4 width: 5"


@pytest.mark.parametrize(
    ("type_", "tops", "more", "shapes"),
    [
        ("Input", 1, "input_param { shape { dim: 1 dim: 3 } }", [(1, 3)]),
        ("Input", 2, "input_param { shape { dim: 4 } }", [(4,), (4,)]),
        ("Input", 2, "input_param { shape { dim: 4 } shape { dim: 5 } }", [(4,), (5,)]),
        ("Input", 1, "", [()]),
        (
            "Data",
            2,
            f"data_param {{ batch_size: 8 }} transform_param {{ {COLOUR} }}",
            [(8, 3, 227, 227), (8,)],
        ),
        ("Data", 1, "data_param { batch_size: 64 }", [(64, 0, 0, 0)]),
        ("ImageData", 1, "image_data_param { new_height: 5 new_width: 6 }", [(1, 3, 5, 6)]),
        ("ImageData", 1, "image_data_param { is_color: false crop_size: 7 }", [(1, 1, 7, 7)]),
        (
            "OwnData",
            1,
            "own_param { channels: 3 channels: 4 new_height: { a: 1 } }",
            [(1, 0, 0, 0)],
        ),
        ("OwnData", 1, 'own_param { channels: RGB batch_size: "2" }', [(1, 0, 0, 0)]),
        ("HDF5Data", 2, "hdf5_data_param { batch_size: 4 }", [(), ()]),
        ("MemoryData", 2, f"memory_data_param {{ {SIZES} }}", [(2, 3, 4, 5), (2,)]),
        (
            "AnnotatedData",
            2,
            "transform_param { force_color: true resize_param { height: 300 width: 200 } }",
            [(1, 3, 300, 200), (1,)],
        ),
    ],
)
def test_shapes_of_inputs(type_: str, tops: int, more: str, shapes: list[Shape]) -> None:
    text = f'type: "{type_}" {more}' + ' top: "t"' * tops
    message, _ = interpret(parse(text, "net.prototxt"), "LayerParameter")
    assert is_input(message)
    assert [entry.shape for entry in inputs(message)] == shapes


@pytest.mark.parametrize("type_", ["Input", "DummyData"])
def test_an_input_reads_no_blob(type_: str, read_text: ReadText) -> None:
    shape = "dim: 1 dim: 3"
    text = (
        f'layer {{ name: "x" type: "{type_}" top: "x" dummy_data_param {{ shape {{ {shape} }} }} '
        f"input_param {{ shape {{ {shape} }} }} }}\n"
    )
    relu = 'layer { name: "y" type: "ReLU" bottom: "x" top: "y" }'
    read_text(text + relu)
    with pytest.raises(PrototxtError, match=r"input layer 'x' reads blobs"):
        read_text(text + text.replace('top: "x"', 'bottom: "x" top: "x"') + relu)


@pytest.mark.parametrize(
    ("type_", "more", "shape"),
    [
        ("ImageSegData", "image_data_param { batch_size: 2 } transform_param { crop_size: 9 }", 3),
        ("IMAGE_SEG_DATA", "image_data_param { batch_size: 2 new_height: 9 new_width: 9 }", 3),
        ("CPMData", "transform_param { crop_size: 9 } cpm_param { batch_size: 2 }", 0),
        ("DataLMDB", "transform_param { crop_size: 9 } data_param { batch_size: 2 }", 0),
    ],
)
def test_data_layers_that_nobody_knows_are_inputs(type_: str, more: str, shape: int) -> None:
    text = f'type: "{type_}" {more} top: "t"'
    message, _ = interpret(parse(text, "net.prototxt"), "LayerParameter")
    assert is_input(message)
    assert [entry.shape for entry in inputs(message)] == [(2, shape, 9, 9)]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("new_height: 9 new_width: 8 crop_size: 7", (9, 8)),
        ("new_height: 9 new_width: 8", None),
        ("crop_size: 7", None),
    ],
)
def test_images_are_cropped_from_the_size_that_the_layer_makes(
    fields: str, expected: tuple[int, int] | None
) -> None:
    text = f'type: "ImageData" image_data_param {{ {fields} }} top: "t"'
    message, _ = interpret(parse(text, "net.prototxt"), "LayerParameter")
    assert [entry.uncropped for entry in inputs(message)] == [expected]


def test_any_source_is_an_input_where_its_shape_is_given(read_text: ReadText) -> None:
    text = """layer { name: "s" type: "Camera" top: "x" }
    layer { name: "r" type: "ReLU" bottom: "x" top: "y" }"""
    assert [layer.type for layer in read_text(text).layers] == ["Camera", "ReLU"]
    net = read_text(text, input_shape={"x": (1, 2)})
    assert [(i.name, i.shape) for i in net.inputs] == [("x", (1, 2))]
    with pytest.raises(UsageError, match="no input 'x'"):
        read_text(
            f'input: "i" input_shape {{ dim: 1 }} {text}'.replace("Camera", "Parameter"),
            input_shape={"x": (1, 2)},
        )


@pytest.mark.parametrize(
    "text", ['type: "DummyData" top: "a"', 'type: "ReLU" top: "a"', 'type: "BigData" bottom: "a"']
)
def test_other_layers_are_no_inputs(text: str) -> None:
    assert not is_input(interpret(parse(text, "net.prototxt"), "LayerParameter")[0])


RANDOM = 'data_filler { type: "gaussian" }'
DUMMY = 'layer { name: "d" type: "DummyData" top: "x" top: "z" dummy_data_param {'
READER = 'layer { name: "r" type: "Eltwise" bottom: "x" bottom: "z" top: "y" }'


@pytest.mark.parametrize(
    ("param", "shapes"),
    [
        ("shape { dim: 2 dim: 3 }", [(2, 3)] * 2),
        ("shape { dim: 2 } shape { dim: 2 }", [(2,)] * 2),
        ("num: 4 channels: 3 height: 2 width: 2", [(4, 3, 2, 2)] * 2),
        ("num: 4 num: 4 channels: 3 height: 2 width: 2", [(4, 3, 2, 2)] * 2),
    ],
)
def test_dummy_data_that_is_drawn_or_alone_is_fed(
    read_text: ReadText, param: str, shapes: list[Shape]
) -> None:
    other = 'input: "o" input_shape { dim: 1 }'
    for net in (
        read_text(f"{DUMMY} {param} }} }} {READER}"),
        read_text(f"{other} {DUMMY} {param} {RANDOM} }} }} {READER}"),
    ):
        assert [i.shape for i in net.inputs if i.name != "o"] == shapes
        assert [layer.name for layer in net.layers] == ["r"]
    assert len(read_text(f"{other} {DUMMY} {param} }} }} {READER}").layers) == 2


def test_shapes_that_do_not_match_the_tops_are_refused() -> None:
    text = 'type: "Input" top: "a" input_param { shape { dim: 4 } shape { dim: 5 } }'
    message, _ = interpret(parse(text, "net.prototxt"), "LayerParameter")
    with pytest.raises(PrototxtError, match="do not match its tops"):
        inputs(message)


TRAIN_VAL = """
layer { name: "d" type: "Data" top: "data" top: "label" include { phase: TEST }
  data_param { batch_size: 2 } transform_param { crop_size: 5 } }
layer { name: "c" type: "Convolution" bottom: "data" top: "c"
  convolution_param { num_output: 4 kernel_size: 3 group: 2 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "c" bottom: "label" top: "loss" }
"""


def test_weights_tell_the_channels_that_a_database_would(read_text: ReadText) -> None:
    assert read_text(TRAIN_VAL).inputs[0].shape == (2, 0, 5, 5)
    net = read_text(TRAIN_VAL, {"c": [np.zeros((4, 3, 3, 3)), np.zeros(4)]})
    assert [(i.name, i.shape) for i in net.inputs] == [("data", (2, 6, 5, 5)), ("label", (2,))]


def test_shapes_may_be_given(read_text: ReadText) -> None:
    net = read_text(TRAIN_VAL, input_shape={"data": (1, 6, 9, 8)})
    assert net.inputs[0].shape == (1, 6, 9, 8)
    with pytest.raises(UsageError, match="no input 'date'"):
        read_text(TRAIN_VAL, input_shape={"date": (1, 6, 9, 8)})
