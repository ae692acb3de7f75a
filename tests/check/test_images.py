"""Images: read, preprocessed, and with labels."""

from __future__ import annotations

from pathlib import Path
from struct import pack
from zlib import compress, crc32

import cv2
import numpy as np
import pytest

import bridge
from bridge.caffe.net import Input
from bridge.check.images import PLAIN, Preprocessing, labelled, pixels_of, read_image
from bridge.errors import Location, UsageError
from tests.helpers.small_net import PROTOTXT, Small, weights

# h w c, in OpenCV's order: blue, green, red.
BGR = np.uint8([[[1, 2, 3], [4, 5, 6]]])


def image(folder: Path, name: str, pixels: np.ndarray = BGR) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), pixels)
    return path


def said(**fields: object) -> Preprocessing:
    return Preprocessing.of(Input("data", (1, 3, 1, 2), Location("net.prototxt"), **fields))


def test_channels_come_first_in_opencvs_order() -> None:
    np.testing.assert_array_equal(PLAIN.apply(BGR), [[[1, 4]], [[2, 5]], [[3, 6]]])
    rgb = Preprocessing(np.zeros(1), rgb=True)
    np.testing.assert_array_equal(rgb.apply(BGR), [[[3, 6]], [[2, 5]], [[1, 4]]])


def test_the_mean_is_subtracted_before_the_scale() -> None:
    prepared = said(mean=(1.0, 2.0, 3.0), scale=0.5).apply(BGR)
    np.testing.assert_array_equal(prepared, [[[0, 1.5]], [[0, 1.5]], [[0, 1.5]]])
    np.testing.assert_array_equal(said(mean=(1.0,)).apply(BGR)[2], [[2, 5]])


def test_each_channel_may_have_its_scale() -> None:
    scale = np.float32([1, 2, 0.5])
    prepared = Preprocessing(np.float32([1]), scale).apply(BGR)
    np.testing.assert_array_equal(prepared, [[[0, 3]], [[2, 8]], [[1, 2.5]]])
    with pytest.raises(UsageError, match="the scale does not fit"):
        Preprocessing(np.zeros(1), scale[:2]).apply(BGR)


def test_of_a_mean_image_the_middle_counts() -> None:
    mean = np.zeros((3, 3, 4), np.float32)
    mean[:, 1, 1:3] = 1
    np.testing.assert_array_equal(Preprocessing(mean).apply(BGR), PLAIN.apply(BGR) - 1)


@pytest.mark.parametrize("shape", [(2,), (3, 1, 1), (3, 3, 1), (1, 1, 2)])
def test_a_mean_that_does_not_fit_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="the mean does not fit the images"):
        Preprocessing(np.zeros(shape)).apply(BGR)


def test_a_file_is_resized_to_what_the_net_takes(tmp_path: Path) -> None:
    path = image(tmp_path, "a.png")
    np.testing.assert_array_equal(read_image(path, (3, 1, 2), PLAIN), PLAIN.apply(BGR))
    assert read_image(path, (3, 8, 6), PLAIN).shape == (3, 8, 6)
    assert read_image(path, (1, 8, 6), PLAIN).shape == (1, 8, 6)


def test_the_middle_of_a_larger_image_is_cropped(tmp_path: Path) -> None:
    """As Caffe's data layers do in the phase TEST: from the size to which they resize, or from that
    of the mean image."""
    pixels = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    path = image(tmp_path, "a.png", pixels)
    middle = PLAIN.apply(pixels[1:3, 1:4])
    resized = Preprocessing(np.zeros(1), uncropped=(4, 5))
    np.testing.assert_array_equal(read_image(path, (3, 2, 3), resized), middle)
    of_mean = Preprocessing(np.ones((3, 4, 5)))
    np.testing.assert_array_equal(read_image(path, (3, 2, 3), of_mean), middle - 1)


def test_what_no_image_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="images cannot be fed to this net") as refusal:
        read_image(image(tmp_path, "a.png"), (4, 8, 6), PLAIN)
    assert refusal.value.expected == "1 or 3 channels"


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("not at all", encoding="utf-8")
    with pytest.raises(UsageError, match="not an image that OpenCV can read"):
        read_image(tmp_path / "a.png", (3, 8, 6), PLAIN)
    (tmp_path / "large.ppm").write_bytes(b"P6 2000000000 2000000000 255\n")
    with pytest.raises(UsageError, match="not an image that OpenCV can read") as refusal:
        read_image(tmp_path / "large.ppm", (3, 8, 6), PLAIN)
    assert "MAX_IMAGE" in str(refusal.value)
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(UsageError, match="not an image that OpenCV can read"):
        read_image(tmp_path / "a.png", (3, 8, 6), PLAIN)
    with pytest.raises(UsageError, match="cannot read the image"):
        read_image(tmp_path / "missing.png", (3, 8, 6), PLAIN)


def labels_of(path: Path) -> list[int]:
    images = labelled(path, (3, 1, 2), PLAIN)
    batches = list(images.batches(2))
    assert [len(arrays) for arrays, _ in batches[:-1]] == [2] * (len(batches) - 1)
    assert len(images) == sum(len(labels) for _, labels in batches)
    return [int(label) for _, labels in batches for label in labels]


def test_folders_of_digits_are_labels(tmp_path: Path) -> None:
    for name in ("7/a.png", "7/b.png", "0/a.png", "12/a.png"):
        image(tmp_path, name)
    (tmp_path / "7" / "notes.txt").touch()
    assert sorted(labels_of(tmp_path)) == [0, 7, 7, 12]


def test_other_folders_are_numbered_as_they_sort(tmp_path: Path) -> None:
    for name in ("dog/a.png", "cat/a.png", "cat/b.png"):
        image(tmp_path, name)
    assert labels_of(tmp_path) == [0, 0, 1]


def test_a_list_is_read_as_caffe_reads_it(tmp_path: Path) -> None:
    image(tmp_path, "images/my cat.png")
    image(tmp_path, "b.png")
    (tmp_path / "labels.txt").write_text("images/my cat.png 3\n\nb.png 0\n", encoding="utf-8")
    assert labels_of(tmp_path / "labels.txt") == labels_of(tmp_path) == [3, 0]


def test_arrays_are_taken_as_the_net_takes_them(tmp_path: Path) -> None:
    np.savez(tmp_path / "test.npz", images=np.zeros((3, 3, 1, 2)), labels=[[2], [0], [1]])
    assert labels_of(tmp_path / "test.npz") == [2, 0, 1]


def test_what_has_no_labels_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=np.zeros(3))
    np.savez(tmp_path / "b.npz", images=np.zeros(3), labels=np.zeros(2))
    (tmp_path / "list.txt").write_text("a.png 1\nb.png\n", encoding="utf-8")
    np.savez(tmp_path / "c.npz", images=np.zeros((2, 3, 2, 1)), labels=np.zeros(2))
    np.savez(tmp_path / "d.npz", images=np.zeros((2, 3, 1, 2)), labels=[1, 0.5])
    (tmp_path / "e.npz").touch()
    image(tmp_path, "image.png")
    (tmp_path / "empty").mkdir()
    for name, message in {
        "a.npz": "the images or their labels are missing",
        "b.npz": "images and labels do not match",
        "c.npz": "expected: n 3 1 2\n  received: 2 3 2 1",
        "d.npz": "labels must be whole numbers\n  received: 0.5",
        "e.npz": r"not an \.npz",
        "image.png": "not a list of images",
        "list.txt": "list.txt:2: not an image and its label",
        "empty": "no images with labels here",
        "missing": "no such file",
    }.items():
        with pytest.raises(UsageError, match=message):
            labelled(tmp_path / name, (3, 1, 2), PLAIN)


# --- fed to nets ----------------------------------------------------------------------------------

SAID = """
layer { name: "data" type: "ImageData" top: "data"
        transform_param { mean_value: 100 mean_value: 110 mean_value: 120 scale: 0.01 }
        image_data_param { new_height: 16 new_width: 16 } }
"""


def test_images_are_fed_as_the_prototxt_says(small: Small, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
    path = image(tmp_path, "a.png", pixels)
    text = SAID + PROTOTXT[PROTOTXT.index('layer { name: "conv1"') :]
    said = Small(tmp_path).write(text, weights())
    report = bridge.check((said.prototxt, said.caffemodel), small.onnx, images=path)
    assert report.ok
    assert report.fed == "a.png"
    assert not any("no prototxt has a preprocessing" in warning for warning in report.warnings)
    data = (pixels.transpose(2, 0, 1) - np.float32([[[100]], [[110]], [[120]]])) * 0.01
    by_hand = bridge.check(small.onnx, small.onnx, inputs={"data": data[None]})
    same = bridge.check(small.onnx, small.onnx, images=[path], mean=(100, 110, 120), scale=0.01)
    assert [row.limit for row in by_hand.rows] == pytest.approx([r.limit for r in same.rows])


def test_without_a_word_on_it_images_are_fed_as_they_are(small: Small, tmp_path: Path) -> None:
    paths = [image(tmp_path, f"{i}.png") for i in range(3)]
    report = bridge.check(small.onnx, small.keras, images=paths)
    assert report.rows[0].expected_shape[0] == 3
    assert any("no prototxt has a preprocessing" in warning for warning in report.warnings)


def test_no_more_images_than_a_fixed_batch_has(small: Small, tmp_path: Path) -> None:
    fixed = tmp_path / "fixed.onnx"
    bridge.caffe_to_onnx(small.prototxt, small.caffemodel, fixed, batch=2)
    paths = [image(tmp_path, f"{i}.png") for i in range(3)]
    assert bridge.check(fixed, fixed, images=paths[:1]).rows[0].expected_shape[0] == 2
    with pytest.raises(UsageError, match="more images than the net takes at a time"):
        bridge.check(fixed, fixed, images=paths)


def test_images_go_before_those_that_have_labels(small: Small, tmp_path: Path) -> None:
    np.savez(tmp_path / "test.npz", images=np.zeros((2, 3, 16, 16)), labels=[0, 4])
    path = image(tmp_path, "a.png")
    report = bridge.check(small.onnx, small.onnx, images=path, labels=tmp_path / "test.npz")
    assert report.fed == "a.png"
    assert report.accuracy is not None


def test_keras_alone_does_not_say_what_channels_are(small: Small, tmp_path: Path) -> None:
    path = image(tmp_path, "0/a.png")
    for files in ({"images": path}, {"labels": tmp_path}):
        with pytest.raises(UsageError, match="which axis of the input has the channels"):
            bridge.check(small.keras, small.keras, **files)
        assert bridge.check(small.keras, small.keras, graph=small.onnx, **files).ok


def test_images_of_any_size_need_a_size(small: Small, tmp_path: Path) -> None:
    free = tmp_path / "free.onnx"
    bridge.caffe_to_onnx(small.prototxt, small.caffemodel, free, dynamic=True)
    with pytest.raises(UsageError, match="takes images of any size"):
        bridge.check(free, free, images=image(tmp_path, "a.png"))


def test_a_net_that_takes_no_images_says_so(tmp_path: Path) -> None:
    import onnx

    from tests.helpers.keras_against_onnx import graph

    onnx.save(graph("g (float[b,4] x) => (float[b,4] y) { y = Relu(x) }"), tmp_path / "n.onnx")
    with pytest.raises(UsageError, match="images cannot be fed to this net"):
        bridge.check(tmp_path / "n.onnx", tmp_path / "n.onnx", images=image(tmp_path, "a.png"))


def test_an_image_of_very_many_pixels_is_refused(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return pack(">I", len(data)) + kind + data + pack(">I", crc32(kind + data))

    head = pack(">IIBBBBB", 10**5, 10**5, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", compress(b"")), chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    with pytest.raises(UsageError, match="not an image that OpenCV can read"):
        pixels_of(tmp_path / "a.png")
