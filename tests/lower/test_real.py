"""Real pretrained nets, blob by blob, and many public prototxts; both lie beside the checkout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bridge.caffe import read
from bridge.caffe.match import with_filled_weights
from bridge.errors import BridgeError
from bridge.graph.invariants import check
from bridge.graph.io import to_ir
from bridge.lower import LoweredModel, lower
from golden_cases import assert_close

SHARED = Path(__file__).parents[2].parent / "shared"
ABSENT = [pytest.param(None, marks=pytest.mark.skip("no such folder beside the checkout"))]
MODELS = sorted(SHARED.glob("models/*/deploy.prototxt")) or ABSENT
ZOO = sorted(SHARED.glob("zoo/*.prototxt")) or ABSENT


@pytest.mark.parametrize("prototxt", MODELS, ids=lambda path: path.parent.name if path else "none")
def test_every_blob_of_a_pretrained_net(prototxt: Path, run: Callable[..., Any]) -> None:
    folder = prototxt.parent
    with np.load(folder / "io.npz") as arrays:
        recorded = {key: arrays[key] for key in arrays.files}
    inputs = {key[3:]: array for key, array in recorded.items() if key.startswith("in/")}
    expected = {key[4:]: array for key, array in recorded.items() if key.startswith("out/")}
    if (folder / "blobs.npz").exists():
        with np.load(folder / "blobs.npz") as arrays:
            expected |= {key: arrays[key] for key in arrays.files if key not in inputs}
    net = read(prototxt, folder / "weights.caffemodel")
    # Blobs that a layer works on in place are recorded as its last writer left them.
    written = {top for layer in net.layers for top in layer.tops}
    known = sorted(written & expected.keys()) or list(net.outputs)
    results = run(lower(net, outputs=known), **inputs)
    assert results
    for name in results.keys() & expected.keys():
        assert_close(results[name], expected[name], name)


# Why public nets are refused, by the beginning of their names: all others are lowered.
REFUSED = {
    "BrotherJing__CNN_tabletennis__models_end2end_deploy": "CutROILayer",
    "BrotherJing__CNN_tabletennis__models_end2end_regression": "BBoxTransformInvLayer",
    # The fork's PriorBox gives twice as many boxes; no field of it says so.
    "MhLiao__TextBoxes__examples_TextBoxes_deploy": "loc does not fit its priors",
    "SURFZJY__EAST-caffe__models_mbv3_train": "the shape of input 'data' is not known",
    "SURFZJY__EAST-caffe__models_vgg_train": "the shape of input 'data' is not known",
    "eric612__MobileNet-YOLO__models_tusimple_mobilenet_yolov3": "'data' is not made by any layer",
    "happynear__caffe-windows__examples_GoogLeNet_googlenet_deploy.": "'label' is not made by",
    "happynear__caffe-windows__matlab_caffe_test_hotspot": "the shape of input 'label' is not",
    "happynear__caffe-windows__matlab_caffe_test_sub_region": "the shape of input 'label' is not",
    "opencv__opencv_contrib__modules_dnn_objdetect_samples_data_SqueezeDet_train": "is not known",
    # A map of 18 channels, reshaped to 30.
    "soeaver__caffe-model__det_faster_rcnn_models_coco_air101_rpn_rcnn_deploys_rpn": "uneven",
}


@pytest.mark.parametrize("prototxt", ZOO, ids=lambda path: path.stem if path else "none")
def test_a_public_prototxt_is_lowered_or_refused_for_a_reason(prototxt: Path) -> None:
    """By the prototxt alone: every value has Caffe's shape, and the graph holds together."""
    reasons = [why for start, why in REFUSED.items() if prototxt.name.startswith(start)]
    if not reasons:
        check(to_ir(_lowered(prototxt)))
        return
    with pytest.raises(BridgeError, match=reasons[0]) as refused:
        _lowered(prototxt)
    assert prototxt.name in str(refused.value)


# Shapes that nets leave to whoever feeds them.
GIVEN: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    "SURFZJY__EAST-caffe__models_mbv3_train": {"data": (1, 3, 256, 256)},
    "SURFZJY__EAST-caffe__models_vgg_train": {"data": (1, 3, 256, 256)},
    "happynear__caffe-windows__matlab_caffe_test_hotspot": {"label": (50, 12)},
    "happynear__caffe-windows__matlab_caffe_test_sub_region": {"label": (50, 12)},
}


@pytest.mark.nightly
@pytest.mark.parametrize("prototxt", ZOO, ids=lambda path: path.stem if path else "none")
def test_a_public_net_runs(prototxt: Path, run: Callable[..., Any]) -> None:
    name = prototxt.name
    shapes = next((given for start, given in GIVEN.items() if name.startswith(start)), {})
    if not shapes and name.startswith(tuple(REFUSED)):
        pytest.skip("it is refused")
    model = _lowered(prototxt, shapes)
    rng = np.random.default_rng(0)
    feeds: dict[str, Any] = {}
    for key, dims in model.inputs.items():
        shape = [1 if isinstance(size, str) else size for size in dims]
        feeds[key] = rng.uniform(-1, 1, shape)
        if key == "im_info":  # height, width, scale
            feeds[key][:] = [224, 224, *[1] * (shape[1] - 2)]
        if key == "rois":
            feeds[key][:] = np.reshape([0, 16, 32, 100, 150], (5, *[1] * (len(shape) - 2)))
    results = run(model, **feeds)
    for key, dims in model.outputs.items():
        sizes = zip(results[key].shape, dims, strict=True)
        assert all(isinstance(size, str) or size == real for real, size in sizes), key


def _lowered(prototxt: Path, shapes: Mapping[str, tuple[int, ...]] = {}) -> LoweredModel:
    return lower(with_filled_weights(read(prototxt, input_shape=shapes)), input_shape=shapes)
