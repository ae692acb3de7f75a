from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import process_time
from timeit import repeat
from typing import Any

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from bridge.caffe.files.prototxt import interpret, load
from bridge.caffe.files.textformat import decode, parse
from tests.helpers.golden_cases import CASES, Case

New = Callable[[str], Any]
AsDict = Callable[[Any], dict[str, Any]]


def read(text: str, message: str = "NetParameter") -> dict[str, Any]:
    return interpret(parse(text, "net.prototxt"), message)[0]


def warnings(text: str, message: str = "NetParameter") -> tuple[str, ...]:
    return interpret(parse(text, "net.prototxt"), message)[1]


def float32(value: Any) -> Any:
    """Numbers as protobuf keeps them, which rounds a float field to float32."""
    if isinstance(value, dict):
        return {name: float32(number) for name, number in value.items()}
    if isinstance(value, list):
        return [float32(number) for number in value]
    return pytest.approx(value, rel=1e-7) if isinstance(value, float) else value


# ---- against protobuf's own reader -----------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=str)
def test_golden_nets_read_as_protobuf_reads_them(
    case: Case, new_message: New, as_dict: AsDict
) -> None:
    message, notes = load(case.prototxt)
    expected = text_format.Parse(case.prototxt.read_text(), new_message("NetParameter"))
    assert message == float32(as_dict(expected))
    assert not notes


def test_zoo_nets_read_as_protobuf_reads_them(zoo: Path, new_message: New, as_dict: AsDict) -> None:
    paths = sorted(zoo.glob("*.prototxt"))
    assert paths
    for path in paths:
        message, notes = load(path)
        text = decode(path.read_bytes())
        expected = text_format.Parse(text, new_message("NetParameter"))
        assert message == float32(as_dict(expected)), path.name
        assert not notes, path.name


@given(st.text(), st.lists(st.integers(-(2**63), 2**63 - 1)), st.floats(width=32), st.booleans())
def test_what_protobuf_writes_reads_back(
    new_message: New, name: str, dims: list[int], slope: float, flag: bool
) -> None:
    net = new_message("NetParameter")
    net.name, net.force_backward = name, flag
    net.input_shape.add().dim.extend(dims)
    net.layer.add().relu_param.negative_slope = slope
    for one_line in (True, False):
        message = read(text_format.MessageToString(net, as_one_line=one_line))
        assert message.get("name", "") == name
        assert message["input_shape"][0].get("dim", []) == dims
        relu = message["layer"][0].get("relu_param", {})
        assert relu.get("negative_slope", 0) == pytest.approx(slope, rel=1e-6, nan_ok=True)


def complaints(text: str, message: str = "NetParameter") -> list[str]:
    return [x.line() for x in interpret(parse(text, "net.prototxt"), message)[0].complaints]


def test_what_nobody_knows_is_a_complaint_of_its_layer() -> None:
    text = """nane: "n"
    layer { foo: 1 pooling_param {
      pool: MAXX } }
    layer { foo: 1 }"""
    net, _ = interpret(parse(text, "net.prototxt"))
    assert net["layer"][0] == {"pooling_param": {}}
    assert complaints(text) == [
        "net.prototxt:1: unknown field 'nane' of the net; did you mean 'name'?"
    ]
    assert [[str(complaint) for complaint in layer.complaints] for layer in net["layer"]] == [
        [
            "unknown field 'foo' of the layer",
            "unknown value 'MAXX' of 'pool' of pooling_param; did you mean 'MAX'?",
        ],
        ["unknown field 'foo' of the layer"],
    ]
    first = net["layer"][0].complaints[1]
    assert (first.where.line, first.path) == (3, ("pooling_param", "pool"))
    assert first.message == "PoolingParameter"


def test_an_unknown_word_without_a_likeness_has_those_that_there_are() -> None:
    (complaint,) = complaints("pool: FRACTIONAL", "PoolingParameter")
    assert complaint.endswith("of PoolingParameter, which is one of MAX, AVE, STOCHASTIC")


def test_an_unknown_message_of_a_layer_is_left_to_plug_ins() -> None:
    text = "layer { my_param { size: 3 at { x: 1. } at { x: 2. } kind: BIG } }"
    net, _ = interpret(parse(text, "net.prototxt"))
    assert net["layer"][0] == {
        "my_param": {"size": 3, "at": [{"x": 1.0}, {"x": 2.0}], "kind": "BIG"}
    }
    assert [complaint.path for complaint in net["layer"][0].complaints] == [("my_param",)]
    assert read("layer { pooling_param { my_param { } } }")["layer"][0] == {"pooling_param": {}}


def test_a_type_of_v1_that_nobody_knows_is_told_as_a_layer() -> None:
    text = "layers { type: INTERPP }"
    assert read(text)["layers"] == [{"type": "INTERPP"}]
    assert not interpret(parse(text, "net.prototxt"))[0]["layers"][0].complaints


def test_a_scalar_set_twice_to_different_values_is_a_complaint() -> None:
    assert complaints("alpha: 1\nalpha: 2", "LRNParameter") == [
        "net.prototxt:2: 'alpha' of LRNParameter is set twice, to 1.0 and to 2.0"
    ]
    assert warnings("alpha: 1\nalpha: 1", "LRNParameter") == (
        "net.prototxt:2: 'alpha' of LRNParameter is set twice, to the same value",
    )
    assert not complaints("alpha: 1\nalpha: 1", "LRNParameter")


def test_messages_that_are_set_twice_are_held_to_each_other() -> None:
    text = "lrn_param { alpha: 1 }\nlrn_param { k: 2\nalpha: 2 }"
    assert complaints(text, "LayerParameter") == [
        "net.prototxt:3: 'alpha' of lrn_param is set twice, to 1.0 and to 2.0"
    ]


def test_a_message_set_twice_gains_what_the_last_sets() -> None:
    text = """convolution_param { pad: 1 num_output: 3 weight_filler { type: "a" value: 1 } }
    convolution_param { pad: 2 num_output: 4 weight_filler { type: "b" } }"""
    assert read(text, "LayerParameter")["convolution_param"] == {
        "pad": [1, 2],
        "num_output": 4,
        "weight_filler": {"type": "b", "value": 1.0},
    }


def test_messages_know_where_they_begin() -> None:
    net, _ = interpret(parse('name: "n"\n  layer { name: "a" }', "net.prototxt"))
    assert str(net["layer"][0].where) == "net.prototxt:2:3"


def test_messages_know_where_their_fields_are_set() -> None:
    text = "pooling_param {\n  kernel_size: 2\n  pad: 1 }"
    param = read(text, "LayerParameter")["pooling_param"]
    assert [param.location(name).line for name in ("kernel_size", "pad", "stride")] == [2, 3, 1]


def test_a_large_net_reads_quickly(zoo: Path) -> None:
    """In processor time, so that a busy machine does not count."""
    path = zoo / "KaimingHe__deep-residual-networks__prototxt_ResNet_152_deploy.prototxt"
    assert min(repeat(lambda: load(path), timer=process_time, number=1, repeat=3)) < 0.2
