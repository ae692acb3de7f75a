"""Graphs that point into a caffemodel: what that file was when they were written.

ONNX says where the weights lie, and not of which file they are. So a linked graph holds, in its
metadata, the size of each file that it points into and a digest of what it takes from there: of the
first and the last page of every linked weight, so that a check reads kilobytes of a file of any
size. Training a net on, or converting it anew, changes every weight; a change of a few numbers in
the midst of one is not seen.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

import onnx
from onnx import StringStringEntryProto, TensorProto

from bridge.errors import GraphError

KEY = "bridge.linked"
_PAGE = 4096

Position = tuple[int, int]
"""Where a weight begins in its file, and its length, in bytes."""


def metadata(
    files: Mapping[tuple[Path, str], Iterable[Position]],
) -> StringStringEntryProto:
    """The entry for a graph that has weights at these positions of files, each with its path and
    its name in the graph."""
    states = {location: _state(file, positions) for (file, location), positions in files.items()}
    return StringStringEntryProto(key=KEY, value=json.dumps(states, sort_keys=True))


def refuse_changed(model: onnx.ModelProto, path: Path) -> None:
    """Raises GraphError where a file that a graph was linked to is another one now. All of its data
    are known to be there."""
    entries = {entry.key: entry.value for entry in model.metadata_props}
    if KEY not in entries:
        return
    positions: dict[str, list[Position]] = {}
    for tensor in model.graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:
            data = {entry.key: entry.value for entry in tensor.external_data}
            position = int(data.get("offset", 0)), int(data.get("length", 0))
            positions.setdefault(data["location"], []).append(position)
    for location, state in _states(entries[KEY], path).items():
        file = path.parent / location
        if location in positions and _state(file, positions[location]) != state:
            raise GraphError(
                f"{file.name} has changed since the graph was linked to it",
                where=path,
                expected=f"the file that caffe-to-onnx has read, of {state.get('bytes')} bytes",
                received=f"{file.stat().st_size} bytes, and other weights",
                hint="convert the net again, or restore the caffemodel that it was linked to",
            )


def _states(text: str, path: Path) -> dict[str, dict[str, object]]:
    try:
        states = json.loads(text)
        if all(isinstance(state, dict) for state in states.values()):
            return dict(states)
    except (ValueError, AttributeError, RecursionError):
        pass
    raise GraphError(f"its metadata {KEY!r} are damaged", where=path, received=text[:100])


def _state(file: Path, positions: Iterable[Position]) -> dict[str, object]:
    digest = sha256()
    with file.open("rb", buffering=0) as source:
        if hasattr(os, "posix_fadvise"):  # or megabytes around each page are fetched
            os.posix_fadvise(source.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        for begin, length in sorted(set(positions)):
            for start in sorted({begin, max(begin, begin + length - _PAGE)}):
                source.seek(start)
                digest.update(source.read(min(_PAGE, begin + length - start)))
    return {"bytes": file.stat().st_size, "sha256": digest.hexdigest()}
