"""predict in Python: the digits of models/, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnx.parser
import pytest

import bridge
from bridge.errors import UsageError
from tests.structure.test_mirror import ROOT

DIGITS = ROOT / "models/digits-lenet"
NET = DIGITS / "deploy.prototxt", DIGITS / "weights.caffemodel"
TO_ONE = 1 / 255


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three images of the net's test, as files."""
    folder = tmp_path_factory.mktemp("digits")
    with np.load(DIGITS / "test.npz") as arrays:
        images, labels = arrays["images"][:3, 0], arrays["labels"][:3]
    paths = [folder / f"{number}-{label}.png" for number, label in enumerate(labels)]
    for path, image in zip(paths, images, strict=True):
        cv2.imwrite(str(path), (image * 255).round().astype(np.uint8))
    return paths


def label(path: Path) -> str:
    return path.stem.partition("-")[2]


def test_digits_are_read(digits: list[Path], tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("\n".join(f"a {digit}" for digit in range(10)))
    result = bridge.predict(NET, digits, scale=TO_ONE, labels=names, top=3)
    assert [image.image for image in result.images] == digits
    assert [str(image.best) for image in result.images] == [f"a {label(x)}" for x in digits]
    assert {len(image.answers[0].guesses) for image in result.images} == {3}
    assert repr(result).endswith(f"{digits[2].name} a {label(digits[2])}>")
    assert result._repr_html_().count(f"<td>{digits[0].name}</td><td>prob</td>") == 3
    assert json.loads(json.dumps(result.as_dict()))["images"][0]["image"] == str(digits[0])


def test_a_picture_is_written(digits: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    bridge.predict(NET, digits[0], scale=TO_ONE, output=path)
    assert cv2.imread(str(path)).shape == (320, 320, 3)


def test_no_input_is_overwritten(digits: list[Path]) -> None:
    before = digits[0].read_bytes()
    with pytest.raises(UsageError, match="would overwrite an input"):
        bridge.predict(NET, digits[0], scale=TO_ONE, output=digits[0])
    assert digits[0].read_bytes() == before


def test_a_preprocessing_that_nobody_states_is_refused(digits: list[Path]) -> None:
    with pytest.raises(UsageError, match="unknown how this net wants its images") as refusal:
        bridge.predict(NET, digits[0])
    assert "by --mean and --scale" in str(refusal.value)


def test_what_can_be_refused_at_once_is_refused_before_the_model_is_opened(
    digits: list[Path], tmp_path: Path
) -> None:
    model = tmp_path / "net.keras"
    model.write_bytes(b"Keras would refuse it")
    with pytest.raises(UsageError, match="unknown how this net wants its images"):
        bridge.predict(model, digits[0])
    with pytest.raises(UsageError, match="cannot read the image"):
        bridge.predict(model, tmp_path / "missing.png", scale=TO_ONE)


def test_other_calls_that_cannot_be_meant(digits: list[Path], tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("one\ntwo\n")
    with pytest.raises(UsageError, match="the names do not fit the net's classes"):
        bridge.predict(NET, digits[0], scale=TO_ONE, labels=names)
    with pytest.raises(UsageError, match="one picture is written, of one image"):
        bridge.predict(NET, digits, scale=TO_ONE, output=tmp_path / "out.png")
    with pytest.raises(UsageError, match="unknown kind of picture"):
        bridge.predict(NET, digits[0], scale=TO_ONE, output=tmp_path / "out.txt")
    with pytest.raises(UsageError, match="no image is named"):
        bridge.predict(NET, [], scale=TO_ONE)
    with pytest.raises(UsageError, match="not an image that OpenCV can read"):
        bridge.predict(NET, names, scale=TO_ONE)


# The head of an SSD, with one box that is always there: the middle of what is fed.
BOX = """<ir_version: 8, opset_import: ["":17]>
g (float[1,3,16,16] x) => (float[1,1,1,7] y)
<float[1,1,1,7] box = {0, 1, 0.9, 0.25, 0.25, 0.75, 0.75}, float[1,1,1,1] none = {0}>
{
  high = ReduceMax<keepdims = 1>(x)
  zero = Mul(high, none)
  y = Add(box, zero)
}"""


def test_boxes_are_where_they_are_on_the_picture(tmp_path: Path) -> None:
    """Also if the net takes the middle of it alone, as a mean image that is larger says."""
    path, mean = tmp_path / "x.png", tmp_path / "mean.npy"
    cv2.imwrite(str(path), np.zeros((64, 128, 3), np.uint8))
    np.save(mean, np.zeros((3, 32, 32), np.float32))
    model = onnx.parser.parse_model(BOX)
    whole = bridge.predict(model, path, scale=1).images[0].best
    middle = bridge.predict(model, path, mean=mean).images[0].best
    assert whole is not None
    assert middle is not None
    assert whole.box == (32, 16, 96, 48)
    assert middle.box == (48, 24, 80, 40)
