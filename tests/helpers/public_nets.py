"""Other people's deploy prototxts, which lie beside the checkout and never in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from math import prod, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.caffe import Blob, Layer, Net, read
from bridge.caffe.match import with_filled_weights
from bridge.caffe.write import write_caffemodel
from bridge.lower import LoweredModel

Array = NDArray[Any]

SHARED = Path(__file__).parents[3] / "shared"
ABSENT = [pytest.param(None, marks=pytest.mark.skip("no such folder beside the checkout"))]
ZOO = sorted(SHARED.glob("zoo/*.prototxt")) or ABSENT

# Why public nets are refused, by the beginning of their names: all others are lowered.
REFUSED = {
    "BrotherJing__CNN_tabletennis__models_end2end_deploy": "CutROILayer",
    "BrotherJing__CNN_tabletennis__models_end2end_regression": "BBoxTransformInvLayer",
    # The fork's PriorBox gives twice as many boxes; no field of it says so.
    "MhLiao__TextBoxes__examples_TextBoxes_deploy": "loc does not fit its priors",
    "SURFZJY__EAST-caffe__models_mbv3_train": "the shape of input 'data' is unknown",
    "SURFZJY__EAST-caffe__models_vgg_train": "the shape of input 'data' is unknown",
    "eric612__MobileNet-YOLO__models_tusimple_mobilenet_yolov3": "produces blob 'data'",
    "happynear__caffe-windows__examples_GoogLeNet_googlenet_deploy.": "produces blob 'label'",
    "happynear__caffe-windows__matlab_caffe_test_hotspot": "the shape of input 'label' is",
    "happynear__caffe-windows__matlab_caffe_test_sub_region": "the shape of input 'label' is",
    "opencv__opencv_contrib__modules_dnn_objdetect_samples_data_SqueezeDet_train": "is unknown",
    # A map of 18 channels, reshaped to 30.
    "soeaver__caffe-model__det_faster_rcnn_models_coco_air101_rpn_rcnn_deploys_rpn": "whole number",
}

# Shapes that nets leave to whoever feeds them.
INPUT_SHAPES: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    "SURFZJY__EAST-caffe__models_mbv3_train": {"data": (1, 3, 256, 256)},
    "SURFZJY__EAST-caffe__models_vgg_train": {"data": (1, 3, 256, 256)},
    "happynear__caffe-windows__examples_GoogLeNet_googlenet_deploy.": {"label": (10,)},
    "happynear__caffe-windows__matlab_caffe_test_hotspot": {"label": (50, 12)},
    "happynear__caffe-windows__matlab_caffe_test_sub_region": {"label": (50, 12)},
}


def is_refused(prototxt: Path) -> bool:
    return prototxt.name.startswith(tuple(REFUSED))


def input_shapes(prototxt: Path) -> Mapping[str, tuple[int, ...]]:
    """Shapes for the inputs of a net that says none."""
    return next((x for start, x in INPUT_SHAPES.items() if prototxt.name.startswith(start)), {})


def feeds_of(model: LoweredModel) -> dict[str, Array]:
    """Noise for images; for what is no image, numbers that make sense."""
    rng = np.random.default_rng(0)
    feeds = {}
    for key, dims in model.inputs.items():
        shape = [1 if isinstance(size, str) else size for size in dims]
        feeds[key] = rng.uniform(-1, 1, shape)
        if key == "im_info":  # height, width, scale
            feeds[key][:] = [224, 224, *[1] * (shape[1] - 2)]
        if key == "rois":
            feeds[key][:] = np.reshape([0, 16, 32, 100, 150], (5, *[1] * (len(shape) - 2)))
    return feeds


def with_even_weights(net: Net) -> Net:
    """Weights that keep numbers of about the size that they have, through any number of layers.

    Fillers do not: many nets name none, and have zeros, and others let numbers grow without end.
    """
    return replace(
        net, layers=tuple(replace(x, blobs=_even_blobs(i, x)) for i, x in enumerate(net.layers))
    )


def write_even_weights(prototxt: Path, caffemodel: Path) -> None:
    """A caffemodel of such weights for a net."""
    layers = with_even_weights(with_filled_weights(read(prototxt))).layers
    written = ((x.name, x.type, [blob.array() for blob in x.blobs]) for x in layers)
    write_caffemodel(caffemodel, "even", written)


def _even_blobs(seed: int, layer: Layer) -> tuple[Blob, ...]:
    return tuple(
        Blob(blob.shape, partial(_even, (seed, i), layer.type, i, tuple(blob.shape)))
        for i, blob in enumerate(layer.blobs)
    )


def _even(seed: tuple[int, ...], kind: str, index: int, shape: tuple[int, ...]) -> Array:
    rng = np.random.default_rng(seed)
    if kind in _NEAR_ONE and index in _NEAR_ONE[kind]:
        values = rng.uniform(0.8, 1.2, shape)
    elif sum(size > 1 for size in shape) > 1:
        inputs = prod(shape[1:]) if kind != "Deconvolution" else prod(shape) / shape[1]
        values = rng.uniform(-1, 1, shape) * sqrt(3 / inputs)
    else:
        values = rng.uniform(-0.2, 0.2, shape)
    return values.astype(np.float32)


# Of layers with statistics and factors, those blobs that stay near 1.
_NEAR_ONE = {"BatchNorm": (1, 2), "Scale": (0,), "BN": (0, 3), "Normalize": (0,)}
