"""The files that a call writes: which names they may have."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path

from bridge.errors import UsageError
from bridge.files import url_of


def refuse_collisions(outputs: Mapping[str, Path], inputs: Iterable[Path]) -> None:
    """Refuses an output that is also an input, or another output, under whatever name.

    `outputs` are by their names in the message. An input may be a folder, none of whose files is
    overwritten. Raises UsageError.
    """
    sources = list(inputs)
    for path in outputs.values():
        for source in sources:
            if _is_same(path, source) or _lies_in(path, source):
                raise UsageError(
                    "the output would overwrite an input",
                    where=path,
                    received=f"an input: {source}",
                    hint="give the output another name",
                )
    for (one, path), (other, other_path) in combinations(outputs.items(), 2):
        if _is_same(path, other_path):
            raise UsageError(
                f"{one} and {other} are the same file", where=path, hint="give each its own name"
            )


def _is_same(one: Path, other: Path) -> bool:
    """Whether both are one file, by a symbolic or a hard link as well."""
    try:
        return one.samefile(other)
    except (OSError, ValueError):  # one of them is not there yet
        return os.path.realpath(one) == os.path.realpath(other)


def _lies_in(path: Path, folder: Path) -> bool:
    return folder.is_dir() and path.exists() and path.resolve().is_relative_to(folder.resolve())


def writable(path: Path, suffixes: Sequence[str], kind: str = "output") -> Path:
    """The path of an output, refused before the conversion, which takes minutes, if it cannot be
    written.

    Raises UsageError for another suffix, a folder, a pipe or a device, and for a parent folder that
    does not exist or is read-only.
    """
    try:
        _refuse_what_is_there(path)
    except OSError as error:
        raise UsageError(f"cannot write there: {error.strerror}", where=path) from error
    if path.suffix not in suffixes:
        names = " or ".join(filter(None, suffixes))
        raise UsageError(
            f"unknown kind of {kind}",
            where=path,
            expected=f"a name ending in {names}",
            hint=_WRITERS.get(path.suffix),
        )
    return path


# Who writes what, for those who asked another command.
_WRITERS = {
    ".onnx": "caffe-to-onnx and keras-to-onnx write ONNX",
    ".keras": "caffe-to-keras and onnx-to-keras write Keras models",
    ".tflite": "caffe-to-keras and onnx-to-keras write TensorFlow Lite models",
    ".h5": "Keras 3 keeps its models as .keras",
    ".hdf5": "Keras 3 keeps its models as .keras",
    ".pb": "a SavedModel is a folder: give a name without an ending",
}

LITE = ".tflite"
MODEL_KINDS = (".keras", LITE, "")
SCRIPT = ".py"  # which a conversion writes, and Keras does not


def refuse_unknown_kind(path: Path, kinds: Sequence[str] = MODEL_KINDS) -> None:
    """Refuses a name of which no kind of Keras model is. Raises UsageError."""
    if path.suffix not in kinds:
        *names, last = filter(None, kinds)
        raise UsageError(
            "unknown kind of output",
            where=path,
            expected=f"a name ending in {', '.join(names)} or {last}, or without an ending for a "
            "SavedModel",
            hint=_WRITERS.get(path.suffix),
        )


def _refuse_what_is_there(path: Path) -> None:
    folder = path.parent
    if url := url_of(path):
        raise UsageError("cannot write to a URL", where=url, expected="the name of a file")
    if not folder.is_dir():
        if folder.exists():
            raise UsageError("this is a file, not a folder", where=folder)
        raise UsageError("no such folder", where=folder, hint=f"mkdir -p {folder}")
    if path.is_dir():
        raise UsageError("this is a folder; give the file a name", where=path)
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise UsageError(
            "this is a pipe or a device, which is not replaced",
            where=path,
            expected="the name of a file",
        )
    if not os.access(path.parent, os.W_OK):
        raise UsageError("cannot write there: the folder is read-only", where=path.parent)
    if path.exists() and not os.access(path, os.W_OK):
        raise UsageError("cannot write there: the file is read-only", where=path)
