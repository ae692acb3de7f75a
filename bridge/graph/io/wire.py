"""Writing an ONNX file piece by piece, so that no weight need be in memory for it.

Serialised protobuf messages concatenate: a parser merges the second into the first. So a model
without initializers, followed by one tiny model for each weight that holds just that weight, is
one valid file. Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

import numpy as np
from onnx import TensorProto

from bridge.errors import WeightsError
from bridge.files.wire import begin
from bridge.layout import Span, Weight

MODEL_GRAPH, GRAPH_INITIALIZER, TENSOR_RAW_DATA = 7, 5, 9

# Why the kernel may decline to copy between two files by itself: then it goes through memory.
_NOT_BY_THE_KERNEL = {errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM}
_CHUNK = 2**24


def frame(tensor: TensorProto, following: int = 0) -> bytes:
    """A ModelProto with `tensor` as its one initializer; `following` bytes of raw data, the end
    of the tensor, have to be written right after it."""
    inner = tensor.SerializeToString()
    if following:
        inner += begin(TENSOR_RAW_DATA, following)
    graph = begin(GRAPH_INITIALIZER, len(inner) + following) + inner
    return begin(MODEL_GRAPH, len(graph) + following) + graph


class Target:
    """A new file, written from its start to its end. Not buffered: the kernel writes to it too."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb", buffering=0)
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
            written = self._file.write(rest)
            self.position += written
            rest = rest[written:]

    def align(self, size: int) -> None:
        """Fills up with zeros to a multiple of `size`."""
        self.write(bytes(-self.position % size))

    def write_weight(self, weight: Weight) -> None:
        """The weight's bytes: copied by the kernel where they lie in a file as they are."""
        if weight.span:
            self._copy(weight.span)
        else:
            self.write(weight.array().reshape(-1).view(np.uint8).data)

    def _copy(self, span: Span) -> None:
        end = self.position + span.length
        with span.path.open("rb", buffering=0) as source:
            while (rest := end - self.position) > 0:
                if not self._copy_some(source.fileno(), span.offset + span.length - rest, rest):
                    raise WeightsError("the file ends within a weight", where=span.path)

    def _copy_some(self, source: int, offset: int, length: int) -> int:
        with suppress(AttributeError), _declined():  # AttributeError: only Linux has it
            size = os.copy_file_range(source, self._file.fileno(), length, offset_src=offset)
            self.position += size
            return size
        os.lseek(source, offset, os.SEEK_SET)
        data = os.read(source, min(length, _CHUNK))
        self.write(data)
        return len(data)


@contextmanager
def _declined() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _NOT_BY_THE_KERNEL:
            raise
