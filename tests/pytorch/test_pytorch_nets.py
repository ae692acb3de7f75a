"""Nets as PyTorch's two exporters write them (scripts/pytorch_nets): right at every batch and open
size, and without a transpose in the convolutional ones."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from tests.helpers.feeds import random_feeds
from tests.helpers.keras_against_onnx import assert_right, raise_and_compare

NETS = sorted((Path(__file__).parent / "nets").glob("*.onnx"))
CONVOLUTIONAL = (
    "convnext",
    "detector",
    "fpn",
    "groupnorm",
    "mobilenet",
    "quantized",
    "resnet",
    "style",
    "super_resolution",
    "tcn",
    "unet",
    "volume",
)


def test_the_nets_are_of_both_exporters_and_many_opsets() -> None:
    written = {(path.stem.split("_")[-2], int(path.stem.split("_")[-1])) for path in NETS}
    assert {exporter for exporter, _ in written} == {"scripted", "exported"}
    assert {opset for _, opset in written} >= {11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 23}
    assert len(NETS) >= 60
    assert all(any(path.stem.startswith(name) for path in NETS) for name in CONVOLUTIONAL)


@pytest.mark.parametrize("path", NETS, ids=lambda path: path.stem)
def test_a_net_is_right(path: Path) -> None:
    model = onnx.load(path)
    of_image = model.graph.input[0].name == "image"
    # Images have open sizes of whole strides; a sequence may be of any length.
    one, other = ((1, 16), (3, 24)) if of_image else ((1, 8), (3, 6))
    raised = raise_and_compare(model, random_feeds(model, *one, indices_below=40))
    assert_right(raised, model, random_feeds(model, *other, indices_below=40))
    if path.stem.startswith(CONVOLUTIONAL):
        assert not raised.plan.permutations
