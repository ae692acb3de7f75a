from __future__ import annotations

import pytest
from onnx import StringStringEntryProto

from bridge.graph.io.images import Pixels, of_bytes


def test_what_is_written_is_read() -> None:
    assert Pixels.of(of_bytes("Rgb8")) == Pixels("Rgb8")
    assert Pixels.of(of_bytes("Gray8")) == Pixels("Gray8")


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"image.bitmappixelformat": "bgr8", "Image.NominalPixelRange": "Normalized_0_1"}, 255),
        ({"Image.BitmapPixelFormat": "Bgr8", "Image.NominalPixelRange": "normalized_1_1"}, 127.5),
        ({"Image.BitmapPixelFormat": "Bgr8"}, None),
        ({"Image.BitmapPixelFormat": "Bgra8", "Image.NominalPixelRange": "Normalized_0_1"}, None),
        ({}, None),
    ],
)
def test_keys_and_values_in_any_letters(entries: dict[str, str], expected: float | None) -> None:
    props = [StringStringEntryProto(key=key, value=value) for key, value in entries.items()]
    pixels = Pixels.of(props)
    assert (None if pixels is None else pixels.divisor) == expected
    assert pixels is None or not pixels.rgb
