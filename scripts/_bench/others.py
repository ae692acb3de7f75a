"""The tools beside which we are measured."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from _bench.measure import FOLDER, ROOT, Command

EARLIER = "8f64a36"
ONNX2TF = "onnx2tf==2.6.9"


@contextmanager
def earlier_build() -> Iterator[Path | None]:
    """The source tree of the build that ours is held to; None where this repository lacks it."""
    tree = FOLDER / EARLIER
    _remove(tree)  # of a run that was interrupted
    if _git("worktree", "add", "--detach", str(tree), EARLIER):
        yield None
        return
    try:
        yield tree
    finally:
        _remove(tree)


def _remove(tree: Path) -> None:
    shutil.rmtree(tree, ignore_errors=True)
    _git("worktree", "prune")


NO_EARLIER = f"this repository has no commit {EARLIER}"


def _git(*arguments: str) -> int:
    quiet = subprocess.DEVNULL
    command = ["git", *arguments]
    return subprocess.run(command, check=False, cwd=ROOT, stdout=quiet, stderr=quiet).returncode


@cache
def onnx2tf() -> Path | str:
    """Its command, installed into an environment of its own; else why it cannot be."""
    folder = FOLDER / "onnx2tf"
    command = folder / "bin" / "onnx2tf"
    uv = Path(sys.executable).parent / "uv"
    if command.exists():
        return command
    if not uv.exists():
        return "there is no uv beside this Python, to install onnx2tf"
    make = [str(uv), "venv", "--quiet", "--clear", "--no-python-downloads"]
    pip = [str(uv), "pip", "install", "--quiet", "--system-certs", ONNX2TF]
    for step in (
        [*make, "--python", ">=3.12", str(folder)],
        [*pip, "--python", str(folder / "bin" / "python")],
    ):
        done = subprocess.run(step, check=False, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            reason = (done.stderr.strip().splitlines() or ["it cannot be installed"])[0]
            return f"{ONNX2TF}: {reason}"
    return command


def onnx2tf_of(model: Path) -> Command:
    """Its default on a graph: two .tflite files, without TensorFlow."""
    return Command([str(onnx2tf()), "-i", str(model), "-o", str(FOLDER / "onnx2tf-files")])
