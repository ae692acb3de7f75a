"""Every golden case in every runtime, against what real Caffe gave: docs/runtimes.md.

Each graph is written as `caffe-to-onnx --for` writes it. A runtime may take its process down with
it, or never come back; so each runs in a process of its own that says a line about each case when
it is done with it. Where that process ends early, the case it was at is to blame, and another
process goes on behind it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

import onnx  # noqa: E402

# What the imports need stands above them (E402): the tests are no package that is installed.
from _environments import RUNTIME_ENVIRONMENTS, RUNTIMES_BUILD, state, variables  # noqa: E402
from _runtimes_page import (  # noqa: E402
    CRASHED,
    NOT_RUN,
    REFUSED,
    RESHAPED,
    RIGHT,
    UNLOWERED,
    WRONG,
    Result,
    Run,
    page,
)

from bridge.caffe import read  # noqa: E402
from bridge.check.backends.runtime_process import RuntimeEndedError  # noqa: E402
from bridge.check.backends.runtimes import RUNTIMES  # noqa: E402
from bridge.errors import BridgeError  # noqa: E402
from bridge.graph.io import to_proto  # noqa: E402
from bridge.lower import lower  # noqa: E402
from bridge.lower.expected_shapes import BATCH  # noqa: E402
from bridge.lower.inference import without_dropouts  # noqa: E402
from bridge.lower.model import LoweredModel  # noqa: E402
from bridge.public.deployment import DEPLOYMENTS, Choices  # noqa: E402
from tests.helpers.golden_cases import (  # noqa: E402
    CASES,
    Case,
    assert_outputs,
    case,
    feeds,
    lowered,
)

TARGET = ROOT / "docs" / "runtimes.md"
RESULTS = RUNTIMES_BUILD / "results"
ANSWERS = RUNTIMES_BUILD / "answers"
DRIVERS = ROOT / "bridge" / "check" / "backends"
PATIENCE = 300  # seconds that one case may take
NAMES = ("onnxruntime", "reference", *RUNTIME_ENVIRONMENTS)


def graph_for(golden: Case, name: str) -> LoweredModel:
    """A case as `--for` has it; a batch that is to be fixed is fixed at that of the recording."""
    model, known = lowered(golden), DEPLOYMENTS.get(name)
    choices = Choices() if known is None else known.choices
    is_free = any(BATCH in shape for shape in model.inputs.values())
    if choices.portable or (choices.batch is not None and is_free):
        shapes = {name: array.shape for name, array in golden.inputs.items()}
        first = next(axis[0] for axis in shapes.values() if axis)
        model = lower(
            read(golden.prototxt, golden.caffemodel),
            input_shape=shapes if "reshaped" in golden.tags else {},
            batch=first if is_free else None,
            portable=bool(choices.portable),
        )
    return without_dropouts(model) if choices.inference else model


def judge(golden: Case, name: str) -> Result:
    """Lowers a case, and compares what the runtime of this name gives, or gave for this very graph:
    some runtimes compile for seconds."""
    try:
        model = graph_for(golden, name)
    except BridgeError as error:
        return Result(str(golden), UNLOWERED, error.problem)
    proto = to_proto(model)
    answer = ANSWERS / name / f"{identity(golden, proto, name)}.json"
    if answer.is_file():
        return Result(**json.loads(answer.read_text("utf-8")))
    result = compared(golden, model, proto, name)
    answer.parent.mkdir(parents=True, exist_ok=True)
    answer.write_text(json.dumps(asdict(result)), encoding="utf-8")
    return result


def identity(golden: Case, proto: onnx.ModelProto, name: str) -> str:
    """Differs wherever the graph, its inputs, the runtime or how it is driven does."""
    parts = [str(RUNTIMES[name]).encode(), proto.SerializeToString(deterministic=True)]
    parts.append((golden.folder / "io.npz").read_bytes())
    parts += [file.read_bytes() for file in sorted(DRIVERS.glob("runtime*"))]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def compared(golden: Case, model: LoweredModel, proto: onnx.ModelProto, name: str) -> Result:
    """Runs a graph in the runtime of this name, and compares."""
    try:
        with TemporaryDirectory() as folder:
            run = RUNTIMES[name].ready(proto, Path(folder))
            results = run(feeds(golden, model))
    except RuntimeEndedError as error:
        return Result(str(golden), CRASHED, str(error.received))
    except BridgeError as error:
        return Result(str(golden), REFUSED, str(error.received))
    try:
        by_name = dict(zip(model.outputs, results, strict=True))
        message = difference(golden, by_name)
    except ValueError as error:
        return Result(str(golden), WRONG, str(error))
    if not message:
        return Result(str(golden), RIGHT)
    is_shape = not difference(golden, as_expected(golden, by_name))
    return Result(str(golden), RESHAPED if is_shape else WRONG, message)


def difference(golden: Case, results: dict[str, Any]) -> str:
    """How results differ from Caffe's, in words; "" where they do not."""
    try:
        assert_outputs(golden, results)
    except (AssertionError, ValueError) as error:
        return " ".join(str(error).split())
    return ""


def as_expected(golden: Case, results: Mapping[str, Any]) -> dict[str, Any]:
    """The results in Caffe's shapes, where only axes of size 1 differ."""
    shapes = {name: array.shape for name, array in (golden.between | golden.outputs).items()}

    def shaped(name: str, array: Any) -> Any:
        shape = shapes.get(name.partition(":")[0], array.shape)
        sizes = ([size for size in x if size != 1] for x in (shape, array.shape))
        return array.reshape(shape) if next(sizes) == next(sizes) else array

    return {name: shaped(name, array) for name, array in results.items()}


def work(name: str, cases: Sequence[str]) -> None:
    """What a process of its own does: a line for each case, as soon as it is known."""
    for folder in cases:
        signal.alarm(PATIENCE)
        print(json.dumps(asdict(judge(case(folder), name))), flush=True)


def all_results(name: str, cases: Sequence[str]) -> Iterator[Result]:
    """What comes of these cases in one runtime, whatever that does to its processes."""
    while cases:
        lines, end = process([sys.executable, __file__, "--work", name, *cases])
        done = [Result(**json.loads(line)) for line in lines if line.startswith("{")]
        yield from done
        cases = cases[len(done) :]
        if cases:
            yield Result(cases[0], CRASHED, end)
            cases = cases[1:]


def process(command: Sequence[str]) -> tuple[list[str], str]:
    """The whole lines that a process prints, and how it ended."""
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=variables(),
        start_new_session=True,
    ) as started:
        output, _ = started.communicate()
        with suppress(ProcessLookupError):  # what hangs is below it
            os.killpg(started.pid, signal.SIGKILL)
    number = -started.returncode
    if number == signal.SIGALRM:
        return whole_lines(output), f"no answer within {PATIENCE} s"
    end = signal.Signals(number).name if number > 0 else f"exit {started.returncode}"
    return whole_lines(output), end


def whole_lines(output: bytes) -> list[str]:
    return output.decode("utf-8", "replace").rpartition("\n")[0].splitlines()


def measured(name: str, cases: Sequence[str]) -> Run:
    """One runtime on these cases, or the reason why it could not be measured."""
    environment = RUNTIME_ENVIRONMENTS.get(name)
    reason = environment.make() if environment else ""
    if reason:
        return Run(name, reason=reason)
    os.environ.update(variables())
    results = list(all_results(name, cases))
    return Run(name, RUNTIMES[name].version, state(), date.today().isoformat(), results=results)


def kept(runs: Sequence[Run]) -> Sequence[Run]:
    """These runs, and those of other runtimes that earlier calls measured, perhaps in an earlier
    state."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    for run in runs:
        (RESULTS / f"{run.name}.json").write_text(json.dumps(asdict(run)), encoding="utf-8")
    read_back = (json.loads(file.read_text("utf-8")) for file in RESULTS.glob("*.json"))
    every = {run["name"]: Run.of(run) for run in read_back}
    runs = [every.get(name, Run(name, reason=NOT_RUN)) for name in NAMES]
    return [replace(run, earlier=not run.reason and run.state != state()) for run in runs]


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/runtimes", description=__doc__)
    parser.add_argument("cases", nargs="*", help="golden cases; all, and the page, by default")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="RUNTIME")
    parser.add_argument("--page", action="store_true", help="write the page from earlier results")
    arguments = parser.parse_args()
    for name in () if arguments.page else arguments.only:
        run = measured(name, arguments.cases or [str(golden) for golden in CASES])
        for result in run.results:
            if result.outcome != RIGHT:
                print(f"{name}\t{result.outcome}\t{result.case}\t{result.message[:300]}")
        print(f"{name}\t{run.reason or run.counts()}", flush=True)
        if not arguments.cases:
            kept([run])
    if not arguments.cases:
        TARGET.write_text(page(kept([])), encoding="utf-8")
        print(TARGET)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(sys.argv[2], sys.argv[3:])
    else:
        main()
