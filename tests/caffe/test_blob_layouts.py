from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bridge.caffe import Net, read
from bridge.caffe.blob_layouts import BlobLayout
from bridge.errors import WeightsError
from bridge.files.wire import field, varint

ReadText = Callable[..., Net]

INPUT = """layer { name: "in" type: "Input" top: "x"
  input_param { shape { dim: 2 dim: %d dim: 4 dim: 4 } } }"""
NORM = 'layer { name: "n" type: "BatchNorm" bottom: "x" top: "n" batch_norm_param { %s } }'
VALUES = {
    "mean": np.float32([1, 2, 3]),
    "variance": np.float32([4, 5, 6]),
    "factor": np.float32([1]),
    "scale": np.float32([7, 8, 9]),
    "bias": np.float32([10, 11, 12]),
}
STATISTICS_FIRST = ["mean", "variance", "factor", "scale", "bias"]
SCALE_FIRST = ["scale", "bias", "mean", "variance", "factor"]
OLDEST = ["scale", "bias", "factor", "mean", "variance"]


def blobs(order: list[str], axes: int = 1, **others: Any) -> list[np.ndarray]:
    arrays = [np.float32(others.get(role, VALUES[role])) for role in order]
    return [array if axes == 1 else array.reshape(1, -1, 1, 1) for array in arrays]


def settings(net: Net) -> Any:
    return net.layers[0].params["batch_norm_param"]


@pytest.mark.parametrize(
    ("text", "order", "axes", "note"),
    [
        ("scale_bias: true", STATISTICS_FIRST, 1, None),
        ("scale_bias: true", STATISTICS_FIRST, 4, "axes of size 1"),
        ("scale_filler { }", STATISTICS_FIRST, 1, None),
        ("use_weight_bias: true", STATISTICS_FIRST, 1, None),
        ("", STATISTICS_FIRST, 1, "after the statistics, as in Intel's"),
        ("", SCALE_FIRST, 1, "before the statistics, as in NVIDIA's Caffe 0.15"),
        ("scale_filler { }", SCALE_FIRST, 4, "axes of size 1"),
        ("shift_filler { }", SCALE_FIRST, 1, None),
    ],
)
def test_lowering_sees_one_order(
    read_text: ReadText, text: str, order: list[str], axes: int, note: str | None
) -> None:
    net = read_text(INPUT % 3 + NORM % text, {"n": blobs(order, axes)})
    (layer,) = net.layers
    for role, blob in zip(STATISTICS_FIRST, layer.blobs, strict=True):
        np.testing.assert_array_equal(blob.array(), VALUES[role])
        assert blob.origin is not None
        assert blob.origin.index == order.index(role)
    assert all((note or "-") in warning for warning in net.warnings)
    assert len(net.warnings) == (note is not None)


def test_a_scale_may_have_no_bias(read_text: ReadText) -> None:
    net = read_text(INPUT % 3 + NORM % "", {"n": blobs(STATISTICS_FIRST[:4])})
    assert len(net.layers[0].blobs) == 4
    assert settings(net) == {"use_weight_bias": True, "bias_term": False}


@pytest.mark.parametrize("factor", [0, 1])
def test_a_factor_that_is_not_looked_at_is_nvidias(read_text: ReadText, factor: float) -> None:
    net = read_text(INPUT % 3 + NORM % "", {"n": blobs(SCALE_FIRST, factor=[factor])})
    assert settings(net) == {"scale_bias": True}


def test_a_factor_of_two_meanings_is_refused(read_text: ReadText) -> None:
    for silent in ("", "scale_filler { }"):
        with pytest.raises(WeightsError, match="two forks use the factor differently") as refusal:
            read_text(INPUT % 3 + NORM % silent, {"n": blobs(SCALE_FIRST, factor=[999.5])})
        assert "shift_filler" in str(refusal.value.hint)
    for fields in ("shift_filler { }", "scale_filler { } bias_filler { }"):
        read_text(INPUT % 3 + NORM % fields, {"n": blobs(SCALE_FIRST, factor=[999.5])})


def test_a_factor_without_its_number_is_refused(tmp_path: Path) -> None:
    def shape(size: int) -> bytes:
        return field(7, field(1, varint(size)))

    blob, empty = field(7, shape(3) + field(5, bytes(12))), field(7, shape(1))
    layer = field(1, b"n") + field(2, b"BatchNorm") + 4 * blob + empty
    (tmp_path / "net.caffemodel").write_bytes(field(1, b"net") + field(100, layer))
    (tmp_path / "net.prototxt").write_text(INPUT % 3 + NORM % "")
    with pytest.raises(WeightsError, match="has 0 values in the caffemodel"):
        read(tmp_path / "net.prototxt", tmp_path / "net.caffemodel")


@pytest.mark.parametrize(
    ("channels", "text", "order", "axes"),
    [
        (3, "scale_filler { }", STATISTICS_FIRST, 4),  # NVIDIA's of 2015 has these shapes too
        (3, "", OLDEST, 4),
        (1, "scale_filler { }", STATISTICS_FIRST, 1),
        (1, "", SCALE_FIRST, 1),
    ],
)
def test_an_order_that_stays_ambiguous_is_refused(
    read_text: ReadText, channels: int, text: str, order: list[str], axes: int
) -> None:
    cut = {role: array[:channels] for role, array in VALUES.items()}
    with pytest.raises(WeightsError, match="the order of its blobs is ambiguous") as refusal:
        read_text(INPUT % channels + NORM % text, {"n": blobs(order, axes, **cut)})
    assert "mean variance factor scale bias, or scale bias" in str(refusal.value.expected)
    read_text(INPUT % channels + NORM % "scale_bias: true", {"n": blobs(STATISTICS_FIRST, **cut)})


def test_a_layout_goes_by_the_numbers_of_numbers() -> None:
    layout = BlobLayout(("mean", "variance", "factor"))
    assert layout.fits([(3,), (1, 3, 1, 1), ()])
    assert not layout.fits([(3,), (2,), (1,)])
    assert not layout.fits([(3,), (3,), (3,)])
    assert not layout.fits([(3,), (3,)])


STATISTICS = [VALUES["mean"], VALUES["variance"]]


def test_statistics_without_a_factor_have_1(read_text: ReadText) -> None:
    net = read_text(INPUT % 3 + NORM % "", {"n": STATISTICS})
    mean, variance, factor = (blob.array() for blob in net.layers[0].blobs)
    np.testing.assert_array_equal([mean, variance], STATISTICS)
    np.testing.assert_array_equal(factor, [1])
    (warning,) = net.warnings
    assert warning == (
        "the caffemodel has a mean and a variance without a factor, which is taken as 1: n"
    )


def test_a_factor_of_0_beside_statistics_is_a_warning(read_text: ReadText) -> None:
    (warning,) = read_text(INPUT % 3 + NORM % "", {"n": [*STATISTICS, [0.0]]}).warnings
    assert "a factor of 0 with a mean and a variance that are not 0" in warning
    untrained = [np.zeros(3), np.zeros(3), [0.0]]
    assert not read_text(INPUT % 3 + NORM % "", {"n": untrained}).warnings
    nvidias = "scale_bias: true"
    blobs = [*STATISTICS, [0.0], *STATISTICS]
    assert not read_text(INPUT % 3 + NORM % nvidias, {"n": blobs}).warnings


@pytest.mark.parametrize(
    ("text", "count"),
    [("scale_bias: true", 3), ("use_weight_bias: false", 5), ("", 6), ("scale_bias: true", 4)],
)
def test_a_batch_norm_whose_text_and_blobs_contradict(
    read_text: ReadText, text: str, count: int
) -> None:
    blobs = [*STATISTICS, [1.0], *STATISTICS, [1.0]][:count]
    with pytest.raises(WeightsError, match="another number of blobs"):
        read_text(INPUT % 3 + NORM % text, {"n": blobs})
