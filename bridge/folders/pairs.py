"""Which caffemodel belongs to which net, by what is in them: names of files are often alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from os.path import realpath
from pathlib import Path
from typing import Any

from bridge.errors import BridgeError

_SOLVER = re.compile(rb"^\s*(?:net|train_net|test_net)\s*:", re.MULTILINE)


@dataclass(frozen=True)
class Pair:
    """A net, and the caffemodel that fits it; None if there is none."""

    net: Path
    weights: Path | None = None


Ask = Callable[..., Any]
"""Answers a question, by its name in QUESTIONS, about the files that follow."""


@dataclass(frozen=True)
class Question:
    """What is read from files, as JSON has it, and the answer where they cannot be read."""

    read: Callable[..., Any]
    otherwise: Any


def answer(question: str, *paths: Path) -> Any:
    """Reads the files in this process."""
    asked = QUESTIONS[question]
    try:
        return asked.read(*paths)
    except _UNREADABLE:
        return asked.otherwise


def find_pairs(folder: Path, ask: Ask = answer) -> list[Pair]:
    """Each net of a folder and the folders below, in the order of their names.

    A caffemodel fits a net if each weight of the net's layers has its numbers in it, by name and
    by shape. Of several that do, the one in the nearest folder is chosen, and then the one whose
    name is most alike. A prototxt of a solver is no net. Links that lead out are not followed.
    """
    nets = [path for path in _files(folder, _NETS) if ask("is a net", path)]
    layers = {path: frozenset(ask("stored layers", path)) for path in _files(folder, _WEIGHTS)}
    return [Pair(net, _fitting(net, layers, ask)) for net in nets]


_NETS, _WEIGHTS = ("*.prototxt",), ("*.caffemodel", "*.caffemodel.h5")
# What may be wrong with one file, and is said of it where it is converted.
_UNREADABLE = (BridgeError, OSError, MemoryError, RecursionError)


def _files(folder: Path, patterns: Sequence[str]) -> list[Path]:
    return [path for path in _all_files(folder, patterns) if not _leads_out(path, folder)]


def links_out(folder: Path) -> list[Path]:
    """The nets and caffemodels of a folder that are links to files elsewhere."""
    paths = _all_files(folder, (*_NETS, *_WEIGHTS))
    return [path for path in paths if _leads_out(path, folder)]


def _all_files(folder: Path, patterns: Sequence[str]) -> list[Path]:
    paths = (path for pattern in patterns for path in folder.rglob(pattern))
    return sorted(path for path in paths if path.is_file())


def _leads_out(path: Path, folder: Path) -> bool:
    return not Path(realpath(path)).is_relative_to(realpath(folder))


def _is_net(path: Path) -> bool:
    return not _SOLVER.search(path.read_bytes())


def _stored(path: Path) -> list[str]:
    """The layers of a caffemodel that have weights."""
    from bridge.caffe.reader import stored_layers

    return [layer.name for layer in stored_layers(path) if layer.blobs]


def _layers(net: Path) -> list[str]:
    from bridge.caffe import read

    return [layer.name for layer in read(net).layers]


def _fits(net: Path, weights: Path) -> bool:
    """Raises BridgeError where they do not."""
    import bridge.lower  # noqa: F401 (its rules say which weights a layer has)
    from bridge.caffe import read

    read(net, weights)
    return True


QUESTIONS = {
    "is a net": Question(_is_net, True),
    "stored layers": Question(_stored, ()),
    "layers": Question(_layers, ()),
    "fits": Question(_fits, False),
}


def _fitting(net: Path, stored: Mapping[Path, frozenset[str]], ask: Ask) -> Path | None:
    names = frozenset(ask("layers", net))
    near = sorted((path for path in stored if names & stored[path]), key=partial(_distance, net))
    return next((path for path in near if ask("fits", net, path)), None)


def _distance(net: Path, weights: Path) -> tuple[int, int, str]:
    """How far apart two files are: the folders between them, and how little their names share."""
    folders = net.parent.parts, weights.parent.parts
    steps = sum(map(len, folders)) - 2 * _shared(*folders)
    return steps, -_shared(net.name, weights.name), weights.name


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many parts two sequences have in common before the first that differs."""
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return sum(1 for _ in pairs)
