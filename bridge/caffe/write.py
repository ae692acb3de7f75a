"""Writing a caffemodel: V2 layers, each with its blobs as packed float32."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from bridge.files.wire import begin, field, varint
from bridge.types import Array

# A layer to write: its name, its type, and its blobs.
Written = tuple[str, str, Sequence[ArrayLike]]


def write_caffemodel(path: str | Path, name: str, layers: Iterable[Written]) -> None:
    """Write a caffemodel that Caffe reads; field numbers are those of schema/caffe.proto.

    At most one layer's blobs are in memory at a time, and only once.
    """
    with Path(path).open("wb") as file:
        file.write(field(1, name.encode()))
        for layer, type_, blobs in layers:
            head = field(1, layer.encode()) + field(2, type_.encode())
            arrays = [np.ascontiguousarray(blob, "<f4").reshape(np.shape(blob)) for blob in blobs]
            heads = [_blob_head(array) for array in arrays]
            size = sum(len(h) + array.nbytes for h, array in zip(heads, arrays, strict=True))
            file.write(begin(100, len(head) + size) + head)
            for blob_head, array in zip(heads, arrays, strict=True):
                file.write(blob_head)
                file.write(array.reshape(-1).view(np.uint8).data)


def _blob_head(array: Array) -> bytes:
    """A blob up to its numbers, which must be written right after it."""
    dims = b"".join(map(varint, array.shape))
    inner = field(7, field(1, dims)) + begin(5, array.nbytes)
    return begin(7, len(inner) + array.nbytes) + inner
