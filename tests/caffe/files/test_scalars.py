from __future__ import annotations

from typing import Any

import pytest

from bridge.caffe.files.prototxt import interpret
from bridge.caffe.files.scalars import as_it_looks
from bridge.caffe.files.textformat import Scalar, parse
from bridge.errors import PrototxtError


def read(text: str, message: str = "NetParameter") -> dict[str, Any]:
    return interpret(parse(text, "net.prototxt"), message)[0]


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
        # As protobuf's own reader has them: beyond float32 is infinite.
        ("PowerParameter", "scale: 1e39", float("inf")),
        ("PowerParameter", "scale: -1e39", float("-inf")),
        ("PowerParameter", "scale: 3.4028235677973366e38", float("inf")),
        ("PowerParameter", "scale: 3.4028234e38", 3.4028234e38),
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


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", "7", "7"),
        ("word", "true", True),
        ("word", "MAX", "MAX"),
        ("number", "-0x10", -16),
        ("number", "010", 8),
        ("number", "7", 7),
        ("number", "-1.5f", -1.5),
        ("number", "1.2.3", "1.2.3"),
    ],
)
def test_values_of_no_known_kind(kind: str, text: str, value: Any) -> None:
    result = as_it_looks(Scalar(kind, text))
    assert (result, type(result)) == (value, type(value))
