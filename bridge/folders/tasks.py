"""One conversion in a process of its own, with limits of time and memory, and what became of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

Kind = Literal["onnx", "keras"]
Status = Literal["converted", "differs", "refused", "stopped", "failed"]

_COMMANDS: Mapping[Kind, str] = {"onnx": "caffe-to-onnx", "keras": "caffe-to-keras"}
_DIFFERS, _REFUSED, _UNCHECKED = 1, 2, 4  # exit statuses


@dataclass(frozen=True)
class Limits:
    """Of one conversion: seconds, bytes of memory that its process may address, if limited, and
    what one array may take, if it is named (`bridge.files.memory`): also on another machine."""

    seconds: float = 600.0
    memory: int | None = None
    array: str | None = None

    @property
    def options(self) -> list[str]:
        return [] if self.array is None else ["--max-memory", self.array]


@dataclass(frozen=True)
class Task:
    """A net to convert. Its paths are whole, so that it means the same in any process."""

    net: Path
    weights: Path | None
    kind: Kind
    output: Path
    check: bool = True

    @property
    def key(self) -> str:
        """Another one for other contents of its files, or other options."""
        files = [self.net, *([self.weights] if self.weights else [])]
        stats = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
        return json.dumps([stats, self.kind, str(self.output), self.check])

    def command(self) -> list[str]:
        files = [str(path) for path in (self.net, self.weights) if path is not None]
        options = ["--json", *([] if self.check else ["--no-check"])]
        start = [sys.executable, "-P", "-m", "bridge", _COMMANDS[self.kind]]
        return [*start, *files, "-o", str(self.output), *options]


@dataclass(frozen=True)
class Outcome:
    """What became of a task.

    `summary` is what the conversion printed as JSON, `error` the text of what stopped it, and
    `cause` its problem alone, which is the same for nets that are refused for the same reason.
    """

    status: Status
    summary: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    cause: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        return cls(**entry)


def run(task: Task, limits: Limits) -> Outcome:
    """Converts a net in a process of its own, and waits for it."""
    task.output.parent.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [*task.command(), *limits.options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="backslashreplace",
        start_new_session=True,
    )
    limit_memory(process.pid, limits)
    try:
        printed, said = process.communicate(timeout=limits.seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        cause = f"it was stopped after {limits.seconds:g} s"
        return Outcome("stopped", error=cause, cause=cause)
    return _outcome(process.returncode, printed, said)


def limit_memory(process: int, limits: Limits) -> None:
    """Limits the memory that a process, by its number, may address."""
    if limits.memory is not None and sys.platform == "linux":
        import resource

        resource.prlimit(process, resource.RLIMIT_AS, (limits.memory, limits.memory))


def _outcome(status: int, printed: str, said: str) -> Outcome:
    if status in (0, _UNCHECKED):
        return Outcome("converted", summary=json.loads(printed))
    _, error, text = said.partition("error: ")
    if not error:
        how = f"by signal {-status}" if status < 0 else f"with exit status {status}"
        cause = f"its process ended {how}"
        return Outcome("failed", error=f"{cause}\n{said[-2000:]}".strip(), cause=cause)
    problem = json.loads(printed)["problem"] if printed else text.partition("\n")[0]
    kinds: Mapping[int, Status] = {_DIFFERS: "differs", _REFUSED: "refused"}
    return Outcome(kinds.get(status, "failed"), error=text.strip(), cause=problem)
