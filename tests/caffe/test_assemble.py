from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bridge.caffe import Net
from bridge.errors import PrototxtError, UnsupportedError

ReadText = Callable[..., Net]
INPUT = 'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 4 } } }\n'


def layer(name: str, type_: str, bottom: str, top: str, more: str = "") -> str:
    ends = "".join(f' bottom: "{b}"' for b in bottom.split())
    ends += "".join(f' top: "{t}"' for t in top.split())
    return f'layer {{ name: "{name}" type: "{type_}"{ends} {more} }}\n'


def wires(net: Net) -> list[tuple[str, str, str]]:
    return [(layer.name, " ".join(layer.bottoms), " ".join(layer.tops)) for layer in net.layers]


# ---- values ----------------------------------------------------------------------------------


def test_inputs_and_outputs_in_net_order(read_text: ReadText) -> None:
    text = layer("b", "ReLU", "x", "z") + layer("a", "ReLU", "x", "y")
    net = read_text('name: "n"\n' + INPUT + text)
    assert net.name == "n"
    assert [(i.name, i.shape) for i in net.inputs] == [("x", (2, 4))]
    assert str(net.inputs[0].where).endswith("net.prototxt:2:1")
    assert net.outputs == ("z", "y")
    assert str(net.layers[1]).endswith("net.prototxt:4:1, layer 'a' (ReLU)")


def test_in_place_values_have_one_writer_each(read_text: ReadText) -> None:
    text = (
        layer("c", "Power", "x", "y")
        + layer("bn", "BatchNorm", "y", "y")
        + layer("r", "ReLU", "y", "y")
        + layer("p", "Power", "y", "z")
    )
    net = read_text(INPUT + text)
    assert wires(net) == [
        ("c", "x", "y:c"),
        ("bn", "y:c", "y:bn"),
        ("r", "y:bn", "y"),
        ("p", "y", "z"),
    ]
    assert net.outputs == ("z",)


def test_a_blob_with_another_reader_cannot_be_worked_on_in_place(read_text: ReadText) -> None:
    """Caffe gives such readers copies, and then finds the blob made twice."""
    text = (
        layer("c", "Power", "x", "y")
        + layer("early", "Power", "y", "e")
        + layer("r", "ReLU", "y", "y")
    )
    with pytest.raises(PrototxtError, match="'y' cannot be changed in place"):
        read_text(INPUT + text)


def test_an_input_keeps_its_plain_name(read_text: ReadText) -> None:
    net = read_text(INPUT + layer("a", "ReLU", "x", "x") + layer("b", "ReLU", "x", "x"))
    assert wires(net) == [("a", "x", "x:a"), ("b", "x:a", "x:b")]
    assert net.outputs == ("x:b",)


def test_new_names_meet_no_other(read_text: ReadText) -> None:
    text = (
        layer("c", "Power", "x", "y")
        + layer("r", "ReLU", "y", "y")
        + layer("r", "ReLU", "y", "y")
        + layer("r", "ReLU", "y", "y")
        + layer("o", "Power", "x", "y:r")
    )
    tops = [item.tops[0] for item in read_text(INPUT + text).layers]
    assert tops == ["y:c", "y:r:2", "y:r:3", "y", "y:r"]


def test_an_input_that_nobody_reads_is_an_output(read_text: ReadText) -> None:
    more = 'layer { name: "e" type: "Input" top: "e" input_param { shape { dim: 1 } } }'
    assert read_text(INPUT + more + layer("r", "ReLU", "x", "y")).outputs == ("e", "y")


def test_only_parameters_that_are_set_are_kept(read_text: ReadText) -> None:
    more = "param { lr_mult: 1 } loss_weight: 1 relu_param { engine: CAFFE }"
    (relu,) = read_text(INPUT + layer("r", "ReLU", "x", "y", more)).layers
    assert relu.params == {"relu_param": {"engine": "CAFFE"}}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (layer("a", "ReLU", "nope", "y"), "no earlier layer produces blob 'nope'"),
        (layer("a", "ReLU", "x", "y") + layer("b", "ReLU", "x", "y"), "blob 'y' is written twice"),
        (
            layer("a", "ReLU", "x", "x y") + layer("b", "ReLU", "y", "x"),
            "blob 'x' is written twice",
        ),
        (INPUT, "blob 'x' is written twice"),
    ],
)
def test_layers_that_do_not_connect_are_refused(
    read_text: ReadText, text: str, problem: str
) -> None:
    with pytest.raises(PrototxtError, match=problem):
        read_text(INPUT + text)


# ---- phases ----------------------------------------------------------------------------------


STAGED = (
    layer("t", "Data", "", "x y", "include { phase: TRAIN }")
    + layer("d", "Input", "", "x", 'input_param { shape { dim: 2 } } include { stage: "deploy" }')
    + layer("r", "ReLU", "x", "z")
)


def test_a_blob_that_another_state_makes_says_how_to_come_there(read_text: ReadText) -> None:
    with pytest.raises(PrototxtError, match="no earlier layer produces blob 'x'") as refusal:
        read_text(STAGED)
    assert refusal.value.hint == (
        "layers left out in phase TEST produce it: 't' (--phase TRAIN), 'd' (--stage deploy)"
    )
    assert read_text(STAGED, stages=["deploy"]).outputs == ("z",)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (layer("a", "ReLU", "q", "y") + layer("b", "ReLU", "x", "q"), "a later layer"),
        (layer("a", "ReLU", "x", "conv1") + layer("b", "ReLU", "Conv_1", "y"), "mean 'conv1'?"),
        (layer("a", "ReLU", "data", "y"), "--input-shape data:"),
    ],
)
def test_a_blob_that_nobody_makes_says_what_may_be_meant(
    read_text: ReadText, text: str, hint: str
) -> None:
    with pytest.raises(PrototxtError, match="no earlier layer produces") as refusal:
        read_text(INPUT + text)
    assert hint in str(refusal.value.hint)


def test_a_blob_that_nobody_makes_is_an_input_where_its_shape_is_given(read_text: ReadText) -> None:
    text = layer("c", "ReLU", "x", "y")
    net = read_text(text, input_shape={"x": (1, 2)})
    assert [(i.name, i.shape) for i in net.inputs] == [("x", (1, 2))]
    assert str(net.inputs[0].where).endswith("net.prototxt:1:1")


def test_a_net_without_layers_in_a_state_says_which_has_some(read_text: ReadText) -> None:
    text = INPUT + layer("a", "ReLU", "x", "y", "include { phase: TRAIN }") * 2
    text += layer("b", "ReLU", "x", "z", 'include { stage: "deploy" min_level: 2 }')
    with pytest.raises(PrototxtError, match="in phase TEST, the net has no layers") as refusal:
        read_text(text)
    assert refusal.value.hint == "--phase TRAIN adds 2; --stage deploy --level 2 adds 1"


def test_the_phase_chooses_among_layers(read_text: ReadText) -> None:
    text = (
        INPUT
        + layer("train", "ReLU", "x", "y", "include { phase: TRAIN }")
        + layer("test", "Power", "x", "y", "include { phase: TEST }")
    )
    assert [item.name for item in read_text(text).layers] == ["test"]
    assert [item.name for item in read_text(text, phase="TRAIN").layers] == ["train"]


def test_the_net_may_name_stages_itself(read_text: ReadText) -> None:
    text = (
        'state { stage: "deploy" }'
        + INPUT
        + layer("a", "ReLU", "x", "y", 'include { stage: "deploy" }')
    )
    assert len(read_text(text).layers) == 1


def test_layers_that_cannot_work_in_place_are_refused(read_text: ReadText) -> None:
    text = layer("p", "Power", "x", "y") + layer("e", "Eltwise", "y x", "y")
    with pytest.raises(UnsupportedError, match="Eltwise cannot work in place"):
        read_text(INPUT + text)
    unknown: Any = layer("p", "Power", "x", "y") + layer("e", "MyLayer", "y", "y")
    assert read_text(INPUT + unknown).outputs == ("y",)
