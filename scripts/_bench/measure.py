"""The cost of processes. This one imports nothing large: a child begins with its parent's peak."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "bench"
MIB = 2**20

_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
}


class Cost(NamedTuple):
    """Of one process: seconds of the processor, and the bytes of memory that it held at most."""

    seconds: float
    peak: float


class Command(NamedTuple):
    """A process to measure; `root` is the source tree whose `bridge` it imports."""

    arguments: Sequence[str]
    root: Path = ROOT


def python(code: str, *arguments: object, root: Path = ROOT) -> Command:
    return Command([sys.executable, "-c", code, *map(str, arguments)], root)


def bridge(*arguments: object, root: Path = ROOT) -> Command:
    return Command([sys.executable, "-m", "bridge", *map(str, arguments)], root)


def environment(root: Path = ROOT) -> dict[str, str]:
    """Python keeps its bytecode, as it does for what is installed."""
    own = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    bytecode = str(FOLDER / "bytecode")
    return {**own, **_ONE_THREAD, "PYTHONPATH": str(root), "PYTHONPYCACHEPREFIX": bytecode}


def measured(
    commands: Mapping[str, Command], rounds: int, *, warm: bool = False
) -> dict[str, Cost]:
    """What each command costs in the middle; unless all is `warm`, a first round does not count."""
    rest = range(rounds if warm else rounds + 1)
    costs = [{name: cost(command) for name, command in commands.items()} for _ in rest]
    return {
        name: Cost(*map(median, zip(*(turn[name] for turn in costs[-rounds:]), strict=True)))
        for name in commands
    }


def cost(command: Command) -> Cost:
    with (FOLDER / "errors").open("wb+") as errors:
        process = subprocess.Popen(
            command.arguments,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=environment(command.root),
            cwd=FOLDER,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            text = errors.read().decode(errors="replace")
            sys.exit(f"failed: {' '.join(command.arguments)}\n{text[-2000:]}")
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def output_of(command: Command) -> str:
    """What a command prints."""
    done = subprocess.run(
        command.arguments,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(command.root),
        cwd=FOLDER,
    )
    return done.stdout


def apart(work: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a function, called in a process of its own."""
    with get_context("fork").Pool(1, os.environ.update, (environment(),)) as pool:
        return pool.apply(work, arguments)
