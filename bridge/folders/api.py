"""`convert_folder`: the public function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bridge.errors import UsageError
from bridge.files.memory import named
from bridge.folders.index import counts, write_index
from bridge.folders.pairs import Pair, links_out
from bridge.folders.reading import pairs_within
from bridge.folders.record import Record
from bridge.folders.running import Ended, locally, on_cluster
from bridge.folders.tasks import Kind, Limits, Outcome, Status, Task
from bridge.public import public
from bridge.public.options import as_names

KINDS: tuple[Kind, ...] = ("onnx", "keras")
Done = Callable[[int, int, str], object]


@dataclass(frozen=True)
class Folder:
    """What became of all nets of a folder, and the page that says it."""

    outcomes: Mapping[Task, Outcome]
    index: Path

    @property
    def counts(self) -> dict[Status, int]:
        return counts(self.outcomes)

    @property
    def ok(self) -> bool:
        return all(outcome.status == "converted" for outcome in self.outcomes.values())


@public
def convert_folder(
    folder: str | Path,
    output: str | Path,
    *,
    to: str | Sequence[str] = ("onnx",),
    check: bool = True,
    jobs: int = 1,
    seconds: float = 600.0,
    memory: int | None = None,
    scheduler: str | None = None,
    done: Done | None = None,
) -> Folder:
    """Converts each Caffe net of a folder and the folders below, to files of the same names.

    Each has a process of its own, of which `jobs` run at a time, and which may take so many
    `seconds` and, on Linux, bytes of `memory`; what stops one leaves the others alone. What was
    converted before, of the same files, is not converted again. Links to files elsewhere are
    refused. `scheduler` is the address of a Dask cluster that runs them instead of this machine;
    its workers have bridge, and the same files under the same names.
    `done` is called after each with how many are done, of how many, and the net's name.
    Writes `output`/index.html, and `output`/outcomes.jsonl for the next run.
    Raises UsageError if the folder has no net, the output cannot be written, or no Dask scheduler
    answers.
    """
    folder, output = _folder(Path(folder)), Path(output).resolve()
    if seconds <= 0:
        raise UsageError("there is no time to convert", expected="seconds", received=seconds)
    kinds, limits = _kinds(as_names(to)), Limits(seconds, memory, named())
    tasks = _tasks(pairs_within(folder, limits), folder, output, kinds, check)
    links = _tasks([Pair(path) for path in links_out(folder)], folder, output, kinds[:1], check)
    if not tasks and not links:
        raise UsageError("there is no net", where=folder, expected="a .prototxt in it, or below")
    _refuse_other_page(output)
    output.mkdir(parents=True, exist_ok=True)
    outcomes = dict[Task, Outcome]()
    run_all = partial(locally, jobs=jobs) if scheduler is None else partial(on_cluster, scheduler)
    with Record.of(output / _RECORD) as record:
        for task, outcome in _ended(tasks, record, partial(run_all, limits=limits)):
            outcomes[task] = outcome
            if done is not None:
                done(len(outcomes), len(tasks), str(task.net.relative_to(folder)))
    in_order = {**{task: outcomes[task] for task in tasks}, **dict.fromkeys(links, _LINK)}
    write_index(in_order, folder, output / _PAGE)
    return Folder(in_order, output / _PAGE)


_LINK = Outcome(
    "refused",
    error="it is a link that leads out of the folder\n"
    "  hint: whoever made the folder could name any of your files: copy what it leads to, cp -rL, "
    "or convert it by itself",
    cause="it is a link that leads out of the folder",
)
_PAGE, _RECORD = "index.html", "outcomes.jsonl"


def _refuse_other_page(output: Path) -> None:
    """Refuses a folder that has a page of somebody else, which would be replaced."""
    if (output / _PAGE).exists() and not (output / _RECORD).exists():
        raise UsageError(
            f"it has an {_PAGE} that is not of an earlier run, and that would be replaced",
            where=output,
            expected="a folder for the converted nets alone",
        )


def _folder(path: Path) -> Path:
    if not path.is_dir():
        received = "a file" if path.exists() else "nothing there"
        raise UsageError(
            "not a folder",
            where=path,
            expected="a folder of nets",
            received=received,
            hint="caffe-to-onnx and caffe-to-keras convert a single net"
            if path.is_file()
            else None,
        )
    return path.resolve()


def _kinds(to: Sequence[str]) -> list[Kind]:
    kinds = [kind for kind in KINDS if kind in to]
    if not kinds or set(to) - set(KINDS):
        raise UsageError(
            "no format that nets are converted to",
            where="--to",
            expected=" or ".join(KINDS),
            received=" ".join(to) or "none",
        )
    return kinds


def _tasks(
    pairs: Sequence[Pair], folder: Path, output: Path, kinds: Sequence[Kind], check: bool
) -> list[Task]:
    return [
        Task(
            pair.net,
            pair.weights,
            kind,
            output / pair.net.relative_to(folder).with_suffix(f".{kind}"),
            check,
        )
        for pair in pairs
        for kind in kinds
    ]


def _ended(
    tasks: Sequence[Task], record: Record, run_all: Callable[[Sequence[Task]], Ended]
) -> Ended:
    """Each task with its outcome, first those that an earlier run has had."""
    waiting = []
    for task in tasks:
        outcome = record.known.get(task.key)
        if outcome is None or not _holds(task, outcome):
            waiting.append(task)
        else:
            yield task, outcome
    for task, outcome in run_all(waiting):
        record.add(task, outcome)
        yield task, outcome


def _holds(task: Task, outcome: Outcome) -> bool:
    """Whether a task has been done: a refusal costs little, and a newer release may convert."""
    return outcome.status == "converted" and task.output.exists()
