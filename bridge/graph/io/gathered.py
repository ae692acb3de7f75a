"""Graphs with weights in other folders, where a user allows that.

Nothing here takes weights from outside of a graph's folder, and nor does onnxruntime. So the graph
and what it takes from its files are copied to a folder of their own for as long as they are used.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto

from bridge.errors import GraphError
from bridge.graph.io.mapped import load_unread
from bridge.graph.io.model import set_external
from bridge.graph.io.soundness import refuse_unsound
from bridge.graph.io.tensors import is_outside, span_of, tensors_of
from bridge.graph.io.wire import Target
from bridge.layout import Span

_DATA = "weights.data"


@dataclass(frozen=True)
class Gathered:
    """A graph as a file with its weights beside it, and the `files` that it was read from."""

    path: Path
    files: tuple[Path, ...]


@contextmanager
def gathered(path: Path, *, allow_external_path: bool) -> Iterator[Gathered]:
    """The graph of `path` itself, unless it has weights elsewhere and is allowed to.

    Raises GraphError where they are not sound, or overlap: a file of a few bytes could name the
    same gigabytes a thousand times.
    """
    proto = _with_weights_elsewhere(path) if allow_external_path else None
    if proto is None:
        yield Gathered(path, (path,))
        return
    refuse_unsound(proto, path, allow_external_path=True)
    outside = [x for x in tensors_of(proto) if x.data_location == TensorProto.EXTERNAL]
    spans = {id(tensor): span_of(tensor, path) for tensor in outside}
    files = list(dict.fromkeys(span.path for span in spans.values()))
    wanted = list(dict.fromkeys(spans.values()))
    if sum(span.length for span in wanted) > sum(file.stat().st_size for file in files):
        raise GraphError("its weights overlap", where=path, expected="no byte in two of them")
    with tempfile.TemporaryDirectory() as folder:
        offsets = _copied(wanted, Path(folder) / _DATA)
        for tensor in outside:
            span = spans[id(tensor)]
            del tensor.external_data[:]
            set_external(tensor, _DATA, offsets[span], span.length)
        copy = Path(folder) / (path.name if path.name != _DATA else "model.onnx")
        copy.write_bytes(proto.SerializeToString())
        yield Gathered(copy, (path, *files))


def _with_weights_elsewhere(path: Path) -> onnx.ModelProto | None:
    """None where there are none, and for a file that cannot be read: who reads it says why."""
    try:
        proto = load_unread(path) if path.is_file() else None
    except (OSError, DecodeError, ValueError):
        return None
    if proto is None or not any(is_outside(tensor, path) for tensor in tensors_of(proto)):
        return None
    return proto


def _copied(spans: Sequence[Span], path: Path) -> dict[Span, int]:
    """Where each of the spans begins in a new file of them."""
    offsets = {}
    with Target(path) as file:
        for span in spans:
            offsets[span] = file.position
            file.copy(span)
    return offsets
