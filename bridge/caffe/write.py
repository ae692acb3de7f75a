"""Writing a caffemodel: V2 layers, each with its blobs as packed float32."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# A layer to write: its name, its type, and its blobs.
Written = tuple[str, str, Sequence[NDArray[Any]]]

_BYTES = 2  # wire type of everything that has a length


def write_caffemodel(path: str | Path, name: str, layers: Iterable[Written]) -> None:
    """Write a caffemodel that Caffe reads; field numbers are those of schema/caffe.proto."""
    with Path(path).open("wb") as file:
        file.write(_field(1, name.encode()))
        for layer, type_, blobs in layers:
            parts = [_field(1, layer.encode()), _field(2, type_.encode())]
            parts += [_field(7, _blob(np.asarray(blob))) for blob in blobs]
            file.write(_field(100, b"".join(parts)))


def _blob(array: NDArray[Any]) -> bytes:
    dims = b"".join(map(_varint, array.shape))
    return _field(7, _field(1, dims)) + _field(5, array.astype("<f4").tobytes())


def _field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
