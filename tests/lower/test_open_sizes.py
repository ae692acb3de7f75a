"""Free heights and widths: one graph says at every size what a graph of that size says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import bridge
from bridge.caffe import read
from bridge.check.runners import OnnxRunner
from bridge.errors import UnsupportedError
from bridge.graph.io import save
from bridge.lower import lower
from tests.helpers.golden_cases import case

NETS = ["net_squeezenet", "net_segnet", "deconv_k4_s2_p1", "pool_ave_k3s2p1_even"]


@pytest.mark.parametrize("name", NETS)
def test_a_net_at_other_sizes(name: str, tmp_path: Path) -> None:
    net = case(name)
    assert_open(net.prototxt, net.caffemodel, tmp_path, ((0, 0), (4, 0), (0, 8), (12, 4)))


def test_the_batch_can_be_fixed_beside_open_sizes(tmp_path: Path) -> None:
    net = case("pool_ave_k3s2p1_even")
    read_net = read(net.prototxt, net.caffemodel)
    (image,) = read_net.inputs
    opened = lower(read_net, dynamic=True, batch=3)
    assert opened.inputs[image.name] == (3, image.shape[1], "height", "width")
    x = {image.name: np.ones((3, image.shape[1], 12, 16), np.float32)}
    same = lower(read_net, input_shape={image.name: (3, image.shape[1], 12, 16)})
    expected = OnnxRunner(save(same, tmp_path / "same.onnx")).run(x)
    for output, result in OnnxRunner(save(opened, tmp_path / "open.onnx")).run(x).items():
        np.testing.assert_allclose(result, expected[output], rtol=0, atol=1e-5)


def assert_open(
    prototxt: Path, caffemodel: Path | None, folder: Path, steps: tuple[tuple[int, int], ...]
) -> None:
    read_net = read(prototxt, caffemodel)
    (image,) = read_net.inputs
    opened = lower(read_net, dynamic=True)
    assert opened.inputs[image.name][2:] == ("height", "width")
    runner = OnnxRunner(save(opened, folder / "open.onnx"))
    for more_rows, more_columns in steps:
        n, c, h, w = image.shape
        shape = (n + 1, c, h + more_rows, w + more_columns)
        same = lower(read(prototxt, caffemodel), input_shape={image.name: shape})
        x = {image.name: np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)}
        expected = OnnxRunner(save(same, folder / "same.onnx")).run(x)
        for output, result in runner.run(x).items():
            np.testing.assert_allclose(result, expected[output], rtol=0, atol=1e-5)


@given(
    kind=st.sampled_from(["MAX", "AVE"]),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    pad=st.integers(0, 2),
    rounding=st.sampled_from(["", "round_mode: FLOOR"]),
    size=st.tuples(st.integers(6, 9), st.integers(6, 9)),
)
@settings(max_examples=40)
def test_any_window_at_any_size(
    kind: str,
    kernel: int,
    stride: int,
    pad: int,
    rounding: str,
    size: tuple[int, int],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    assume(pad < kernel)
    folder = tmp_path_factory.mktemp("open")
    prototxt = folder / "net.prototxt"
    prototxt.write_text(
        f'layer {{ name: "x" type: "Input" top: "x" input_param {{ shape {{ '
        f"dim: [1, 2, {size[0]}, {size[1]}] }} }} }}"
        f'layer {{ name: "p" type: "Pooling" bottom: "x" top: "p" pooling_param {{ pool: {kind} '
        f"kernel_size: {kernel} stride: {stride} pad: {pad} {rounding} }} }}",
        encoding="utf-8",
    )
    if kernel < pad + stride and not rounding:  # the last window may start behind the padding
        with pytest.raises(UnsupportedError, match=r"'p' \(Pooling\)"):
            lower(read(prototxt), dynamic=True)
        return
    assert_open(prototxt, None, folder, ((0, 0), (1, 0), (0, 1), (3, 2)))


@pytest.mark.parametrize("name", ["net_lenet", "net_ssd"])
def test_a_layer_in_the_way_is_named(name: str) -> None:
    net = case(name)
    with pytest.raises(UnsupportedError, match=r"layer '.*height and width cannot be open") as e:
        lower(read(net.prototxt, net.caffemodel), dynamic=True)
    assert "leave out --dynamic" in str(e.value)


def test_a_net_without_images_is_refused() -> None:
    net = case("ip_2d")
    with pytest.raises(UnsupportedError, match="no images"):
        lower(read(net.prototxt, net.caffemodel), dynamic=True)


def test_the_default_check_feeds_the_size_that_the_net_was_made_for(tmp_path: Path) -> None:
    net = case("net_squeezenet")
    done = bridge.caffe_to_onnx(net.prototxt, net.caffemodel, tmp_path / "net.onnx", dynamic=True)
    assert done.report is not None
    assert done.report.ok
    (image,) = read(net.prototxt, net.caffemodel).inputs
    expected = {"height": image.shape[2], "width": image.shape[3]}
    assert OnnxRunner(tmp_path / "net.onnx").own_sizes == expected


def test_keras_takes_images_of_any_size(tmp_path: Path) -> None:
    net = case("net_squeezenet")
    done = bridge.caffe_to_onnx(net.prototxt, net.caffemodel, tmp_path / "net.onnx", dynamic=True)
    assert done.path is not None
    model = bridge.onnx_to_keras(done.path)
    assert model.input_shape == (None, None, None, 3)
    x = np.random.default_rng(0).uniform(-1, 1, (2, 3, 40, 36)).astype(np.float32)
    (expected,) = OnnxRunner(done.path).run({"data": x}).values()
    result = np.asarray(model(x.transpose(0, 2, 3, 1)))
    np.testing.assert_allclose(result.reshape(expected.shape), expected, rtol=0, atol=1e-5)
