"""Arrays by name, in a file that anybody may have written."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, is_zipfile

import numpy as np

from bridge.errors import UsageError, words_of
from bridge.types import Array

# Of NumPy's kinds of dtypes: truth values, whole numbers with and without a sign, others.
NUMBERS = "biuf"

# What NumPy and zipfile raise for an entry that is damaged, encrypted (a RuntimeError), or
# compressed by an unknown method.
_DAMAGE = (ValueError, EOFError, OSError, RuntimeError, BadZipFile, zlib.error)


@dataclass(frozen=True)
class Arrays:
    """An open .npz; an array is read when it is asked for."""

    path: Path
    file: Any

    @classmethod
    def of(cls, path: Path) -> Arrays:
        """Raises UsageError for any other file."""
        problem = UsageError(
            "not an .npz of arrays",
            where=path,
            expected="named arrays, as numpy.savez writes",
        )
        try:
            with path.open("rb") as file:
                if not is_zipfile(file):
                    raise problem
            return cls(path, np.load(path, allow_pickle=False))
        except OSError as error:
            raise UsageError(f"cannot read it: {error.strerror or error}", where=path) from error
        except (BadZipFile, ValueError, NotImplementedError) as error:
            raise problem from error

    @property
    def names(self) -> list[str]:
        return list(self.file.files)

    def __getitem__(self, name: str) -> Array:
        """Raises UsageError for an array that is not numeric, or damaged."""
        try:
            array: Array | bytes = self.file[name]
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
