"""Writing an ONNX file piece by piece, so that no weight need be in memory for it.

The file has one `graph`, in which each weight follows the beginning of its initializer: how long
all of them are is known before the first is read. Protobuf's own libraries would put a graph in
several pieces together, but other readers take the last piece for the whole.
Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np
import onnx
from onnx import TensorProto

from bridge.errors import WeightsError
from bridge.files.wire import begin
from bridge.graph.io.model import nbytes
from bridge.layout import Span, Weight
from bridge.public.progress import Bytes, uncounted

MODEL_GRAPH, GRAPH_INITIALIZER, TENSOR_RAW_DATA = 7, 5, 9

# What is copied at a time. The system's own copy between files (copy_file_range) takes twice as
# long where the bytes lie otherwise in their pages; so much stays in the processor's cache.
_CHUNK = 2**20
_MOST = 2**24  # of bytes that are written in one call: whoever counts them hears in between


class Initializer(NamedTuple):
    """An initializer as it will be written: `head`, and the numbers of the weight, if it has one.
    `size` is in bytes."""

    head: bytes
    weight: Weight | None
    size: int


def initializer(tensor: TensorProto, weight: Weight | None = None) -> Initializer:
    """A tensor without raw data, which it gets from the weight."""
    inner, following = tensor.SerializeToString(), 0
    if weight is not None:
        following = nbytes(weight)
        inner += begin(TENSOR_RAW_DATA, following)
    head = begin(GRAPH_INITIALIZER, len(inner) + following) + inner
    return Initializer(head, weight, len(head) + following)


def write_model(
    path: Path,
    proto: onnx.ModelProto,
    initializers: Sequence[Initializer],
    written: Bytes = uncounted,
) -> None:
    """A new file with the model, whose graph has these initializers besides its own."""
    graph = proto.graph.SerializeToString()
    rest = onnx.ModelProto()
    rest.CopyFrom(proto)
    rest.ClearField("graph")
    size = len(graph) + sum(one.size for one in initializers)
    with Target(path, size, written) as file:
        file.write(rest.SerializeToString() + begin(MODEL_GRAPH, size) + graph)
        for head, weight, _ in initializers:
            file.write(head)
            if weight is not None:
                file.write_weight(weight)


class Target:
    """A new file of about `total` bytes, written from its start to its end. Not buffered: weights
    are large."""

    def __init__(self, path: Path, total: int = 0, written: Bytes = uncounted) -> None:
        self._total, self._written = total, written
        self._file = path.open("xb", buffering=0)
        self._chunk = memoryview(bytearray(_CHUNK))
        self.position = 0

    def __enter__(self) -> Target:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._file.close()

    def write(self, data: bytes | memoryview) -> None:
        rest = memoryview(data)
        while rest:
            size = self._file.write(rest[:_MOST])
            self.position += size
            self._written(min(self.position, self._total), self._total)
            rest = rest[size:]

    def align(self, size: int) -> None:
        """Fills up with zeros to a multiple of `size`."""
        self.write(bytes(-self.position % size))

    def write_weight(self, weight: Weight) -> None:
        """The weight's bytes: from file to file where they lie in one as they are."""
        if weight.span:
            self.copy(weight.span)
        else:
            self.write(weight.array().reshape(-1).view(np.uint8).data)

    def copy(self, span: Span) -> None:
        """So many bytes of another file. Raises WeightsError where it ends before."""
        with span.path.open("rb", buffering=0) as source:
            source.seek(span.offset)
            rest = span.length
            while rest:
                size = source.readinto(self._chunk[:rest])
                if not size:
                    raise WeightsError("the file ends within a weight", where=span.path)
                self.write(self._chunk[:size])
                rest -= size
