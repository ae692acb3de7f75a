"""The options of the verbs. mypy checks this file too: an ignored error that is none is one."""

from __future__ import annotations

from dataclasses import fields
from inspect import signature
from pathlib import Path
from typing import get_type_hints

import pytest

import bridge
from bridge.errors import UsageError
from bridge.public.options import (
    GraphKeywords,
    GraphOptions,
    LoweringKeywords,
    LoweringOptions,
    Options,
    RaisingKeywords,
    RaisingOptions,
    SolverOptions,
    as_names,
)


def test_a_misspelt_option_is_an_error_of_type_and_of_use() -> None:
    with pytest.raises(UsageError, match=r"caffe_to_onnx: .*'opsett'(.|\n)*did you mean 'opset'"):
        bridge.caffe_to_onnx("net.prototxt", opsett=13)  # type: ignore[call-arg]
    with pytest.raises(UsageError, match=r"caffe_to_keras: .*'opsett'"):
        bridge.caffe_to_keras("net.prototxt", opsett=13)  # type: ignore[call-arg]
    with pytest.raises(UsageError, match=r"explain: .*'opsett'"):
        bridge.explain("net.prototxt", opsett=13)  # type: ignore[call-arg]
    with pytest.raises(UsageError, match=r"onnx_to_keras: .*'targets'"):
        bridge.onnx_to_keras("net.onnx", targets="speed")  # type: ignore[call-arg]
    with pytest.raises(UsageError, match=r"keras_to_onnx: .*'io_layouts'"):
        bridge.keras_to_onnx("net.keras", io_layouts="onnx")  # type: ignore[call-arg]
    with pytest.raises(UsageError, match=r"check: .*'batchs'"):
        bridge.check("a.onnx", "b.onnx", batchs=3)  # type: ignore[call-arg]


def test_an_option_of_the_wrong_kind_is_an_error_of_type_and_of_use() -> None:
    with pytest.raises(UsageError, match="opset cannot be this"):
        bridge.caffe_to_onnx("net.prototxt", opset="13")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="check cannot be this"):
        bridge.onnx_to_keras("net.onnx", check="no")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "keywords"),
    [
        (GraphOptions, GraphKeywords),
        (LoweringOptions, LoweringKeywords),
        (RaisingOptions, RaisingKeywords),
    ],
)
def test_an_option_has_one_type_in_calls_and_in_use(
    options: type[Options], keywords: type[object]
) -> None:
    in_calls = get_type_hints(keywords)
    in_use = get_type_hints(options)
    assert in_calls.keys() == in_use.keys()
    assert in_calls == {name: in_use[name] | None for name in in_use}


def test_help_shows_each_option_with_its_default() -> None:
    parameters = signature(bridge.caffe_to_keras).parameters
    assert list(parameters)[:3] == ["prototxt", "caffemodel", "output"]
    options = [*fields(RaisingOptions), *fields(LoweringOptions), *fields(SolverOptions)]
    assert list(parameters)[3:] == [option.name for option in options]
    assert parameters["opset"].default == 17
    assert parameters["input_shape"].default == {}
    assert parameters["io_layout"].default == "channels_last"


def test_none_stands_for_the_default() -> None:
    assert LoweringOptions.of({"opset": None, "batch": 3}) == LoweringOptions(batch=3)
    with pytest.raises(UsageError, match="none\\.prototxt"):
        bridge.caffe_to_onnx("none.prototxt", opset=None, phase=None)


def test_options_are_picked_from_those_of_several() -> None:
    keywords = {"opset": 13, "target": "speed", "weights": "inline"}
    assert LoweringOptions.of(keywords) == LoweringOptions(opset=13)
    assert RaisingOptions.of(keywords) == RaisingOptions(target="speed")


def test_one_name_is_as_good_as_several() -> None:
    one = LoweringOptions(plugin="rules.py", stage="deploy", ignore_fields="note")
    assert (one.plugins, one.stages, one.ignored) == (("rules.py",), ("deploy",), ("note",))
    assert LoweringOptions(plugin=[Path("a"), "b"]).plugins == (Path("a"), "b")
    assert as_names(["a", "b"]) == ("a", "b")
