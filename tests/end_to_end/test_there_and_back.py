"""Golden nets from Keras to ONNX and to Keras again: checked, with the same weights, and nothing
moved that was not."""

from __future__ import annotations

from fnmatch import fnmatch

import keras
import numpy as np
import pytest

import bridge
from tests.helpers.golden_cases import CASES, Case

# What does not go the whole way, and where it ends.
REFUSED = {
    # Loops, and sizes that depend on the data, which ONNX has operators for and tf2onnx has not.
    "detout_*": "tf2onnx has no ONNX operators",
    "net_ssd": "tf2onnx has no ONNX operators",
    # tf2onnx crops what a stride leaves between by negative pads.
    "deconv_k1_s2": "pads must not contain negative values",
    "deconv_k2_s3_gap": "pads must not contain negative values",
}
# Layers over signals (n t c) are made of layers over images, matrices that enlarge become Dense.
OTHERWISE = ("bn_3d", "conv_1d", "deconv_1d", "interp_shrink", "interp_size", "interp_zoom")

BY_DAY = {
    "argmax_2d",
    "bias_axis_last_2d",
    "bn_2d",
    "conv_1d",
    "deconv_k1_s2",
    "detout_corner",
    "lstm_basic",
    "permute_nhwc",
    "pool_ave_hw_ceil",
    "rnn_basic",
    "scale_2d",
    "scale_3d_axis1",
}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=[] if str(case) in BY_DAY else [pytest.mark.nightly])
        for case in CASES
    ],
    ids=str,
)
def test_a_golden_net_goes_back_and_comes_again(case: Case) -> None:
    model = raised(case)
    problem = next((why for name, why in REFUSED.items() if fnmatch(str(case), name)), None)
    if problem is not None:
        with pytest.raises(bridge.BridgeError, match=problem):
            bridge.onnx_to_keras(bridge.keras_to_onnx(model).proto)
        return
    again = bridge.onnx_to_keras(bridge.keras_to_onnx(model).proto)
    paths = ([weight.path for weight in x.weights] for x in (again, model))
    same = next(paths) == next(paths) and all(
        np.array_equal(one.numpy(), other.numpy())
        for one, other in zip(model.weights, again.weights, strict=True)
    )
    assert same is (str(case) not in OTHERWISE)
    if same:
        assert moves(again) <= moves(model)


def raised(case: Case) -> keras.Model:
    weights = case.caffemodel if case.caffemodel.is_file() else None
    try:
        return bridge.caffe_to_keras(case.prototxt, weights, check=False)
    except bridge.BridgeError as error:
        pytest.skip(f"no Keras model: {error}")


def moves(model: keras.Model) -> int:
    return sum(type(layer).__name__ in ("Permute", "Transpose") for layer in model.operations)
