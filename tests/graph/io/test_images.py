from __future__ import annotations

import pytest

from bridge.graph.io.images import Pixels, of_bytes


def written(name: str) -> dict[str, str]:
    return {entry.key: entry.value for entry in of_bytes(name)}


def test_what_is_written_is_read() -> None:
    assert Pixels.of(written("Rgb8")) == Pixels("Rgb8")
    assert Pixels.of(written("Gray8")) == Pixels("Gray8")


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
    pixels = Pixels.of(entries)
    assert (None if pixels is None else pixels.divisor) == expected
    assert pixels is None or not pixels.rgb
