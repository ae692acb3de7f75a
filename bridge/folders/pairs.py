"""Which caffemodel belongs to which net, by what is in them: names of files are often alike."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from bridge.errors import BridgeError

_SOLVER = re.compile(rb"^\s*(?:net|train_net|test_net)\s*:", re.MULTILINE)


@dataclass(frozen=True)
class Pair:
    """A net, and the caffemodel that fits it; None if there is none."""

    net: Path
    weights: Path | None = None


def find_pairs(folder: Path) -> list[Pair]:
    """Each net of a folder and the folders below, in the order of their names.

    A caffemodel fits a net if each weight of the net's layers has its numbers in it, by name and
    by shape. Of several that do, the one in the nearest folder is chosen, and then the one whose
    name is most alike. A prototxt of a solver is no net.
    """
    nets = [path for path in sorted(folder.rglob("*.prototxt")) if _is_net(path)]
    layers = {path: _stored(path) for path in sorted(_caffemodels(folder))}
    return [Pair(net, _fitting(net, layers)) for net in nets]


# What may be wrong with one file, and is said of it where it is converted.
_UNREADABLE = (BridgeError, OSError, MemoryError, RecursionError)


def _is_net(path: Path) -> bool:
    try:
        return path.is_file() and not _SOLVER.search(path.read_bytes())
    except _UNREADABLE:
        return True


def _caffemodels(folder: Path) -> Iterator[Path]:
    for ending in ("*.caffemodel", "*.caffemodel.h5"):
        yield from (path for path in folder.rglob(ending) if path.is_file())


def _stored(path: Path) -> frozenset[str]:
    """The layers of a caffemodel that have weights; none if it cannot be read."""
    from bridge.caffe.reader import stored_layers

    try:
        return frozenset(layer.name for layer in stored_layers(path) if layer.blobs)
    except _UNREADABLE:
        return frozenset()


def _fitting(net: Path, layers: Mapping[Path, frozenset[str]]) -> Path | None:
    names = _with_weights(net)
    near = sorted(
        (path for path in layers if names & layers[path]), key=lambda p: _distance(net, p)
    )
    return next((path for path in near if _fits(net, path)), None)


def _with_weights(net: Path) -> frozenset[str]:
    from bridge.caffe import read

    try:
        return frozenset(layer.name for layer in read(net).layers)
    except _UNREADABLE:
        return frozenset()


def _fits(net: Path, weights: Path) -> bool:
    import bridge.lower  # noqa: F401 (its rules say which weights a layer has)
    from bridge.caffe import read

    try:
        read(net, weights)
    except _UNREADABLE:
        return False
    return True


def _distance(net: Path, weights: Path) -> tuple[int, int, str]:
    """How far apart two files are: the folders between them, and how little their names share."""
    folders = net.parent.parts, weights.parent.parts
    steps = sum(map(len, folders)) - 2 * _shared(*folders)
    return steps, -_shared(net.name, weights.name), weights.name


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many parts two sequences have in common before the first that differs."""
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return sum(1 for _ in pairs)
