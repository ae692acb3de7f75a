"""Writing a caffemodel: V2 layers, each with its blobs as packed float32."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.caffe.wire import field, varint

# A layer to write: its name, its type, and its blobs.
Written = tuple[str, str, Sequence[NDArray[Any]]]


def write_caffemodel(path: str | Path, name: str, layers: Iterable[Written]) -> None:
    """Write a caffemodel that Caffe reads; field numbers are those of schema/caffe.proto."""
    with Path(path).open("wb") as file:
        file.write(field(1, name.encode()))
        for layer, type_, blobs in layers:
            parts = [field(1, layer.encode()), field(2, type_.encode())]
            parts += [field(7, _blob(np.asarray(blob))) for blob in blobs]
            file.write(field(100, b"".join(parts)))


def _blob(array: NDArray[Any]) -> bytes:
    dims = b"".join(map(varint, array.shape))
    return field(7, field(1, dims)) + field(5, array.astype("<f4").tobytes())
