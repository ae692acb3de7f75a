"""The question that began this: why do the outputs differ after copying a convolution to Keras?

Because the kernel was reshaped from Caffe's `o i h w` to Keras's `h w i o`. It has to be
transposed: a reshape keeps the order of the numbers and changes what each of them means.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import bridge
from bridge.caffe import read
from bridge.check.runners import OnnxRunner
from tests.helpers.golden_cases import assert_close

MODELS = Path(__file__).parents[2] / "models"


def test_two_by_two_gives_the_numbers_of_the_question(tmp_path: Path) -> None:
    folder, x = MODELS / "seed-conv-2x2", np.float32([[[[0, 1], [2, 3]]]])
    expected = np.float32([[[[0, 2], [4, 6]], [[0, 2], [4, 6]]]])
    prototxt, caffemodel = folder / "deploy.prototxt", folder / "weights.caffemodel"

    done = bridge.caffe_to_onnx(prototxt, caffemodel, tmp_path / "net.onnx")
    assert done.path is not None
    (in_onnxruntime,) = OnnxRunner(done.path).run(dict.fromkeys(done.inputs, x)).values()
    np.testing.assert_array_equal(in_onnxruntime, expected)

    as_in_onnx = bridge.onnx_to_keras(done.path, io_layout="onnx")
    np.testing.assert_array_equal(np.asarray(as_in_onnx(x)), expected)

    channels_last = bridge.onnx_to_keras(done.path)
    result = np.asarray(channels_last(x.transpose(0, 2, 3, 1)))
    np.testing.assert_array_equal(result, expected.transpose(0, 2, 3, 1))


def test_the_large_one_is_transposed_and_not_reshaped() -> None:
    folder = MODELS / "seed-conv"
    prototxt, caffemodel = folder / "deploy.prototxt", folder / "weights.caffemodel"
    kernel, bias = (blob.array() for blob in read(prototxt, caffemodel).layers[0].blobs)
    x = np.random.default_rng(0).uniform(-1, 1, (1, 3, 500, 500)).astype(np.float32)
    expected = np.maximum(convolution(x, kernel, bias, stride=4), 0)
    assert expected.shape == (1, 96, 123, 123)

    model = bridge.caffe_to_keras(prototxt, caffemodel)
    result = np.asarray(model(x.transpose(0, 2, 3, 1))).transpose(0, 3, 1, 2)
    assert_close(result, expected)

    layer = model.get_layer("conv1")
    np.testing.assert_array_equal(layer.kernel.numpy(), kernel.transpose(2, 3, 1, 0))
    layer.kernel.assign(kernel.reshape(11, 11, 3, 96))  # the mistake of the question
    mistaken = np.asarray(model(x.transpose(0, 2, 3, 1))).transpose(0, 3, 1, 2)
    assert np.abs(mistaken - expected).max() > 0.1 * np.abs(expected).max()


def convolution(
    x: NDArray[np.float32], kernel: NDArray[np.float32], bias: NDArray[np.float32], stride: int
) -> NDArray[np.float32]:
    """x: n i h w   kernel: o i kh kw   bias: o   ->   n o h' w', by its definition."""
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[2:], axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride]
    return np.einsum("nihwyx,oiyx->nohw", windows, kernel, optimize=True) + bias[:, None, None]
