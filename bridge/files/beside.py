"""Files that another file names: only those in its own folder, or below it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

from bridge.errors import Location, UsageError
from bridge.files.inputs import readable


def beside(where: Location, name: str, what: str) -> Path:
    """The file that another one names, `where`. Raises UsageError for one that is not in
    the folder of the other or below it, or cannot be read: nobody else's file is to be read."""
    folder = Path(where.file).parent
    file = folder / name
    paths = (PurePosixPath(name), PureWindowsPath(name))
    outside = not name or any(path.anchor or ".." in path.parts for path in paths)
    if outside or not file.resolve().is_relative_to(folder.resolve()):
        raise UsageError(
            f"the {what} is not beside the file that names it",
            where=where,
            expected="a file in the same folder or below it",
            received=name or "no name",
            hint="put it there, and name it without a path",
        )
    return readable(file, what)
