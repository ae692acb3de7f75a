"""The tables of docs/reliability.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from _reliability.children import SECONDS

_OUTCOMES = {
    "done": "right or another net",
    "refused": "refused",
    "fault": "fault of bridge",
    "traceback": "traceback",
    "too long": f"over {SECONDS} s",
    "ended": "process ended",
}


def damage_table(entries: Iterable[Mapping[str, Any]]) -> str:
    """The outcomes by kind of file, of the rounds that damage.py measured."""
    counts: dict[str, Counter[str]] = {}
    files: dict[str, set[str]] = {}
    peaks: Counter[str] = Counter()
    for entry in entries:
        kind = entry["kind"]
        counts.setdefault(kind, Counter()).update(entry["counts"])
        counts[kind]["elsewhere"] += len(entry["refused elsewhere"] or ())
        files.setdefault(kind, set()).add(entry["net"])
        peaks[kind] = max(peaks[kind], entry["MB"])
    words = [*_OUTCOMES.values(), "peak, MB", "taken, but not by another reader"]
    lines = [f"| file | files | {' | '.join(words)} |", "| --- |" + " ---: |" * (len(words) + 1)]
    for kind, its in counts.items():
        cells = (len(files[kind]), *(its[name] for name in _OUTCOMES), peaks[kind])
        cells = (*cells, its["elsewhere"])
        lines.append(f"| {kind} | " + " | ".join(f"{cell:,}" for cell in cells) + " |")
    return "\n".join(lines)


def kill_table(figures: Mapping[str, Mapping[str, int]]) -> str:
    lines = [
        "| output | kills | before it was done | old or new, whole | left after the next run |",
        "| --- |" + " ---: |" * 4,
    ]
    lines += [
        f"| {mode} | {x['kills']} | {x.get('in time', 0)} | {x.get('whole', 0)} | {x['left']} |"
        for mode, x in figures.items()
    ]
    return "\n".join(lines)


def unwritten_table(figures: Mapping[str, Mapping[str, int]]) -> str:
    lines = [
        "| output | tries | refused | fault or traceback | old whole, nothing left |",
        "| --- |" + " ---: |" * 4,
    ]
    lines += [
        f"| {name} | {x['tries']} | {x.get('refused', 0)} | "
        f"{x.get('fault', 0) + x.get('traceback', 0)} | {x['whole']} |"
        for name, x in figures.items()
    ]
    return "\n".join(lines)


def crowd_lines(figures: Mapping[str, Mapping[str, int]]) -> str:
    return "\n".join(
        f"- {mode}: 8 processes, {x['conversions']} conversions to one output: {x['failed']} "
        f"failed, it is {'one of the nets, whole' if x['whole'] else 'torn'}, {x['left']} files "
        "left."
        for mode, x in figures.items()
    )
