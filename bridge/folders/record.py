"""What became of each task, kept in a file to which each is added as it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self

from bridge.errors import UsageError
from bridge.folders.tasks import Outcome, Task


class Record:
    """The outcomes by the keys of their tasks: those of earlier runs in `known`."""

    def __init__(self, known: dict[str, Outcome], file: IO[str]) -> None:
        self.known, self._file = known, file

    @classmethod
    @contextmanager
    def of(cls, path: Path) -> Iterator[Self]:
        """Raises UsageError if the file cannot be written."""
        try:
            with path.open("a+", encoding="utf-8", errors="replace") as file:
                file.seek(0)
                yield cls(dict(_entries(file)), file)
        except OSError as error:
            raise UsageError(f"cannot write it: {error.strerror}", where=path) from error

    def add(self, task: Task, outcome: Outcome) -> None:
        # A line of its own, also where a killed run has left a part of one.
        entry = json.dumps({"key": task.key, "outcome": outcome.as_dict()})
        self._file.write(f"\n{entry}")
        self._file.flush()


def _entries(file: IO[str]) -> Iterator[tuple[str, Outcome]]:
    """All lines that are whole: a run may have been killed while it wrote one."""
    for line in file:
        try:
            entry = json.loads(line)
            yield entry["key"], Outcome.of(entry["outcome"])
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
