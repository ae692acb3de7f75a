"""Careless calls from Python: one message that says what the argument may be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bridge
from bridge.errors import UsageError
from bridge.inspection import inspect
from bridge.public.arguments import refuse_wrong_kinds
from tests.helpers.golden_cases import case

NET = case("conv_basic_k3")
NO_PATHS = ([], None, b"net", 5, "", "a\0b", {}, object)


@pytest.mark.parametrize("value", NO_PATHS, ids=repr)
@pytest.mark.parametrize(
    "verb", [bridge.caffe_to_onnx, bridge.caffe_to_keras, bridge.explain, bridge.onnx_to_keras]
)
def test_what_is_no_path(verb: Callable[..., object], value: Any) -> None:
    with pytest.raises(UsageError, match=r"cannot (be|raise) this\n  expected: a path"):
        verb(value)


@pytest.mark.parametrize("value", [x for x in NO_PATHS if x is not None], ids=repr)
def test_what_is_no_path_where_none_is_needed(value: Any) -> None:
    with pytest.raises(UsageError, match="caffemodel cannot be this"):
        bridge.caffe_to_onnx(NET.prototxt, value)
    with pytest.raises(UsageError, match="output cannot be this"):
        bridge.caffe_to_onnx(NET.prototxt, None, value)
    with pytest.raises(UsageError):
        bridge.check(NET.prototxt, value)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("batch", [0, -1, True, "2", 1.5, 10**5000]),
        ("opset", ["17", True, 1e3, 10**5000]),
        (
            "input_shape",
            [{"data": (0, 3, 4, 4)}, {"data": (1, -1)}, {"data": 5}, [1, 3], "data:1,3"],
        ),
        ("input_shape", [{5: (1, 3)}, {"data": (2**31, 3)}, {"data": (1.0, 3)}]),
        ("outputs", [[5], 5]),
        ("plugin", [5, [5], b"rules.py"]),
        ("phase", [5]),
        ("stage", [5, [5]]),
        ("ignore_fields", [5, [5]]),
        ("level", ["x", 10**20]),
        ("mean", [[], [1, "x"], float("nan"), np.array([1, np.inf]), {"data": 1}]),
        ("scale", ["x", float("inf"), 1e300, 10**5000]),
        ("rgb", ["yes", 1]),
        ("check", ["no", 0]),
        ("progress", [5]),
        ("weights", [5]),
    ],
)
def test_what_is_of_another_kind(name: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(UsageError, match=f"{name} cannot be this\n  expected: .*\n  received"):
            bridge.caffe_to_onnx(NET.prototxt, NET.caffemodel, **{name: value})


def test_numbers_and_flags_of_numpy_are_as_good() -> None:
    refuse_wrong_kinds(
        {"batch": np.int64(3), "scale": np.float32(0.5), "rgb": np.bool_(True)}
        | {"mean": np.array([1.0, 2.0]), "input_shape": {"data": np.array([1, 2])}}
    )


@pytest.mark.parametrize(
    "call",
    [
        bridge.caffe_to_onnx,
        lambda: bridge.caffe_to_onnx("a", "b", "c", "d"),
        lambda: bridge.caffe_to_onnx(prototext="a"),
        bridge.check,
        lambda: bridge.check("a"),
        lambda: bridge.check("a", "b", batchs=1),
        lambda: bridge.explain(NET.prototxt, blobb="x"),
        lambda: inspect(NET.prototxt),
        lambda: inspect([5]),
        lambda: bridge.check(NET.prototxt, NET.prototxt, inputs={5: 5}),
        lambda: bridge.check(NET.prototxt, NET.prototxt, inputs={"data": object()}),
        lambda: bridge.translation_map([]),
        bridge.layer,
        lambda: bridge.layer(lambda e, layer, x: x),
        lambda: bridge.raises(5),
    ],
)
def test_calls_that_do_not_fit(call: Callable[[], object]) -> None:
    with pytest.raises(UsageError):
        call()


def test_a_name_that_is_misspelt_is_guessed() -> None:
    with pytest.raises(UsageError, match="did you mean 'batches'"):
        bridge.check("a", "b", batchs=1)


def test_weights_are_written_in_one_of_three_ways() -> None:
    with pytest.raises(UsageError, match="expected: inline or external or linked"):
        bridge.caffe_to_onnx(NET.prototxt, NET.caffemodel, weights="sideways")  # type: ignore[arg-type]


def test_a_folder_is_not_inspected(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="received: a folder"):
        inspect([tmp_path])
