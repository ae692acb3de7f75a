"""Pairs the files of a folder, which are read in a process of its own, with the limits of a
conversion.

What ends that process, or keeps it for too long, counts as a file that cannot be read, and its own
conversion says why; another process reads the others.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import IO, Any, cast

from bridge.errors import UsageError
from bridge.files.memory import confine
from bridge.folders.pairs import QUESTIONS, Pair, answer, find_pairs
from bridge.folders.tasks import Limits, limit_memory

_COMMAND = (sys.executable, "-P", "-m", "bridge.folders.reading")
_LEAST = 30.0  # seconds, as the process has to start


def pairs_within(folder: Path, limits: Limits) -> list[Pair]:
    """`find_pairs`, each file read within the limits. Raises UsageError if the process that reads
    them does not start."""
    reading = _Reading(folder, limits)
    try:
        return find_pairs(folder, reading.ask)
    finally:
        reading.end()


class _Reading:
    """The process that reads files, started again after each that it did not survive."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._folder, self._limits = folder, limits
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, question: str, *paths: Path) -> Any:
        """As `pairs.answer`."""
        process = self._process or self._start()
        with suppress(ValueError, OSError):  # it was ended, perhaps within a line
            request = cast(IO[bytes], process.stdin)
            request.write(_line([question, *map(str, paths)]))
            request.flush()
            return self._heard(process)
        self.end()
        return QUESTIONS[question].otherwise

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            with suppress(BrokenPipeError), self._process:
                self._process = None

    def _start(self) -> subprocess.Popen[bytes]:
        process = self._process = subprocess.Popen(
            _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        limit_memory(process.pid, self._limits)
        try:
            self._heard(process)
        except ValueError:
            raise UsageError(
                "the process that reads the folder has ended", where=self._folder
            ) from None
        return process

    def _heard(self, process: subprocess.Popen[bytes]) -> Any:
        """What it says next. Raises ValueError where it ends, or takes too long, before."""
        timer = Timer(max(self._limits.seconds, _LEAST), process.kill)
        timer.daemon = True
        timer.start()
        try:
            return json.loads(cast(IO[bytes], process.stdout).readline())
        finally:
            timer.cancel()


def _line(message: object) -> bytes:
    return f"{json.dumps(message)}\n".encode()


def main() -> None:
    """The process itself: it says that it has started, and answers each line of JSON by one."""
    confine()
    _say(None)
    for line in sys.stdin.buffer:
        question, *paths = json.loads(line)
        _say(answer(question, *map(Path, paths)))


def _say(message: object) -> None:
    sys.stdout.buffer.write(_line(message))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
