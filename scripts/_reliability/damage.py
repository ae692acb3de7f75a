"""Copies of files that are cut off, or have a bit turned; what comes of each is written down.

A file takes part in rounds, each of which damages it at other positions. What a round gave is a
line of JSON in RESULTS, so that a run that is stopped goes on where it was.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from _reliability.children import in_child, outcome
from _reliability.subjects import (
    ROOT,
    Subject,
    copied,
    golden,
    graphs,
    shared,
    subject_of_graph,
    subjects_of,
)

FOLDER = ROOT / "build" / "reliability"
CUTS, FLIPS = 20, 50  # of a file, in a round
BAD = ("fault", "traceback", "too long", "ended")


class Change(NamedTuple):
    """A file ends at a byte, or has a bit of it turned."""

    byte: int
    bit: int | None


@dataclass(frozen=True)
class Amount:
    """How much one round damages each file."""

    cuts: int = CUTS
    flips: int = FLIPS

    def changes(self, subject: Subject, number: int) -> list[Change]:
        size = subject.path.stat().st_size
        random = Random(f"{subject.net} {subject.kind} {number}")
        cuts = sorted((random.randrange(size) for _ in range(self.cuts)), reverse=True)
        flips = [Change(random.randrange(size), random.randrange(8)) for _ in range(self.flips)]
        return [*(Change(cut, None) for cut in cuts), *flips]


def damaged(original: Path, copy: Path, changes: Sequence[Change]) -> Iterator[Change]:
    """The copy with one change at a time. Cuts come first, by size: so the copy only gets shorter,
    and then has its bits turned and turned back, and no change costs what the file is long."""
    for change in changes:
        if change.bit is None:
            os.truncate(copy, change.byte)
            yield change
    shutil.copyfile(original, copy)
    for change in changes:
        if change.bit is not None:
            _turn(copy, change.byte, change.bit)
            yield change
            _turn(copy, change.byte, change.bit)


def _turn(path: Path, byte: int, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(byte)
        value = file.read(1)[0] ^ 1 << bit
        file.seek(byte)
        file.write(bytes([value]))


def tried(subject: Subject, folder: Path, changes: Sequence[Change]) -> dict[str, Any]:
    """How often each outcome came, with the peak of memory in MB; and which changes were taken."""
    counts: Counter[str] = Counter()
    taken, copy = [], copied(subject, folder)
    for change in damaged(subject.path, copy, changes):
        result = outcome(subject.verb, copy)
        counts[result] += 1
        if result == "done":
            taken.append(change)
        elif result in BAD:
            keep(subject, copy, change)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"counts": counts, "MB": peak, "taken": taken}


def keep(subject: Subject, copy: Path, change: Change) -> None:
    """Keeps the file that shows a fault."""
    name = f"{subject.net}-{change.byte}-{change.bit}{copy.suffix}"
    (FOLDER / "faults").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(copy, FOLDER / "faults" / name)


def refused_elsewhere(subject: Subject, folder: Path, changes: Sequence[Change]) -> list[Any]:
    """Which of the changes the other reader refuses, and what it says."""
    refusals, copy = [], copied(subject, folder)
    for change in damaged(subject.path, copy, changes):
        try:
            subject.reference(copy)
        except Exception as error:  # noqa: BLE001 (each reader has its own)
            refusals.append([change, f"{type(error).__name__}: {error}"[:300]])
    return refusals


def measured(subject: Subject, folder: Path, number: int, amount: Amount) -> dict[str, Any]:
    """One round of a file, as RESULTS has it."""
    changes, start = amount.changes(subject, number), time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = in_child(partial(tried, subject, folder, changes))
    if result is None:
        result = {"counts": {"ended": 1}, "MB": 0, "taken": []}
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    taken = [Change(*change) for change in result.pop("taken")]
    elsewhere = in_child(partial(refused_elsewhere, subject, folder, taken))
    return {
        "net": subject.net,
        "kind": subject.kind,
        "round": number,
        **result,
        "refused elsewhere": elsewhere,
        "cpu": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2),
        "seconds": round(time.perf_counter() - start, 2),
    }


def rounds(count: int, amount: Amount, step: int, results: Path) -> list[dict[str, Any]]:
    """All rounds, of which those that are in the results are not measured again."""
    results.parent.mkdir(parents=True, exist_ok=True)
    lines = results.read_text("utf-8").splitlines() if results.is_file() else []
    known = [json.loads(line) for line in lines]
    seen = {(entry["net"], entry["kind"], entry["round"]) for entry in known}
    with results.open("a", encoding="utf-8") as file:
        for number in range(count):
            for entry in _round(number, amount, step, seen):
                file.write(json.dumps(entry) + "\n")
                file.flush()
                known.append(entry)
    return [entry for entry in known if entry["round"] < count]


def _round(
    number: int, amount: Amount, step: int, seen: set[tuple[str, str, int]]
) -> Iterator[dict[str, Any]]:
    for pair in [*golden(), *shared()][::step]:
        with tempfile.TemporaryDirectory() as folder:
            for subject in subjects_of(*pair, Path(folder)):
                if (subject.net, subject.kind, number) not in seen:
                    yield measured(subject, Path(folder), number, amount)
    for graph in graphs()[::step]:
        subject = subject_of_graph(graph)
        if (subject.net, subject.kind, number) not in seen:
            with tempfile.TemporaryDirectory() as folder:
                yield measured(subject, Path(folder), number, amount)
