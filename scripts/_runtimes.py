"""Every golden case in every runtime, against what real Caffe gave: docs/runtimes.md.

A runtime may take its process down with it, or never come back; so each runs in a process of its
own that says a line about each case when it is done with it. Where that process ends early, the
case it was at is to blame, and another process goes on behind it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from signal import Signals
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "runtimes.md"
sys.path.insert(0, str(ROOT))

# What the imports need stands above them (E402): the tests are no package that is installed.
from bridge.check.backends.runtimes import RUNTIMES  # noqa: E402
from bridge.errors import BridgeError  # noqa: E402
from bridge.graph.io import to_proto  # noqa: E402
from tests.helpers.golden_cases import (  # noqa: E402
    CASES,
    Case,
    assert_outputs,
    case,
    feeds,
    lowered,
)

PATIENCE = 600  # seconds that one process may take

RIGHT, REFUSED, WRONG, CRASHED = OUTCOMES = ("right", "refused", "wrong", "crashed")
UNLOWERED = "unlowered"  # refused by bridge itself, so no runtime has a part in it

TEXT = """# The golden cases in other runtimes

Made by `scripts/runtimes`: what each runtime makes of the graphs that `caffe-to-onnx` writes for
the cases of [tests/golden](../tests/golden/README.md), against the numbers that real Caffe gave.
Right means every output within 1e-4 · (1 + max) of Caffe's and of the same shape; refused, that
the runtime says it cannot load or run the graph; wrong, that it gives other numbers; crashed, that
its process ends. Cases that `bridge` itself refuses: {unlowered}.

{counts}

{details}
"""


@dataclass(frozen=True)
class Reason:
    """Why a runtime is not right on the cases whose names this pattern matches."""

    runtime: str
    outcome: str
    cases: str
    text: str


REASONS = (
    Reason(
        "openvino",
        REFUSED,
        "dropout",
        text="It takes the Dropout out, and then calls the net's input by the name of the output, "
        "so that the input cannot be found any more.",
    ),
    Reason(
        "opencv",
        WRONG,
        "reduction_(default|asum_all)",
        "It has the right number, but gives a scalar to Python as an array of shape (1,).",
    ),
    Reason(
        "opencv",
        REFUSED,
        "detout_no_threshold",
        text="Its NonMaxSuppression takes no score_threshold below 0; ONNX does, and this layer "
        "without a confidence_threshold keeps boxes of any score.",
    ),
    Reason(
        "reference",
        WRONG,
        "lrn_.*|v[012]_.*",
        text="Its LRN goes through as many channels as there are images in the batch "
        "([onnx#7805](https://github.com/onnx/onnx/issues/7805), mended by "
        "[onnx#8331](https://github.com/onnx/onnx/pull/8331)).",
    ),
    Reason(
        "reference",
        REFUSED,
        "deconv_group2",
        text="Its ConvTranspose in groups cuts the weights by output channels, though their first "
        "axis is the input channels ([onnx#8446](https://github.com/onnx/onnx/pull/8446) mends "
        "a fault beside it).",
    ),
)


@dataclass(frozen=True)
class Result:
    """What came of one case in one runtime; `message` says why where it is not right."""

    case: str
    outcome: str
    message: str = ""


def judge(golden: Case, name: str) -> Result:
    """Lowers a case, runs it in the runtime of this name, and compares."""
    try:
        model = lowered(golden)
    except BridgeError as error:
        return Result(str(golden), UNLOWERED, error.problem)
    try:
        with TemporaryDirectory() as folder:
            run = RUNTIMES[name].ready(to_proto(model), Path(folder))
            results = run(feeds(golden, model))
    except BridgeError as error:
        return Result(str(golden), REFUSED, str(error.received))
    try:
        assert_outputs(golden, dict(zip(model.outputs, results, strict=True)))
    except (AssertionError, ValueError) as error:
        return Result(str(golden), WRONG, " ".join(str(error).split()))
    return Result(str(golden), RIGHT)


def work(name: str, cases: Sequence[str]) -> None:
    """What a process of its own does: a line for each case, as soon as it is known."""
    for folder in cases:
        print(json.dumps(asdict(judge(case(folder), name))), flush=True)


def all_results(name: str, cases: Sequence[str]) -> Iterator[Result]:
    """What comes of these cases in one runtime, whatever that does to its processes."""
    while cases:
        lines, end = process([sys.executable, __file__, name, *cases])
        done = [Result(**json.loads(line)) for line in lines if line.startswith("{")]
        yield from done
        cases = cases[len(done) :]
        if cases:
            yield Result(cases[0], CRASHED, end)
            cases = cases[1:]


def process(command: Sequence[str]) -> tuple[list[str], str]:
    """The whole lines that a process prints, and how it ended."""
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        return whole_lines(late.stdout), f"no answer within {PATIENCE} s"
    signal = Signals(-done.returncode).name if done.returncode < 0 else f"exit {done.returncode}"
    return whole_lines(done.stdout), signal


def whole_lines(output: bytes | None) -> list[str]:
    return (output or b"").decode("utf-8", "replace").rpartition("\n")[0].splitlines()


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *([cell.replace("|", "\\|") for cell in r] for r in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def counts(results: Mapping[str, Sequence[Result]]) -> str:
    rows = []
    for name, outcomes in results.items():
        count = Counter(result.outcome for result in outcomes)
        rows.append([str(RUNTIMES[name]), *(str(count[outcome]) for outcome in OUTCOMES)])
    return table(["runtime", *OUTCOMES], rows)


def details(name: str, results: Sequence[Result]) -> str:
    """The cases of one runtime that are not right, those of one reason together."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for result in results:
        if result.outcome not in (RIGHT, UNLOWERED):
            why = reason(name, result)
            grouped.setdefault((result.outcome, why), []).append(f"`{result.case}`")
    rows = [[outcome, why, ", ".join(which)] for (outcome, why), which in sorted(grouped.items())]
    rest = table(["outcome", "reason", "cases"], rows) if rows else "Every case is right."
    return f"## {RUNTIMES[name]}\n\n{rest}"


def reason(runtime: str, result: Result) -> str:
    """What is known of it, or else what was said."""
    for known in REASONS:
        is_same = (known.runtime, known.outcome) == (runtime, result.outcome)
        if is_same and re.fullmatch(known.cases, result.case):
            return known.text
    return result.message


def page(results: Mapping[str, Sequence[Result]]) -> str:
    every = [result for outcomes in results.values() for result in outcomes]
    unlowered = sorted({result.case for result in every if result.outcome == UNLOWERED})
    return TEXT.format(
        unlowered=", ".join(f"`{name}`" for name in unlowered) or "none",
        counts=counts(results),
        details="\n\n".join(details(name, outcomes) for name, outcomes in results.items()),
    )


def main(cases: Sequence[str]) -> None:
    names = cases or [str(golden) for golden in CASES]
    with ThreadPoolExecutor(2) as pool:
        outcomes = pool.map(lambda name: list(all_results(name, names)), RUNTIMES)
        results = dict(zip(RUNTIMES, outcomes, strict=True))
    for name, of_one in results.items():
        for result in of_one:
            if result.outcome != RIGHT:
                print(f"{name}\t{result.outcome}\t{result.case}\t{result.message[:300]}")
    print(counts(results))
    if not cases:
        TARGET.write_text(page(results), encoding="utf-8")
        print(TARGET)


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in RUNTIMES:
        work(sys.argv[1], sys.argv[2:])
    else:
        main(sys.argv[1:])
