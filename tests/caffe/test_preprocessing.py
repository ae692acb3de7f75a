"""By the rules of numpy: what the graph does to an image is what is written here by hand."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

import bridge
from bridge.caffe import Net
from bridge.caffe.preprocessing import preprocessed, read_mean
from bridge.errors import UsageError, WeightsError
from bridge.files.wire import field, varint
from bridge.graph.io.images import Pixels
from bridge.lower import lower

ReadText = Callable[..., Net]
Array = NDArray[np.float32]

NET = """
input: "data" input_shape { dim: 2 dim: 3 dim: 4 dim: 5 }
layer { name: "double" type: "Power" bottom: "data" top: "y" power_param { scale: 2 } }
"""
IMAGE = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5)).astype(np.float32)
MEANS = np.array([104, 117, 123], np.float32)


@pytest.fixture
def prototxt(tmp_path: Path) -> Path:
    path = tmp_path / "net.prototxt"
    path.write_text(NET)
    return path


def binaryproto(path: Path, mean: Array) -> Path:
    """As compute_image_mean writes it: four legacy dims."""
    dims = b"".join(varint(n << 3) + varint(d) for n, d in enumerate((1, *mean.shape), start=1))
    path.write_bytes(dims + field(5, mean.astype("<f4").tobytes()))
    return path


def run(prototxt: Path, image: Array, **options: object) -> Array:
    path = prototxt.with_suffix(".onnx")
    bridge.caffe_to_onnx(prototxt, None, path, **options)
    (result,) = onnxruntime.InferenceSession(path).run(["y"], {"data": image})
    return np.asarray(result)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"mean": 7}, IMAGE - 7),
        ({"mean": (104, 117, 123)}, IMAGE - MEANS[:, None, None]),
        ({"scale": 0.5}, IMAGE * np.float32(0.5)),
        ({"scale": (0.5,)}, IMAGE * np.float32(0.5)),
        ({"scale": (0.5, 1, 2)}, IMAGE * np.float32([0.5, 1, 2])[:, None, None]),
        (
            {"mean": (104, 117, 123), "scale": (0.25, 3, 1), "rgb": True},
            (IMAGE[:, ::-1] - MEANS[:, None, None]) * np.float32([0.25, 3, 1])[:, None, None],
        ),
        ({"rgb": True}, IMAGE[:, ::-1]),
        (
            {"mean": MEANS.tolist(), "scale": 0.017, "rgb": True},
            (IMAGE[:, ::-1] - MEANS[:, None, None]) * np.float32(0.017),
        ),
    ],
    ids=str,
)
def test_the_graph_prepares_the_image(
    prototxt: Path, options: dict[str, object], expected: Array
) -> None:
    np.testing.assert_array_equal(run(prototxt, IMAGE, **options), 2 * expected)


@pytest.mark.parametrize("suffix", [".binaryproto", ".npy"])
@pytest.mark.parametrize("larger", [0, 3])
def test_a_mean_image_is_cut_as_the_image_itself(
    prototxt: Path, tmp_path: Path, suffix: str, larger: int
) -> None:
    mean = np.random.default_rng(1).random((3, 4 + larger, 5 + larger), np.float32)
    path = tmp_path / f"mean{suffix}"
    if suffix == ".npy":
        np.save(path, mean.astype(np.float64))
    else:
        binaryproto(path, mean)
    middle = mean[:, larger // 2 :, larger // 2 :][:, :4, :5]
    np.testing.assert_array_equal(run(prototxt, IMAGE, mean=path), 2 * (IMAGE - middle))


def test_keras_prepares_it_too_without_a_transpose(prototxt: Path, tmp_path: Path) -> None:
    mean = np.random.default_rng(1).random((3, 4, 5), np.float32) * 200
    raised = bridge.convert.raise_caffe(
        prototxt,
        mean=binaryproto(tmp_path / "mean.binaryproto", mean),
        scale=0.25,
        rgb=True,
        check=True,
    )
    assert not raised.plan.permutations
    assert raised.model.count_params() == 0
    result = np.asarray(raised.model(IMAGE.transpose(0, 2, 3, 1)))
    expected = 2 * (IMAGE[:, ::-1] - mean) * np.float32(0.25)
    np.testing.assert_allclose(result, expected.transpose(0, 2, 3, 1), rtol=1e-6)


def test_a_scale_has_a_number_for_each_channel_or_one(prototxt: Path) -> None:
    with pytest.raises(UsageError, match="a scale of 2 numbers does not fit the input 'data'"):
        run(prototxt, IMAGE, scale=(1, 2))
    with pytest.raises(UsageError, match="scale cannot be this"):
        run(prototxt, IMAGE, scale=(1, float("nan"), 1))
    assert run(prototxt, IMAGE, scale=(1, 1, 1)).tolist() == (2 * IMAGE).tolist()


def test_steps_are_named_and_what_the_net_reads_is_theirs(read_text: ReadText) -> None:
    net = preprocessed(read_text(NET), mean=1, scale=2, rgb=True)
    assert [layer.name for layer in net.layers] == ["data_bgr", "data_mean", "data_scale", "double"]
    assert net.layers[-1].bottoms == ("data_scale",)
    assert [entry.name for entry in net.inputs] == ["data"]


@pytest.mark.parametrize(
    ("channels", "rgb", "expected"),
    [(3, True, "Rgb8"), (3, False, "Bgr8"), (1, False, "Gray8"), (2, False, "")],
)
def test_the_graph_says_which_images_it_takes(
    read_text: ReadText, channels: int, rgb: bool, expected: str
) -> None:
    net = preprocessed(read_text(NET.replace("dim: 3", f"dim: {channels}")), mean=1, rgb=rgb)
    assert [entry.pixels for entry in net.inputs] == [expected]
    proto = lower(net).proto
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    assert Pixels.of(metadata) == (Pixels(expected) if expected else None)
    assert proto.graph.input[0].type.denotation == ("IMAGE" if expected else "")


def test_names_of_the_net_are_not_taken(read_text: ReadText) -> None:
    net = preprocessed(read_text(NET.replace("double", "data_mean")), mean=1)
    assert [layer.name for layer in net.layers] == ["data_mean_", "data_mean"]


def test_an_output_that_is_the_input_is_prepared(read_text: ReadText) -> None:
    net = read_text(
        'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: 1 dim: 1 '
        "dim: 1 dim: 1 } } }"
    )
    assert preprocessed(net, scale=2).outputs == ("x_scale",)


# ---- what a prototxt says --------------------------------------------------------------------

DATA = """
layer {{ name: "d" type: "Data" top: "data" top: "label"
  {message} {{ {fields} }} data_param {{ batch_size: 2 }} }}
layer {{ name: "r" type: "ReLU" bottom: "data" top: "y" }}
"""


@pytest.mark.parametrize(
    ("message", "fields", "options"),
    [
        ("transform_param", "crop_size: 4", None),
        ("transform_param", "mean_value: 104 mean_value: 117.5", "--mean 104,117.5"),
        ("transform_param", 'mean_file: "m.binaryproto"', "--mean m.binaryproto"),
        ("transform_param", "mean_value: 9 scale: 0.5", "--mean 9 --scale 0.5"),
        ("data_param", "scale: 0.00390625", "--scale 0.00390625"),
    ],
)
def test_what_the_net_was_trained_on_is_told(
    read_text: ReadText, message: str, fields: str, options: str | None
) -> None:
    net = preprocessed(read_text(DATA.format(message=message, fields=fields)))
    messages = [warning for warning in net.warnings if "preprocessed" in warning]
    assert len(messages) == (options is not None)
    assert all(warning.endswith(f"does so itself with {options}") for warning in messages)
    assert all("net.prototxt:2:1: input 'data'" in warning for warning in messages)


# ---- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (NET.replace("dim: 4", ""), "which input"),
        (NET + 'input: "other" input_shape { dim: 1 dim: 3 dim: 4 dim: 5 }', "which input"),
        (DATA.format(message="transform_param", fields="crop_size: 4"), "shape .* is unknown"),
        (NET.replace("dim: 3", "dim: 1"), "--rgb does not fit"),
    ],
)
def test_images_that_are_not_clear_are_refused(
    read_text: ReadText, text: str, problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        preprocessed(read_text(text), rgb=True)


def test_a_mean_of_other_channels_is_refused(read_text: ReadText) -> None:
    with pytest.raises(UsageError, match="a mean of 2 numbers does not fit"):
        preprocessed(read_text(NET), mean=(1, 2))


@pytest.mark.parametrize("shape", [(1, 4, 5), (3, 4, 4), (2,)])
def test_a_mean_image_that_does_not_fit_is_refused(
    read_text: ReadText, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    np.save(tmp_path / "mean.npy", np.zeros(shape))
    with pytest.raises(UsageError, match="the mean does not fit") as refusal:
        preprocessed(read_text(NET), mean=str(tmp_path / "mean.npy"))
    assert refusal.value.expected == "3 4 5, or larger"


def npy(array: np.ndarray) -> bytes:
    file = BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("mean.binaryproto", b"", "empty"),
        ("mean.binaryproto", b"\x0a\x03net", "not a mean image"),
        (
            "mean.binaryproto",
            field(7, field(1, b"\x02\x02")) + field(5, bytes(16)),
            "not a mean image",
        ),
        ("mean.binaryproto", b"\x01" + b"\xff" * 40, "damaged"),
        ("mean.npy", b"", r"not a \.npy file"),
        ("mean.npy", b"abc", r"not a \.npy file"),
        ("mean.npy", b"PK\5\6" + bytes(18), r"not a \.npy file"),
        ("mean.npy", npy(np.array(["text"])), "a mean has numbers"),
    ],
)
def test_what_is_no_mean_is_refused(
    tmp_path: Path, name: str, content: bytes, problem: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=problem):
        read_mean(tmp_path / name)


def test_a_mean_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the mean"):
        read_mean(tmp_path / "mean.binaryproto")
