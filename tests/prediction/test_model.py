from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx.parser
import pytest

import bridge
from bridge.check.loading import ModelFiles
from bridge.errors import UsageError
from bridge.prediction.model import opened
from tests.helpers.golden_cases import case
from tests.helpers.small_net import PROTOTXT, Small, weights


def graph(folder: Path, text: str) -> ModelFiles:
    path = folder / "net.onnx"
    onnx.save(onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["":17]>\n{text}'), path)
    return ModelFiles(path)


def test_a_caffe_net_runs_as_its_graph_does(tmp_path: Path) -> None:
    small = Small(tmp_path).write(PROTOTXT, weights())
    files = ModelFiles(small.prototxt, small.caffemodel)
    image = np.random.default_rng(0).random((3, 16, 16), np.float32)
    with (
        opened(files) as net,
        opened(ModelFiles(small.onnx)) as converted,
    ):
        assert (net.channels, net.batch, net.preprocessing()) == (3, 1, None)
        assert net.shape_for(np.zeros((5, 7, 3))) == (3, 16, 16)
        np.testing.assert_array_equal(net.run(image)["prob"], converted.run(image)["prob"])


def test_a_prototxt_says_its_preprocessing(tmp_path: Path) -> None:
    own = 'type: "Input" top: "data"\n'
    text = PROTOTXT.replace(
        own + "        input_param { shape { dim: 1 dim: 3 dim: 16 dim: 16 } }",
        'type: "ImageData" top: "data" transform_param { crop_size: 16 mean_value: 7 scale: 0.5 } '
        "image_data_param { new_height: 20 new_width: 24 }",
    )
    small = Small(tmp_path).write(text, weights())
    with opened(ModelFiles(small.prototxt, small.caffemodel)) as net:
        stated = net.preprocessing()
    assert stated is not None
    assert stated.frame(16, 16) == (20, 24)
    assert (stated.mean.tolist(), stated.scale) == ([7], 0.5)


def test_a_graph_says_which_images_it_takes(tmp_path: Path) -> None:
    small = Small(tmp_path).write(PROTOTXT, weights())
    path = tmp_path / "plain.onnx"
    bridge.caffe_to_onnx(small.prototxt, small.caffemodel, path, mean=7, rgb=True, check=False)
    with opened(ModelFiles(path)) as net:
        stated = net.preprocessing()
    assert stated is not None
    assert (stated.mean.tolist(), stated.scale, stated.rgb) == ([0], 1, True)


def test_free_sizes_are_those_of_the_image(tmp_path: Path) -> None:
    text = "g (float[n,3,h,w] x) => (float[n,3,h,w] y) { y = Relu(x) }"
    with opened(graph(tmp_path, text)) as net:
        assert net.shape_for(np.zeros((5, 7, 3))) == (3, 5, 7)
        assert net.run(np.ones((3, 5, 7), np.float32))["y"].shape == (1, 3, 5, 7)


def test_a_fixed_batch_is_filled_and_channels_may_be_last(tmp_path: Path) -> None:
    text = "g (uint8[2,4,6,3] x) => (uint8[2,4,6,3] y) { y = Identity(x) }"
    with opened(graph(tmp_path, text)) as net:
        assert (net.batch, net.channels, net.channels_last) == (2, 3, True)
        image = np.arange(72, dtype=np.float32).reshape(3, 4, 6)
        result = net.run(image)["y"]
        np.testing.assert_array_equal(result[0], image.transpose(1, 2, 0))
        with pytest.raises(UsageError, match="the input does not take these numbers"):
            net.run(image + 0.5)


@pytest.mark.parametrize(
    "inputs", ["float[n,3] x", "float[n,3,4,4] x, float[n,3,4,4] z"], ids=["flat", "two"]
)
def test_a_net_that_takes_no_images_is_refused(tmp_path: Path, inputs: str) -> None:
    files = graph(tmp_path, f"g ({inputs}) => (float[n,3] y) {{ y = Relu(x) }}")
    with (
        pytest.raises(UsageError, match="images cannot be fed to this net"),
        opened(files),
    ):
        pass


def test_what_predicts_nothing_is_refused(tmp_path: Path) -> None:
    net = case("conv_basic_k3")
    for path, text in (
        (net.prototxt, "a net without its weights predicts nothing"),
        (net.folder / "io.npz", "a recording predicts nothing"),
    ):
        with (
            pytest.raises(UsageError, match=text),
            opened(ModelFiles(path)),
        ):
            pass


@pytest.mark.nightly
def test_keras_models_take_channels_last(tmp_path: Path) -> None:
    small = Small(tmp_path).write(PROTOTXT, weights())
    image = np.random.default_rng(0).random((3, 16, 16), np.float32)
    bridge.caffe_to_keras(small.prototxt, small.caffemodel, small.keras, check=False)
    with opened(ModelFiles(small.onnx)) as net:
        expected = net.run(image)["prob"]
    with opened(ModelFiles(small.keras)) as net:
        assert (net.channels, net.channels_last) == (3, True)
        received = net.run(image)["prob"]
    np.testing.assert_allclose(received, expected, atol=1e-6)
