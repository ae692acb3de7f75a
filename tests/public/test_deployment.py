"""`--for RUNTIME`: what the table chooses, what of a call wins, and what is refused."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest

import bridge
from bridge.cli.options import For
from bridge.errors import UsageError
from bridge.lower.driver import OLDEST_OPSET
from bridge.public.deployment import DEPLOYMENTS, Choices, deployment
from bridge.public.options import LoweringOptions, WeightsMode
from tests.helpers.golden_cases import case

FREE = case("conv_basic_k3")
FIXED = case("lstm_basic")


def shape_for(net: Any, **options: Any) -> tuple[object, Choices]:
    done = bridge.caffe_to_onnx(net.prototxt, net.caffemodel, check=False, **options)
    return next(iter(done.inputs.values()))[0], done.chosen


def test_a_free_batch_is_fixed_unless_the_call_fixes_it() -> None:
    assert shape_for(FREE, runtime="tract") == (1, Choices(batch=1))
    assert shape_for(FREE, runtime="tract", batch=5) == (5, Choices())
    assert shape_for(FREE, runtime="tinygrad") == ("batch", Choices())
    assert shape_for(FREE) == ("batch", Choices())


def test_a_batch_that_the_net_fixes_stays() -> None:
    own, _ = shape_for(FIXED)
    assert own != 1
    assert shape_for(FIXED, runtime="mnn") == (own, Choices())


def test_arithmetic_is_chosen_where_it_changes_the_graph() -> None:
    net = case("argmax_axis1")
    assert shape_for(net, runtime="ncnn")[1].portable
    assert shape_for(net, runtime="ncnn", portable=False)[1].portable is None
    assert shape_for(FREE, runtime="ncnn")[1].portable is None


def test_weights_are_written_as_the_runtime_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.graph.io.saving.INLINE_LIMIT", 100)
    arguments = (FREE.prototxt, FREE.caffemodel, tmp_path / "net.onnx")
    bridge.caffe_to_onnx(*arguments, check=False)  # in another file, as these are too large
    with pytest.raises(UsageError, match="too large for one ONNX file"):
        bridge.caffe_to_onnx(*arguments, runtime="onnxruntime-web", check=False)
    chosen = {"runtime": "onnxruntime-web", "weights": "external", "check": False}
    assert bridge.caffe_to_onnx(*arguments, **chosen).chosen == Choices()
    with pytest.raises(UsageError, match=r"OpenCV 4\S+ does not take --weights linked"):
        bridge.caffe_to_onnx(*arguments, runtime="opencv4", weights="linked")


@pytest.mark.parametrize(
    ("runtime", "options", "message"),
    [
        ("rknn", {"opset": 21}, "--opset 21"),
        ("rknn", {"dynamic": True}, "--dynamic"),
        ("ncnn", {"weights": "external"}, "--weights external"),
    ],
)
def test_what_a_runtime_does_not_take_is_refused(
    runtime: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=f"does not take {message}"):
        bridge.caffe_to_onnx(FREE.prototxt, FREE.caffemodel, runtime=runtime, **options)
    others = {"opset": 19, "dynamic": False, "weights": "inline", "batch": None}
    assert deployment(runtime).chosen(others) == Choices(
        batch=1, portable=runtime == "ncnn" or None
    )


def test_an_unknown_runtime_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"(?s)tinygrad.*received: tinygrat.*mean 'tinygrad'"):
        bridge.caffe_to_onnx(FREE.prototxt, runtime="tinygrat")


def test_the_table_has_what_the_options_have() -> None:
    """Names, and values that are options' own; whoever chooses or refuses something says why."""
    names, _ = get_args(get_args(For)[0])
    assert set(get_args(names)) == DEPLOYMENTS.keys()
    known = {option.name for option in fields(LoweringOptions)} | {"weights"}
    assert {option.name for option in fields(Choices)} < known
    for entry in DEPLOYMENTS.values():
        assert entry.takes.keys() <= known
        assert set(entry.takes.get("weights", ())) <= set(get_args(WeightsMode))
        assert min(entry.takes.get("opset", [OLDEST_OPSET])) == OLDEST_OPSET  # type: ignore[type-var]
        assert bool(entry.why) == bool(entry.takes or str(entry.choices))
        assert entry.chosen({}) == entry.choices
