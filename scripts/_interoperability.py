"""Trained nets in every runtime, against every blob that real Caffe recorded.

The backends of Keras share a process, so each gets a virtual environment of its own, in
build/interoperability; runtimes for ONNX have theirs from scripts/runtimes, and the Caffe is that
of scripts/caffe. A number is one run of `python -m bridge check` there: what a user would do, and
nothing of it can take the others down.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

import numpy as np  # noqa: E402
from _environments import RUNTIME_ENVIRONMENTS, Environment, commit, variables  # noqa: E402

import bridge  # noqa: E402
from bridge.public.deployment import DEPLOYMENTS  # noqa: E402

BUILD = ROOT / "build" / "interoperability"
RESULTS = BUILD / "results.json"
TARGET = ROOT / "docs" / "interoperability.md"
PATIENCE = 900  # seconds that one check may take

TEXT = """# Trained nets in every runtime

Made by `scripts/interoperability`, on {machine}: each number is one `python -m bridge check` of
what real Caffe recorded against the net in that runtime, the greatest absolute difference over all
blobs that were compared, and how many those were. Bold is more than is allowed (see
[check.md](check.md)). SavedModel and LiteRT give outputs only, and some nets were recorded with
their outputs only.
[runtimes.md](runtimes.md) says how to deploy to each; graphs are written with `--for` where it
knows the runtime.

{table}

{nets}
{notes}
## What ran

{versions}

By commit of `bridge`:

{commits}
"""


def _with_bridge(name: str, *packages: str, **variables: str) -> Environment:
    return Environment(BUILD / "environments" / name, packages, variables, with_bridge=True)


ONNX = _with_bridge("onnx")
CAFFE_FOLDER = ROOT / "build" / "caffe" / "python"
CAFFE = Environment(
    BUILD / "environments" / "caffe",
    variables={"PYTHONPATH": str(CAFFE_FOLDER)},
    needs=CAFFE_FOLDER,
    with_bridge=True,
)
OPENCV4 = _with_bridge("opencv4", "opencv-python-headless==4.14.0.94")
TENSORFLOW = _with_bridge("tensorflow", "keras>=3.14,<4", "tensorflow>=2.21,<3")
JAX = _with_bridge("jax", "keras>=3.14,<4", "jax", KERAS_BACKEND="jax")
TORCH = _with_bridge("torch", "keras>=3.14,<4", "torch", KERAS_BACKEND="torch")


@dataclass(frozen=True)
class Column:
    """A runtime: where it runs, and what `check` is given, with {…} for the files of a net; one
    that runs in a process of its own has an environment beside."""

    name: str
    environment: Environment
    arguments: tuple[str, ...]
    beside: Environment | None = None

    def make(self) -> str:
        """Makes the environments; a reason where one cannot be made."""
        reason = self.environment.make()
        return reason if reason or self.beside is None else self.beside.make()


def _runtime(title: str, name: str) -> Column:
    """A runtime for ONNX, of the graph that `--for` writes for it, if it knows the runtime."""
    graph = f"{{for-{name}}}" if name in DEPLOYMENTS else "{onnx}"
    return Column(title, ONNX, (graph, "--runtime", name), RUNTIME_ENVIRONMENTS.get(name))


COLUMNS = (
    _runtime("onnxruntime", "onnxruntime"),
    _runtime("onnxruntime-web", "onnxruntime-web"),
    _runtime("OpenVINO", "openvino"),
    _runtime("OpenCV 5", "opencv5"),
    _runtime("OpenCV 4", "opencv4"),
    _runtime("tract", "tract"),
    _runtime("MNN", "mnn"),
    _runtime("onnx2torch", "onnx2torch"),
    _runtime("tinygrad", "tinygrad"),
    _runtime("TVM", "tvm"),
    _runtime("ncnn", "ncnn"),
    _runtime("IREE", "iree"),
    _runtime("ONNX reference", "reference"),
    Column("Caffe's files in Caffe", CAFFE, ("{prototxt}", "{caffemodel}")),
    Column("Caffe's files in OpenCV 4", OPENCV4, ("{prototxt}", "{caffemodel}")),
    Column("Keras on TensorFlow", TENSORFLOW, ("{keras}", "--graph", "{onnx}")),
    Column("Keras on JAX", JAX, ("{keras}", "--graph", "{onnx}")),
    Column("Keras on PyTorch", TORCH, ("{keras}", "--graph", "{onnx}")),
    Column("SavedModel", TENSORFLOW, ("{saved}", "--graph", "{onnx}")),
    Column("LiteRT", TENSORFLOW, ("{tflite}", "--graph", "{onnx}")),
)


@dataclass(frozen=True)
class Cell:
    """What one check gave: an error over a number of blobs, or the reason why there is none."""

    error: float = 0.0
    blobs: int = 0
    ok: bool = False
    reason: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    commit: str = ""

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
            **{f"for-{name}": converted / f"net-{name}.onnx" for name in DEPLOYMENTS},
        }

    def convert(self, columns: Sequence[Column]) -> dict[str, str]:
        """Makes the forms that these columns take; the reason where one cannot be made."""
        files, reasons = self.files, dict[str, str]()
        files["onnx"].parent.mkdir(parents=True, exist_ok=True)
        done = bridge.caffe_to_onnx(files["prototxt"], files["caffemodel"], files["onnx"])
        taken = {argument for column in columns for argument in column.arguments}
        for form in [form for form in ("keras", "tflite", "saved") if f"{{{form}}}" in taken]:
            try:
                bridge.onnx_to_keras(files["onnx"], files[form])
            except bridge.BridgeError as error:
                reasons[form] = why(f"error: {error}")
        for name in [name for name in DEPLOYMENTS if f"{{for-{name}}}" in taken]:
            source = (files["prototxt"], files["caffemodel"], files[f"for-{name}"])
            bridge.caffe_to_onnx(*source, runtime=name, batch=self.batch(next(iter(done.inputs))))
        return reasons

    def batch(self, entry: str) -> int | None:
        """That of an input's recording, where it is not the one that `--for` may choose."""
        with np.load(self.files["recorded"]) as recorded:
            count = len(recorded[entry if entry in recorded else f"in/{entry}"])
        return count if count != 1 else None


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
            env=variables(column.environment),
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


def page(nets: Sequence[Net], cells: Mapping[tuple[str, str], Cell]) -> str:
    notes: dict[str, list[str]] = {}
    for (net, column), cell in cells.items():
        if cell.reason:
            notes.setdefault(cell.reason, []).append(f"{net} in {column}")
    return TEXT.format(
        machine=f"{os.uname().machine} under {os.uname().sysname}",
        table=counts(nets, cells),
        nets="\n\n".join(paragraph(net, cells) for net in nets),
        notes=reasons_of(notes),
        versions=versions(cells),
        commits=commits(cells),
    )


def counts(nets: Sequence[Net], cells: Mapping[tuple[str, str], Cell]) -> str:
    """How many nets are right in each runtime, and how many are not, or have no number."""
    lines = ["| runtime | right | wrong | – |", "| --- | --- | --- | --- |"]
    for name in dict.fromkeys(column for _, column in cells):
        of_one = [cells[net.folder.name, name] for net in nets if (net.folder.name, name) in cells]
        numbers = [cell for cell in of_one if not cell.reason]
        right = sum(cell.ok for cell in numbers)
        row = (right, len(numbers) - right, len(of_one) - len(numbers))
        lines.append(f"| {name} | {' | '.join(map(str, row))} |")
    return "\n".join(lines)


def paragraph(net: Net, cells: Mapping[tuple[str, str], Cell]) -> str:
    """Its numbers in all runtimes, as text that wraps on a narrow screen."""
    own = {column: cell for (name, column), cell in cells.items() if name == net.folder.name}
    numbers = "; ".join(f"{column} {cell}" for column, cell in own.items())
    return f"**{net.folder.name}**: {numbers}."


def reasons_of(notes: Mapping[str, Sequence[str]]) -> str:
    if not notes:
        return ""
    # Behind an escape sequence is a log in colours, with the time of day.
    plain: dict[str, list[str]] = {}
    for reason, where in notes.items():
        plain.setdefault(reason.partition("\\x1b")[0].rstrip(" ."), []).extend(where)
    lines = [f"- {', '.join(where)}: {reason}" for reason, where in plain.items()]
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


def commits(cells: Mapping[tuple[str, str], Cell]) -> str:
    """Which columns were measured with which state of the package."""
    by_commit: dict[str, list[str]] = {}
    for (_, column), cell in cells.items():
        names = by_commit.setdefault(cell.commit, [])
        names.extend([column] if column not in names else [])
    return "\n".join(f"- {commit}: {', '.join(names)}" for commit, names in by_commit.items())


def earlier() -> dict[tuple[str, str], Cell]:
    """What earlier calls measured, of other columns or nets."""
    if not RESULTS.is_file():
        return {}
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    return {(net, column): Cell(**cell) for net, column, cell in results}


def keep(cells: Mapping[tuple[str, str], Cell]) -> dict[tuple[str, str], Cell]:
    """Writes these for later calls, in the order of the columns."""
    names = [column.name for column in COLUMNS]
    ordered = dict(sorted(cells.items(), key=lambda item: names.index(item[0][1])))
    entries = [[*key, asdict(cell)] for key, cell in ordered.items()]
    RESULTS.write_text(json.dumps(entries), encoding="utf-8")
    return ordered


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/interoperability", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT.parent / "shared" / "models")
    parser.add_argument("--only", nargs="+", choices=[c.name for c in COLUMNS], metavar="RUNTIME")
    arguments = parser.parse_args()
    folder, only = arguments.folder, arguments.only
    files = sorted(folder.glob("*/weights.caffemodel"), key=lambda file: file.stat().st_size)
    nets = [Net(file.parent) for file in files]
    if not nets:
        sys.exit(f"no nets in {folder}: folders with deploy.prototxt and weights.caffemodel")
    shutil.rmtree(BUILD / "nets", ignore_errors=True)  # what other code may have made of them
    BUILD.mkdir(parents=True, exist_ok=True)
    columns = [column for column in COLUMNS if only is None or column.name in only]
    missing = {column.name: column.make() for column in columns}
    cells, now = earlier(), commit()
    for net in nets:
        reasons = net.convert(columns)
        for column in columns:
            reason = missing[column.name]
            cell = Cell(reason=reason) if reason else checked(net, column, reasons)
            cells[net.folder.name, column.name] = replace(cell, commit=now)
            say(f"{net.folder.name}\t{column.name}\t{cell.reason or cell}")
        # After each net, so that what is done stands if the rest is stopped.
        cells = keep(cells)
        measured = [one for one in nets if any(one.folder.name == name for name, _ in cells)]
        TARGET.write_text(page(measured, cells), encoding="utf-8")
    print(TARGET)


if __name__ == "__main__":
    main()
