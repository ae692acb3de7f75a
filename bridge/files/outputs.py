"""The files that a call writes: their names, and that they appear whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
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
            f"unknown kind of {kind}", where=path, expected=f"a name ending in {names}"
        )
    return path


MODEL_KINDS = (".keras", ".tflite", "")


def refuse_unknown_kind(path: Path) -> None:
    """Refuses a name of which no kind of Keras model is. Raises UsageError."""
    if path.suffix not in MODEL_KINDS:
        raise UsageError(
            "unknown kind of output",
            where=path,
            expected="a name ending in .keras or .tflite, or without an ending for a SavedModel",
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


@contextmanager
def staged(path: Path, *, own_folder: bool = True) -> Iterator[Path]:
    """A temporary path, which is renamed to `path` in the end, or removed after an exception.

    If several are nested, the innermost is renamed first; if one fails, those around it are not.
    Without `own_folder` the temporary path is in the folder of `path` itself.
    Raises UsageError if it cannot be written, or the disk is full.
    """
    with staging(path, own_folder=own_folder) as temporary:
        yield temporary
        temporary.replace(path)


# The characters that a folder's name may safely have: a file's own may be any bytes.
_PREFIX = re.compile(r"[^A-Za-z0-9_.-]")


@contextmanager
def staging(path: Path, *, own_folder: bool = True) -> Iterator[Path]:
    """The same for writers that rename their files themselves."""
    try:
        folder = Path(
            tempfile.mkdtemp(prefix=_PREFIX.sub("_", f".{path.name[:80]}."), dir=path.parent)
        )
    except OSError as error:
        raise UsageError(f"cannot write there: {error.strerror}", where=path.parent) from error
    # mkdtemp's name is unique, and so is the same name with a suffix.
    temporary = (
        folder / path.name if own_folder else folder.with_name(f"{folder.name}{path.suffix}")
    )
    try:
        yield temporary
    except OSError as error:
        raise UsageError(
            f"cannot write it: {error.strerror or error}",
            where=path,
            hint="what was there before is unchanged",
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(FileNotFoundError):
            temporary.unlink()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds a lock against other processes that rename files in a folder.

    On systems that cannot lock folders (Windows, some network drives), it does nothing.
    """
    try:
        from fcntl import LOCK_EX, flock
    except ImportError:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            flock(handle, LOCK_EX)
        yield
    finally:
        os.close(handle)
