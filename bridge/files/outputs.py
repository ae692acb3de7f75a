"""What a call writes: which names it may take, and files that appear whole or not at all."""

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

    `outputs` are by what they are, for the message. An input may be a folder of files: then none
    of them is overwritten. Raises UsageError.
    """
    given = list(inputs)
    for path in outputs.values():
        for source in given:
            if _is_same(path, source) or _lies_in(path, source):
                raise UsageError(
                    "this would overwrite what is read",
                    where=path,
                    received=f"an input: {source}",
                    hint="give the output another name",
                )
    for (one, path), (other, its) in combinations(outputs.items(), 2):
        if _is_same(path, its):
            raise UsageError(
                f"{one} and {other} are the same file", where=path, hint="give each its own name"
            )


def _is_same(one: Path, other: Path) -> bool:
    """Whether both are one file, also by a symbolic or a hard link."""
    try:
        return one.samefile(other)
    except (OSError, ValueError):  # one of them is not there yet
        return os.path.realpath(one) == os.path.realpath(other)


def _lies_in(path: Path, folder: Path) -> bool:
    return folder.is_dir() and path.exists() and path.resolve().is_relative_to(folder.resolve())


def writable(path: Path, endings: Sequence[str], kind: str = "output") -> Path:
    """A name that a file can get, as far as can be told before it is made: that takes minutes.

    Raises UsageError for another ending, a folder, a pipe or a device, and for a folder that is
    not there or that nothing can be written into.
    """
    try:
        _refuse_what_is_there(path)
    except OSError as error:
        raise UsageError(f"cannot write there: {error.strerror}", where=path) from error
    if path.suffix not in endings:
        names = " or ".join(ending for ending in endings if ending)
        raise UsageError(
            f"unknown kind of {kind}", where=path, expected=f"a name ending in {names}"
        )
    return path


def _refuse_what_is_there(path: Path) -> None:
    folder = path.parent
    if url := url_of(path):
        raise UsageError("cannot write to a URL", where=url, expected="the name of a file")
    if not folder.is_dir():
        if folder.exists():
            raise UsageError("this is a file, not a folder", where=folder)
        raise UsageError("there is no such folder", where=folder, hint=f"mkdir -p {folder}")
    if path.is_dir():
        raise UsageError("this is a folder; give the file a name", where=path)
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise UsageError(
            "this is a pipe or a device, which no file may replace",
            where=path,
            expected="the name of a file",
        )
    if not os.access(path.parent, os.W_OK):
        raise UsageError("cannot write there: the folder is read-only", where=path.parent)
    if path.exists() and not os.access(path, os.W_OK):
        raise UsageError("cannot write there: the file is read-only", where=path)


@contextmanager
def staged(path: Path, *, own_folder: bool = True) -> Iterator[Path]:
    """Where to write what is to be at `path`: it gets that name in the end, or vanishes.

    Several are staged inside each other: the innermost gets its name first, and where one fails
    those around it get none. Without `own_folder` the place is in the folder of `path` itself.
    Raises UsageError where nothing can be written, or the disk is full.
    """
    with staging(path, own_folder=own_folder) as place:
        yield place
        place.replace(path)


# What names of folders may hold wherever they are passed on: a file's own may be any bytes.
_PREFIX = re.compile(r"[^A-Za-z0-9_.-]")


@contextmanager
def staging(path: Path, *, own_folder: bool = True) -> Iterator[Path]:
    """The same for what gives its files their names itself."""
    try:
        folder = Path(
            tempfile.mkdtemp(prefix=_PREFIX.sub("_", f".{path.name[:80]}."), dir=path.parent)
        )
    except OSError as error:
        raise UsageError(f"cannot write there: {error.strerror}", where=path.parent) from error
    # mkdtemp's name is nobody else's, and so is the same name with an ending.
    place = folder / path.name if own_folder else folder.with_name(f"{folder.name}{path.suffix}")
    try:
        yield place
    except OSError as error:
        raise UsageError(
            f"cannot write it: {error.strerror or error}",
            where=path,
            hint="what was there before is as it was",
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(FileNotFoundError):
            place.unlink()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Alone among the processes that give files their names in a folder.

    Where the system cannot lock folders (Windows, some network drives), not alone.
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
