"""Arrays by name, in a file that anybody may have written."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from zipfile import BadZipFile, is_zipfile

import numpy as np

from bridge.errors import UsageError, words_of
from bridge.files import readable
from bridge.files.memory import refuse_large
from bridge.types import Array

# Of NumPy's kinds of dtypes: truth values, whole numbers with and without a sign, others.
NUMBERS = "biuf"

# What NumPy and zipfile raise for an entry that is damaged, encrypted (a RuntimeError), or
# compressed by an unknown method; and the parsers of an array's header, which is Python's text.
_DAMAGE = (
    *(ValueError, EOFError, OSError, RuntimeError, BadZipFile, zlib.error),
    *(TokenError, SyntaxError, OverflowError, TypeError),
)


@dataclass(frozen=True)
class Arrays:
    """An .npz; an array is read when it is asked for. `sizes` are the bytes of its members,
    unpacked: of zeros, a thousand times those of the file."""

    path: Path
    names: Sequence[str]
    sizes: Mapping[str, int]

    @classmethod
    def of(cls, path: Path) -> Arrays:
        """Raises UsageError for any other file."""
        problem = UsageError(
            "not an .npz of arrays",
            where=path,
            expected="named arrays, as numpy.savez writes",
        )
        readable(path, "recording")
        try:
            with path.open("rb") as file:
                if not is_zipfile(file):
                    raise problem
                file.seek(0)
                with np.load(file, allow_pickle=False) as arrays:
                    members = {entry.filename: entry.file_size for entry in arrays.zip.infolist()}
                    return cls(path, arrays.files, members)
        except OSError as error:
            raise UsageError(f"cannot read it: {error.strerror or error}", where=path) from error
        except (BadZipFile, ValueError, NotImplementedError) as error:
            raise problem from error

    def __getitem__(self, name: str) -> Array:
        """Raises UsageError for an array that is not numeric, or damaged, or too large."""
        size = self.sizes.get(f"{name}.npy", self.sizes.get(name, 0))
        refuse_large(size, f"the array '{name}'", self.path)
        try:
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                array: Array | bytes = arrays[name]
        except _DAMAGE as error:
            raise UsageError(
                f"cannot read the array '{name}'", where=self.path, received=words_of(error)
            ) from error
        if isinstance(array, bytes):
            raise UsageError(f"'{name}' is not an array", where=self.path, expected="an .npy in it")
        if array.dtype.kind not in NUMBERS:
            raise UsageError(
                f"the array '{name}' is not numeric", where=self.path, received=array.dtype
            )
        return array
