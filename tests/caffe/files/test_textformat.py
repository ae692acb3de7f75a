from __future__ import annotations

from typing import Any

import pytest

from bridge.caffe.files.prototxt import interpret
from bridge.caffe.files.textformat import decode, parse
from bridge.errors import PrototxtError


def read(text: str, message: str = "NetParameter") -> dict[str, Any]:
    return interpret(parse(text, "net.prototxt"), message)[0]


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
    ("text", "location", "received"),
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
def test_syntax_errors_say_where(text: str, location: str, received: str) -> None:
    with pytest.raises(PrototxtError) as refusal:
        read(text)
    assert str(refusal.value.where) == f"net.prototxt:{location}"
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
