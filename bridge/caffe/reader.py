"""Reading a Caffe net: the two files in, one `Net` out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bridge.caffe import prototxt as text
from bridge.caffe import weights
from bridge.caffe.assemble import State, assemble
from bridge.caffe.inputs import with_channels, with_shapes
from bridge.caffe.match import attach
from bridge.caffe.net import Net, Shape
from bridge.caffe.upgrade import upgrade
from bridge.errors import Location, UsageError

PHASES = ("TEST", "TRAIN")


def read(
    prototxt: str | Path,
    caffemodel: str | Path | None = None,
    *,
    phase: str = "TEST",
    input_shape: Mapping[str, Shape] | None = None,
) -> Net:
    """A Caffe net of any dialect, with its weights where a caffemodel is given.

    Without one, layers have no blobs. `phase` chooses among layers that have rules: TEST or TRAIN.
    `input_shape` replaces the shapes that the prototxt gives, by name of the input.
    Errors: UsageError for paths that cannot be read, or other names; PrototxtError, WeightsError
    for files that are broken or do not fit; UnsupportedError for blobs that share memory.
    """
    if phase not in PHASES:
        raise UsageError("no such phase", expected=" or ".join(PHASES), received=phase)
    text_path = _readable(prototxt, "prototxt")
    weights_path = None if caffemodel is None else _readable(caffemodel, "caffemodel")
    _refuse_swapped(text_path, weights_path)
    definition, warnings = text.load(text_path)
    layers, more = upgrade(definition)
    stages = frozenset(definition.get("state", {}).get("stage", []))
    net, messages = assemble(definition.get("name", ""), layers, State(phase, stages=stages))
    net = replace(with_shapes(net, input_shape or {}), warnings=(*warnings, *more))
    if weights_path is None:
        return net
    stored = weights.read(weights_path)
    return attach(with_channels(net, stored), messages, stored, Location.of(weights_path))


def _readable(path: str | Path, what: str) -> Path:
    path = Path(path)
    if not path.is_file():
        received = "a directory" if path.is_dir() else "no such file"
        raise UsageError(f"cannot read the {what}", where=Location.of(path), received=received)
    return path


def _refuse_swapped(prototxt: Path, caffemodel: Path | None) -> None:
    """Refuse a binary file for the text, and say so if the other is the text."""
    if not _is_binary(prototxt):
        return
    swapped = caffemodel is not None and not _is_binary(caffemodel)
    raise UsageError(
        "the prototxt is a binary file",
        where=Location.of(prototxt),
        expected="protobuf text: NET.prototxt WEIGHTS.caffemodel",
        hint="the two files are the other way round" if swapped else None,
    )


def _is_binary(path: Path) -> bool:
    with path.open("rb") as file:
        return weights.looks_binary(file.read(weights.GLANCE))
