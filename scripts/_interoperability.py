"""Trained nets in every runtime, against every blob that real Caffe recorded.

OpenCV 4 and 5 share a module name, and the backends of Keras a process, so each gets a virtual
environment of its own in build/interoperability; the Caffe is that of scripts/caffe. A cell of the
table is one run of `python -m bridge check` there: what a user would do, and nothing of it can take
the others down.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import bridge

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "interoperability"
TARGET = ROOT / "docs" / "interoperability.md"
UV = ROOT / ".venv" / "bin" / "uv"

PATIENCE = 900  # seconds that one check may take

TEXT = """# Trained nets in every runtime

Made by `scripts/interoperability`, on {machine}. Each cell is one
`python -m bridge check` of what real Caffe recorded against the net in that runtime: the greatest
absolute difference over all blobs that were compared, and how many those were.
Bold is more than is allowed (see
[check.md](check.md)). SavedModel and LiteRT give outputs only, and some nets were recorded
with their outputs only.

{table}
{notes}
## What ran

{versions}
"""


@dataclass(frozen=True)
class Environment:
    """A virtual environment: what is installed beside bridge, and what it runs with."""

    name: str
    packages: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    needs: Path | None = None  # what another script makes

    @property
    def python(self) -> Path:
        return BUILD / "environments" / self.name / "bin" / "python"

    def make(self) -> str:
        """Makes it, where it is not there; a reason where it cannot be made."""
        if self.needs is not None and not self.needs.exists():
            return f"there is no {self.needs.relative_to(ROOT)}"
        done = self.python.parent.parent / "complete"
        if done.is_file():
            return ""
        say(f"making the environment {self.name}: {' '.join(self.packages)}")
        folder = self.python.parent.parent
        commands: list[list[str | Path]] = [
            [UV, "venv", "--quiet", "--clear", "--python", sys.executable, folder],
            [
                *(UV, "pip", "install", "--quiet", "--python", self.python),
                *self.options,
                *("--editable", str(ROOT), *self.packages),
            ],
        ]
        for command in commands:
            ran = subprocess.run(command, capture_output=True, text=True, check=False)
            if ran.returncode:
                return f"could not be installed: {last_line(ran.stderr)}"
        done.touch()
        return ""


ONNX = Environment("onnx", ("opencv-python-headless>=5,<6", "openvino>=2026,<2027"))
CAFFE = Environment(
    "caffe", (), {"PYTHONPATH": str(ROOT / "build/caffe/python")}, needs=ROOT / "build/caffe/python"
)
OPENCV4 = Environment("opencv4", ("opencv-python-headless>=4.10,<5",))
TENSORFLOW = Environment("tensorflow", ("keras>=3.14,<4", "tensorflow>=2.21,<3"))
JAX = Environment("jax", ("keras>=3.14,<4", "jax"), {"KERAS_BACKEND": "jax"})
TORCH = Environment("torch", ("keras>=3.14,<4", "torch"), {"KERAS_BACKEND": "torch"})


@dataclass(frozen=True)
class Column:
    """A runtime: where it runs, and what `check` is given, with {…} for the files of a net."""

    name: str
    environment: Environment
    arguments: tuple[str, ...]


COLUMNS = (
    Column("onnxruntime", ONNX, ("{onnx}",)),
    Column("OpenCV 5", ONNX, ("{onnx}", "--runtime", "opencv")),
    Column("OpenVINO", ONNX, ("{onnx}", "--runtime", "openvino")),
    Column("ONNX reference", ONNX, ("{onnx}", "--runtime", "reference")),
    Column("Caffe's files in Caffe", CAFFE, ("{prototxt}", "{caffemodel}")),
    Column("OpenCV 4", OPENCV4, ("{onnx}", "--runtime", "opencv")),
    Column("OpenCV 4, Caffe's files", OPENCV4, ("{prototxt}", "{caffemodel}")),
    Column("Keras, TensorFlow", TENSORFLOW, ("{keras}", "--graph", "{onnx}")),
    Column("SavedModel", TENSORFLOW, ("{saved}", "--graph", "{onnx}")),
    Column("LiteRT", TENSORFLOW, ("{tflite}", "--graph", "{onnx}")),
    Column("Keras, JAX", JAX, ("{keras}", "--graph", "{onnx}")),
    Column("Keras, Torch", TORCH, ("{keras}", "--graph", "{onnx}")),
)


@dataclass(frozen=True)
class Cell:
    """What one check gave: an error over a number of blobs, or the reason why there is none."""

    error: float = 0.0
    blobs: int = 0
    ok: bool = False
    reason: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.reason:
            return "–"
        text = f"{self.error:.0e} ({self.blobs})"
        return text if self.ok else f"**{text}**"


@dataclass(frozen=True)
class Net:
    """A net, and the folder in which its new forms are made."""

    folder: Path

    @property
    def files(self) -> dict[str, Path]:
        converted = BUILD / "nets" / self.folder.name
        every = self.folder / "blobs.npz"
        return {
            "prototxt": self.folder / "deploy.prototxt",
            "caffemodel": self.folder / "weights.caffemodel",
            "recorded": every if every.is_file() else self.folder / "io.npz",
            "onnx": converted / "net.onnx",
            "keras": converted / "net.keras",
            "tflite": converted / "net.tflite",
            "saved": converted / "saved",
        }

    def convert(self) -> dict[str, str]:
        """Makes all forms; the reason, by form, where one cannot be made."""
        files, reasons = self.files, dict[str, str]()
        files["onnx"].parent.mkdir(parents=True, exist_ok=True)
        bridge.caffe_to_onnx(files["prototxt"], files["caffemodel"], files["onnx"])
        for form in ("keras", "tflite", "saved"):
            try:
                bridge.onnx_to_keras(files["onnx"], files[form])
            except bridge.BridgeError as error:
                reasons[form] = why(f"error: {error}")
        return reasons


def checked(net: Net, column: Column, reasons: Mapping[str, str]) -> Cell:
    files = net.files
    for form, reason in reasons.items():
        if f"{{{form}}}" in column.arguments:
            return Cell(reason=reason)
    arguments = [argument.format(**files) for argument in column.arguments]
    command = [column.environment.python, "-m", "bridge", "check", files["recorded"], *arguments]
    try:
        done = subprocess.run(
            [*map(str, command), "--json"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            cwd=BUILD,
            env={**os.environ, **column.environment.variables},
        )
    except subprocess.TimeoutExpired:
        return Cell(reason=f"no answer within {PATIENCE} s")
    if done.returncode not in (0, 1) or not done.stdout.startswith("{"):
        reason = why(done.stderr)
        for folder in (net.folder, files["onnx"].parent):
            reason = reason.replace(f"{folder}/", "")
        return Cell(reason=reason or f"the process ended with {done.returncode}")
    report = json.loads(done.stdout)
    errors = [float(row["error"]) for row in report["rows"]]
    return Cell(max(errors), len(errors), report["ok"], versions=report["versions"])


def why(text: str) -> str:
    """The refusal in what a command said: what was received, else the problem."""
    lines = [line.strip() for line in text.splitlines()]
    received = [line for line in lines if line.startswith("received: ")]
    refused = [line for line in lines if line.startswith("error: ")]
    return " ".join(refused[:1] + received[:1])


def last_line(text: str) -> str:
    return ([line.strip() for line in text.splitlines() if line.strip()] or [""])[-1]


def page(nets: Sequence[Net], cells: Mapping[tuple[str, str], Cell]) -> str:
    heads = ["net", *(column.name for column in COLUMNS)]
    lines = [heads, ["---"] * len(heads)]
    notes: dict[str, list[str]] = {}
    for net in nets:
        row = [net.folder.name]
        for column in COLUMNS:
            cell = cells[net.folder.name, column.name]
            row.append(str(cell))
            if cell.reason:
                notes.setdefault(cell.reason, []).append(f"{net.folder.name} in {column.name}")
        lines.append(row)
    return TEXT.format(
        machine=f"{os.uname().machine} under {os.uname().sysname}",
        table="\n".join(f"| {' | '.join(line)} |" for line in lines),
        notes=reasons_of(notes),
        versions=versions(cells),
    )


def reasons_of(notes: Mapping[str, Sequence[str]]) -> str:
    if not notes:
        return ""
    lines = [f"- {', '.join(where)}: {reason}" for reason, where in notes.items()]
    return "\nWhere there is no number:\n\n" + "\n".join(lines) + "\n"


def versions(cells: Mapping[tuple[str, str], Cell]) -> str:
    by_column: dict[str, dict[str, str]] = {}
    for (_, column), cell in cells.items():
        if cell.versions:
            by_column.setdefault(column, dict(cell.versions))
    return "\n".join(
        f"- {column}: {', '.join(f'{name} {version}' for name, version in of.items())}"
        for column, of in by_column.items()
    )


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/interoperability", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT.parent / "shared" / "models")
    folder = parser.parse_args().folder
    files = sorted(folder.glob("*/weights.caffemodel"), key=lambda file: file.stat().st_size)
    nets = [Net(file.parent) for file in files]
    if not nets:
        sys.exit(f"no nets in {folder}: folders with deploy.prototxt and weights.caffemodel")
    shutil.rmtree(BUILD / "nets", ignore_errors=True)  # what other code may have made of them
    BUILD.mkdir(parents=True, exist_ok=True)
    environments = {column.environment.name: column.environment for column in COLUMNS}
    missing = {name: environment.make() for name, environment in environments.items()}
    cells: dict[tuple[str, str], Cell] = {}
    for done, net in enumerate(nets):
        reasons = net.convert()
        for column in COLUMNS:
            reason = missing[column.environment.name]
            cell = Cell(reason=reason) if reason else checked(net, column, reasons)
            cells[net.folder.name, column.name] = cell
            say(f"{net.folder.name}\t{column.name}\t{cell.reason or cell}")
        # After each net, so that what is done stands if the rest is stopped.
        TARGET.write_text(page(nets[: done + 1], cells), encoding="utf-8")
    print(TARGET)


if __name__ == "__main__":
    main()
