"""Files that appear whole or not at all, whatever ends the process that writes them.

A file is written in a temporary folder beside its name, brought to the disk, and renamed. Whoever
writes holds a lock on that folder, which the system releases however the process ends: so the next
one that writes the same name knows what was left by one that was killed, and clears it away.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bridge.errors import BridgeError, UsageError


@contextmanager
def staged(path: Path, *, own_folder: bool = True) -> Iterator[Path]:
    """A temporary path, which is renamed to `path` in the end, or removed after an exception.

    If several are nested, the innermost is renamed first; if one fails, those around it are not.
    Without `own_folder` the temporary path is in the folder of `path` itself.
    Raises UsageError if it cannot be written, or the disk is full.
    """
    with staging(path, own_folder=own_folder) as staged:
        yield staged.path
        staged.publish()


@contextmanager
def staging(path: Path, *, own_folder: bool = True) -> Iterator[Staged]:
    """The same for writers that say when their files get their names, and which."""
    try:
        folder, lock = _new_folder(path)
    except OSError as error:
        raise UsageError(f"cannot write there: {error.strerror}", where=path.parent) from error
    # The folder's name is unique, and so is the same name with a suffix.
    temporary = (
        folder / path.name if own_folder else folder.with_name(f"{folder.name}{path.suffix}")
    )
    try:
        yield Staged(temporary, path, folder)
    except BridgeError as error:
        if error.where != temporary:
            raise
        raise error.at(path) from error.__cause__
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
        if lock is not None:
            os.close(lock)


@dataclass(frozen=True)
class Staged:
    """A file that is written under a temporary path, in a folder of its own or beside it."""

    path: Path
    target: Path
    folder: Path

    def publish(
        self, data: Mapping[Path, Path] | None = None, outdated: Sequence[Path] = ()
    ) -> None:
        """Gives the files of `data` their names, then the file itself, and removes the `outdated`.

        Until the file is replaced, nothing that was there before has changed; from then on, all
        that it needs is there: whatever ends this in between. Raises OSError.
        """
        data = data or {}
        for file in (*data, self.path):
            synced(file)
        if data or outdated:
            self._note(data, outdated)
        for file, name in data.items():
            file.rename(name)
        try:
            _sync_names(self.target.parent)
            self.path.replace(self.target)
        except BaseException:
            for name in data.values():
                name.unlink()
            raise
        _sync_names(self.target.parent)
        for file in outdated:
            file.unlink(missing_ok=True)

    def _note(self, data: Mapping[Path, Path], outdated: Sequence[Path]) -> None:
        """For the next one to write the same name, should this one be killed."""
        note = {
            "file": _inode(self.path),
            "data": {name.name: _inode(file) for file, name in data.items()},
            "outdated": {file.name: _inode(file) for file in outdated},
        }
        (self.folder / _NOTE).write_text(json.dumps(note), encoding="utf-8")


def synced(path: Path) -> None:
    """Brings a file, or a folder and what is in it, to the disk. Raises OSError."""
    if path.is_file():
        with path.open("r+b") as file:
            os.fsync(file.fileno())
        return
    for entry in path.iterdir():
        synced(entry)
    _sync_names(path)


def _sync_names(folder: Path) -> None:
    """Brings the names in a folder to the disk; Windows and some network drives cannot."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds a lock against other processes that rename files in a folder.

    On systems that cannot lock folders (Windows, some network drives), it does nothing.
    """
    handle = _lock(folder)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


# --- what killed processes have left --------------------------------------------------------------

_NOTE = "published.json"
_RANDOM = "[a-z0-9_]" * 8  # as tempfile.mkdtemp ends a name

# The characters that a folder's name may safely have: a file's own may be any bytes.
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")


def _prefix(path: Path) -> str:
    return _UNSAFE.sub("_", f".{path.name[:80]}.writing-")


def _new_folder(path: Path) -> tuple[Path, int | None]:
    """A folder beside `path`, and the lock on it. Raises OSError."""
    with locked(path.parent):
        _clear_leftovers(path)
        folder = Path(tempfile.mkdtemp(prefix=_prefix(path), dir=path.parent))
        return folder, _lock(folder)


def _clear_leftovers(path: Path) -> None:
    for folder in path.parent.glob(_prefix(path) + _RANDOM):
        lock = None if folder.is_symlink() else _lock(folder, wait=False)
        if lock is None:
            continue  # somebody writes in it
        _finish(folder, path)
        for file in path.parent.glob(f"{folder.name}.*"):
            file.unlink()
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _finish(folder: Path, path: Path) -> None:
    """Removes the data of a file that never got its name, or else what its data have replaced."""
    try:
        note = json.loads((folder / _NOTE).read_text(encoding="utf-8"))
        published = path.exists() and _inode(path) == note["file"]
        useless = note["outdated" if published else "data"]
    except (OSError, ValueError, KeyError):
        return  # it had renamed nothing
    for name, inode in useless.items():
        file = path.with_name(name)
        if file.is_file() and _inode(file) == inode:
            file.unlink()


def _inode(path: Path) -> int:
    return path.stat().st_ino


def _lock(folder: Path, *, wait: bool = True) -> int | None:
    """A handle that holds the lock until it is closed; None where the system has none, or
    another holds it."""
    try:
        from fcntl import LOCK_EX, LOCK_NB, flock
    except ImportError:
        return None
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        flock(handle, LOCK_EX if wait else LOCK_EX | LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle
