"""One page of what became of all nets of a folder, without scripts or anything from elsewhere."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from bridge.files.html import rendered
from bridge.files.staging import staged
from bridge.folders.tasks import Outcome, Status, Task

HEADINGS: Mapping[Status, str] = {
    "differs": "Converted, but the numbers differ",
    "failed": "Ended by accident",
    "stopped": "Stopped at a limit",
    "refused": "Refused",
    "converted": "Converted",
}


def write_index(outcomes: Mapping[Task, Outcome], folder: Path, path: Path) -> None:
    """Writes the page of the nets of `folder`. Raises UsageError if jinja2 is missing."""
    text = page(outcomes, folder, path.parent)
    with staged(path) as file:
        file.write_text(text, encoding="utf-8")


def page(outcomes: Mapping[Task, Outcome], folder: Path, output: Path) -> str:
    """The page's text. Raises UsageError if jinja2 is missing."""
    values = {
        "folder": folder,
        "output": output,
        "total": len(outcomes),
        "headings": HEADINGS,
        "counts": counts(outcomes),
        "converted": _of(outcomes, "converted"),
        "causes": {x: by_cause(outcomes, x) for x in HEADINGS if x != "converted"},
    }
    return rendered("bridge.folders", values, {"within": _within, "link": _link})


def _within(path: Path, folder: Path) -> str:
    """Without the folder, in which it is."""
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _link(name: str) -> str:
    """A name as a browser opens it, of whatever bytes it is."""
    return quote(os.fsencode(name))


def counts(outcomes: Mapping[Task, Outcome]) -> dict[Status, int]:
    """How many there are of each status, without those of which there are none."""
    statuses = [outcome.status for outcome in outcomes.values()]
    return {
        status: statuses.count(status) for status in reversed([*HEADINGS]) if status in statuses
    }


def by_cause(
    outcomes: Mapping[Task, Outcome], status: Status
) -> list[tuple[str, Sequence[tuple[Task, Outcome]]]]:
    """The tasks of a status by their cause, the most frequent first."""
    causes: defaultdict[str, list[tuple[Task, Outcome]]] = defaultdict(list)
    for task, outcome in _of(outcomes, status):
        causes[outcome.cause].append((task, outcome))
    return sorted(causes.items(), key=lambda item: (-len(item[1]), item[0]))


def _of(outcomes: Mapping[Task, Outcome], status: Status) -> list[tuple[Task, Outcome]]:
    return [(task, outcome) for task, outcome in outcomes.items() if outcome.status == status]
