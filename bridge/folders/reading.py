"""Pairs the files of a folder in a process of its own, with the limits of a conversion.

It names each step before it takes it. What a step ends, or keeps for too long, is begun again
without that step: the file counts as one that cannot be read, and its own conversion says why.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import IO, cast

from bridge.errors import UsageError
from bridge.files.memory import confine
from bridge.folders.pairs import Pair, Reader, Step, find_pairs
from bridge.folders.tasks import Limits, limit_memory

_COMMAND = (sys.executable, "-P", "-m", "bridge.folders.reading")
_LEAST = 30.0  # seconds, as the process has to start


def pairs_within(folder: Path, limits: Limits) -> list[Pair]:
    """`find_pairs`, each step of it within the limits. Raises UsageError if its process does not
    start."""
    skipped: list[Step] = []
    while True:
        last, pairs = _attempt(folder, skipped, limits)
        if pairs is not None:
            return pairs
        if not last or last in skipped:
            raise UsageError("the process that reads the folder has ended", where=folder)
        skipped.append(last)


def _attempt(folder: Path, skipped: list[Step], limits: Limits) -> tuple[Step, list[Pair] | None]:
    """The step before which the process has been heard last, and the pairs if it came to them."""
    process = subprocess.Popen(
        _COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    limit_memory(process.pid, limits)
    last: Step = ()
    with suppress(BrokenPipeError), process:
        timer = _timer(process, limits)
        with suppress(BrokenPipeError), cast(IO[bytes], process.stdin) as request:
            request.write(json.dumps([str(folder), skipped]).encode())
        try:
            for line in process.stdout or ():
                timer.cancel()
                said = json.loads(line)
                if isinstance(said, dict):
                    return last, [_pair(*files) for files in said["pairs"]]
                last = tuple(said)
                timer = _timer(process, limits)
        except ValueError:
            pass  # it was ended within a line
        finally:
            timer.cancel()
            process.kill()
    return last, None


def _timer(process: subprocess.Popen[bytes], limits: Limits) -> Timer:
    timer = Timer(max(limits.seconds, _LEAST), process.kill)
    timer.daemon = True
    timer.start()
    return timer


def _pair(net: str, weights: str | None) -> Pair:
    return Pair(Path(net), None if weights is None else Path(weights))


def main() -> None:
    """The process itself: lines of JSON, a list for each step and an object with the pairs."""
    folder, skipped = json.loads(sys.stdin.buffer.read())
    confine()
    reader = Reader(_say, frozenset(map(tuple, skipped)))
    pairs = find_pairs(Path(folder), reader)
    files = [(str(pair.net), pair.weights and str(pair.weights)) for pair in pairs]
    _say({"pairs": files})


def _say(message: object) -> None:
    sys.stdout.write(f"{json.dumps(message)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
