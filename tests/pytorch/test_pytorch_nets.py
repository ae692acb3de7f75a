"""Nets as PyTorch's two exporters write them (scripts/pytorch_nets): right at every batch and open
size, and without a transpose in the convolutional ones."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from bridge.errors import BridgeError
from tests.helpers.feeds import random_feeds
from tests.helpers.keras_against_onnx import plan_of, raise_and_compare

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

# Whose shapes hang on sizes that bridge does not follow yet.
REFUSED = frozenset(
    """
    bert_scripted_11
    conformer_scripted_13
    crnn_scripted_11
    decoder_exported_18
    decoder_fused_exported_23
    decoder_fused_scripted_14
    decoder_scripted_14
    detector_scripted_11
    detector_scripted_16
    encoder_exported_18
    encoder_scripted_14
    fpn_exported_18
    fpn_scripted_11
    fpn_scripted_13
    groupnorm_scripted_11
    lstm_exported_20
    lstm_scripted_11
    mixer_scripted_12
    rnn_scripted_11
    shuffle_scripted_11
    stateful_exported_18
    style_scripted_11
    super_resolution_exported_18
    super_resolution_scripted_11
    swin_scripted_12
    swin_scripted_16
    transformed_scripted_20
    vit_fused_exported_18
    vit_scripted_11
    """.split()
)
RAISED = [path for path in NETS if path.stem not in REFUSED]


def test_the_nets_are_of_both_exporters_and_many_opsets() -> None:
    written = {(path.stem.split("_")[-2], int(path.stem.split("_")[-1])) for path in NETS}
    assert {exporter for exporter, _ in written} == {"scripted", "exported"}
    assert {opset for _, opset in written} >= {11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 23}
    assert len(NETS) >= 60
    assert all(any(path.stem.startswith(name) for path in NETS) for name in CONVOLUTIONAL)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_net_that_is_not_raised_yet_is_refused(name: str) -> None:
    with pytest.raises(BridgeError):
        plan_of(onnx.load(NETS[0].parent / f"{name}.onnx"))


@pytest.mark.parametrize("path", RAISED, ids=lambda path: path.stem)
def test_a_net_is_right(path: Path) -> None:
    model = onnx.load(path)
    of_image = model.graph.input[0].name == "image"
    # Images have open sizes of whole strides; a sequence may be of any length.
    for batch, size in ((1, 16), (3, 24)) if of_image else ((1, 8), (3, 6)):
        raised = raise_and_compare(model, random_feeds(model, batch, size, indices_below=40))
    if path.stem.startswith(CONVOLUTIONAL):
        assert not raised.plan.permutations
