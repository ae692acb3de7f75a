"""Which images a graph takes, in the words that ONNX has for it in a file's metadata.

Source: https://onnx.ai/onnx/repo-docs/MetadataProps.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from onnx import StringStringEntryProto

DENOTATION = "IMAGE"
"""The denotation of an input that takes such images."""

_FORMAT, _RANGE = "Image.BitmapPixelFormat", "Image.NominalPixelRange"
_FORMATS = ("Gray8", "Bgr8", "Rgb8")
_BYTES = "NominalRange_0_255"
# What is subtracted from a byte, and by what the difference is divided.
_RANGES: Mapping[str, tuple[float, float]] = {
    _BYTES: (0.0, 1.0),
    "Normalized_0_1": (0.0, 255.0),
    "Normalized_1_1": (127.5, 127.5),
}


@dataclass(frozen=True)
class Pixels:
    """The channels' order, `Gray8`, `Bgr8` or `Rgb8`, and the numbers: (byte - mean) / divisor."""

    format: str
    mean: float = 0.0
    divisor: float = 1.0

    @property
    def rgb(self) -> bool:
        return self.format == "Rgb8"

    @classmethod
    def of(cls, metadata: Mapping[str, str]) -> Self | None:
        """As a file's metadata have it; None if they do not say it all, or in other words."""
        texts = {key.lower(): value.lower() for key, value in metadata.items()}
        formats = {name.lower(): name for name in _FORMATS}
        ranges = {name.lower(): numbers for name, numbers in _RANGES.items()}
        name = formats.get(texts.get(_FORMAT.lower(), ""))
        numbers = ranges.get(texts.get(_RANGE.lower(), ""))
        return None if name is None or numbers is None else cls(name, *numbers)


def of_bytes(name: str) -> list[StringStringEntryProto]:
    """The metadata of a graph that takes images of this format, of numbers from 0 to 255."""
    entries = {_FORMAT: name, _RANGE: _BYTES}
    return [StringStringEntryProto(key=key, value=value) for key, value in entries.items()]
