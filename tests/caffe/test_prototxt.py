from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from bridge.caffe.prototxt import decode, interpret, load, parse
from bridge.errors import PrototxtError
from golden_cases import CASES, Case

New = Callable[[str], Any]
AsDict = Callable[[Any], dict[str, Any]]


def read(text: str, message: str = "NetParameter") -> dict[str, Any]:
    return interpret(parse(text, "net.prototxt"), message)[0]


def warnings(text: str, message: str = "NetParameter") -> tuple[str, ...]:
    return interpret(parse(text, "net.prototxt"), message)[1]


def float32(value: Any) -> Any:
    """Numbers as protobuf keeps them, which rounds a float field to float32."""
    if isinstance(value, dict):
        return {name: float32(each) for name, each in value.items()}
    if isinstance(value, list):
        return [float32(each) for each in value]
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


# ---- syntax ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        'name: "n" layer { name: "a" top: "x" top: "y" }',
        "name: 'n' layer: { name: 'a' top: ['x', 'y'] }",
        'name:"n"layer{name:"a"top:"x"top:"y"}',
        'name: "n"; layer < name: "a", top: "x"; top: "y" >',
        'name: "n" # comment { "\nlayer {\r\n name: "a"\r\n top: "x" top: "y" }\r\n',
        '\ufeffname: "n" layer [ { name: "a" top: "x" top: "y" } ]',
        'name: "\\156" layer { name: "\\x61" top: "x" "" top: \'y\' }',
    ],
)
def test_spellings_of_one_net(text: str) -> None:
    assert read(decode(text.encode())) == {"name": "n", "layer": [{"name": "a", "top": ["x", "y"]}]}


@pytest.mark.parametrize(
    ("text", "place", "received"),
    [
        ('layer {\n  name: "a"\n', "3:1", "the end of the file"),
        ('name: "a" }', "1:11", "}"),
        ('name: "a', "1:7", "a string without its closing"),
        ("name:\n\n  ,", "3:3", ","),
        ("name", "1:5", "the end of the file"),
        ("layer { top: [ 'a' 'b' ; ] }", "1:24", ";"),
        ("\n= 1", "2:1", "="),
        ('name "a"', "1:6", '"a"'),
        ('name: - "a"', "1:9", '"a"'),
        ("layer { name: 'a' >", "1:19", ">"),
        ("layer {" * 100, "1:456", "layer"),
    ],
)
def test_syntax_errors_say_where(text: str, place: str, received: str) -> None:
    with pytest.raises(PrototxtError) as refusal:
        read(text)
    assert str(refusal.value.where) == f"net.prototxt:{place}"
    assert str(refusal.value.received).startswith(received)


def test_text_that_is_no_utf8_is_latin1() -> None:
    assert read(decode(b'name: "caf\xe9"'))["name"] == "caf\u00e9"


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        (r"a\tb\n\\\"\'", "a\tb\n\\\"'"),
        (r"\303\251 \xc3\xA9", "\u00e9 \u00e9"),
        (r"\u00e9 \U0001F600", "\u00e9 \U0001f600"),
        (r"D:\data\users", "D:datausers"),
        ("caf\u00e9", "caf\u00e9"),
    ],
)
def test_escapes(literal: str, value: str) -> None:
    assert read(f'name: "{literal}"')["name"] == value


# ---- values ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "text", "value"),
    [
        ("ConvolutionParameter", "num_output: 0x1F", 31),
        ("ConvolutionParameter", "num_output: 010", 8),
        ("ConvolutionParameter", "bias_term: True", True),
        ("ConvolutionParameter", "bias_term: 0", False),
        ("ConvolutionParameter", "bias_term: f", False),
        ("ConvolutionParameter", "axis: - 1", -1),
        ("ConvolutionParameter", "kernel_size: [3, 5]", [3, 5]),
        ("ConvolutionParameter", "kernel_size: []", None),
        ("PoolingParameter", "pool: AVE", "AVE"),
        ("PoolingParameter", "pool: 1", "AVE"),
        ("PowerParameter", "scale: 1.", 1.0),
        ("PowerParameter", "scale: .5f", 0.5),
        ("PowerParameter", "scale: -1E-1", -0.1),
        ("PowerParameter", "scale: 3", 3.0),
        ("PowerParameter", "scale: -inf", float("-inf")),
    ],
)
def test_values(message: str, text: str, value: Any) -> None:
    assert read(text, message).get(text.partition(":")[0]) == value


@pytest.mark.parametrize(
    ("message", "text", "expected"),
    [
        ("ConvolutionParameter", "num_output: -1", "an integer from 0 to 4294967295"),
        ("ConvolutionParameter", "num_output: 1.5", "an integer"),
        ("ConvolutionParameter", 'num_output: "3"', "an integer"),
        ("ConvolutionParameter", "num_output { }", "an integer"),
        ("ConvolutionParameter", "num_output: 09", "an integer"),
        ("ConvolutionParameter", "bias_term: 2", "true or false"),
        ("ConvolutionParameter", "weight_filler: 3", "FillerParameter { ... }"),
        ("PowerParameter", "scale: one", "a number"),
        ("PowerParameter", "scale: 1.2.3", "a number"),
        ("PoolingParameter", 'pool: "MAX"', "one of MAX, AVE, STOCHASTIC"),
        ("LayerParameter", "type: Convolution", "a string in quotes"),
    ],
)
def test_values_of_the_wrong_kind_are_refused(message: str, text: str, expected: str) -> None:
    with pytest.raises(PrototxtError, match="wrong kind") as refusal:
        read("\n" + text, message)
    assert str(refusal.value.expected).startswith(expected)
    assert str(refusal.value.where) == "net.prototxt:2:1"


def test_unknown_fields_and_enum_values_are_warnings() -> None:
    text = (
        'nane: "n"\nlayer { foo { bar: 1 } pooling_param {\n pool: FRACTIONAL } }\nlayer { foo: 1 }'
    )
    assert read(text)["layer"][0] == {"pooling_param": {"pool": "FRACTIONAL"}}
    assert warnings(text) == (
        "net.prototxt:1: unknown field 'nane' of NetParameter ignored",
        "net.prototxt:2: unknown field 'foo' of LayerParameter ignored (and 1 more)",
        "net.prototxt:3: unknown value FRACTIONAL of 'pool'",
    )


def test_a_scalar_set_twice_takes_the_last_value() -> None:
    text = "pad: 1\npad: 2"
    assert read(text, "PoolingParameter") == {"pad": 2}
    assert warnings(text, "PoolingParameter") == (
        "net.prototxt:2: 'pad' is set twice; the last one counts",
    )


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


def test_a_large_net_reads_quickly(zoo: Path) -> None:
    path = zoo / "KaimingHe__deep-residual-networks__prototxt_ResNet_152_deploy.prototxt"
    load(path)
    start = perf_counter()
    load(path)
    assert perf_counter() - start < 0.2
