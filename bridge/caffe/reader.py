"""Reading a Caffe net: the two files in, one `Net` out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bridge.caffe import prototxt as text
from bridge.caffe import weights
from bridge.caffe.assemble import State, assemble
from bridge.caffe.match import attach
from bridge.caffe.net import Net
from bridge.caffe.upgrade import upgrade
from bridge.errors import Location, UsageError


def read(prototxt: str | Path, caffemodel: str | Path | None = None, *, phase: str = "TEST") -> Net:
    """A Caffe net of any dialect, with its weights where a caffemodel is given.

    Without one, layers have no blobs. `phase` chooses among layers that have rules: TEST or TRAIN.
    Errors: UsageError for paths that cannot be read; PrototxtError, WeightsError for files that are
    broken or do not fit; UnsupportedError for blobs that share memory.
    """
    definition, warnings = text.load(_file(prototxt, "prototxt"))
    layers, more = upgrade(definition)
    stages = frozenset(definition.get("state", {}).get("stage", []))
    net, messages = assemble(definition.get("name", ""), layers, State(phase, stages=stages))
    net = replace(net, warnings=(*warnings, *more))
    if caffemodel is None:
        return net
    path = _file(caffemodel, "caffemodel")
    return attach(net, messages, weights.read(path), Location.of(path))


def _file(path: str | Path, what: str) -> Path:
    """A path that can be read. Errors: UsageError."""
    path = Path(path)
    if not path.is_file():
        received = "a directory" if path.is_dir() else "no such file"
        raise UsageError(f"cannot read the {what}", where=Location.of(path), received=received)
    return path
