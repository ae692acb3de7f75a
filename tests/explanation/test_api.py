"""What is passed to `explain`, and what belongs to it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import bridge
from bridge.errors import UsageError
from tests.explanation.test_graph import UNET
from tests.helpers.golden_cases import case

NET = case("conv_basic_k3")


@pytest.mark.parametrize(
    ("net", "options", "expected"),
    [
        (UNET, {"opset": 13, "rgb": True}, "--opset, --rgb: only for Caffe nets"),
        (UNET, {"caffemodel": NET.caffemodel}, "an ONNX graph has its weights itself"),
        (NET.prototxt, {"quantized": "keep"}, "--quantized: only for ONNX graphs"),
        (NET.prototxt, {"input_value": {"x": 1}}, "--input-value: only for ONNX graphs"),
        ("missing.onnx", {}, "cannot read the ONNX graph"),
        ("missing.prototxt", {}, "cannot read the prototxt"),
    ],
)
def test_options_of_the_other_kind_are_refused_by_name(
    net: Path | str, options: dict[str, Any], expected: str
) -> None:
    with pytest.raises(UsageError, match=expected):
        bridge.explain(net, **options)


def test_what_is_at_its_default_is_not_given() -> None:
    assert bridge.explain(UNET, rgb=False, opset=17, mean=None) == bridge.explain(UNET)


def test_a_graph_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    shutil.copy(UNET, tmp_path / "net.bin")
    assert bridge.explain(tmp_path / "net.bin").origin == "ONNX"


def test_other_models_are_refused_with_what_to_do(tmp_path: Path) -> None:
    bridge.caffe_to_keras(NET.prototxt, NET.caffemodel, tmp_path / "net.keras", check=False)
    with pytest.raises(bridge.BridgeError, match="keras-to-onnx"):
        bridge.explain(tmp_path / "net.keras")
