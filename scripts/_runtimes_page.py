"""docs/runtimes.md: how each runtime is deployed to, and what scripts/runtimes gave in it."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from bridge.public.deployment import DEPLOYMENTS

OUTCOMES = ("right", "reshaped", "refused", "wrong", "crashed")
RIGHT, RESHAPED, REFUSED, WRONG, CRASHED = OUTCOMES
UNLOWERED = "unlowered"  # refused by bridge itself, so no runtime has a part in it

TEXT = """# I deploy to …

Which command, which flags, how the file is loaded, and what is known not to work.

```
python -m bridge caffe-to-onnx deploy.prototxt weights.caffemodel -o net.onnx --for RUNTIME
```

`--for` is short for options that you could give yourself; what you do give wins, and what the
runtime is known not to read is refused. Inputs are n c h w, as in Caffe; `--mean`, `--scale` and
`--rgb` put the preprocessing into the graph. In the code below `x` is such an array of float32.

{counts}

Made by `scripts/runtimes`, on Linux and a CPU: each runtime on the {number} nets of
[tests/golden](../tests/golden/README.md), which real Caffe has computed. Right is every output
within 1e-4 · (1 + max) of Caffe's and of the same shape, or one number for a scalar where the
runtime has no scalars; reshaped, that the numbers are right and axes of size 1 are added or lost;
refused, that the runtime says it cannot load or run the graph; wrong, that it gives other numbers
and no error; crashed, that its process ends. A batch that `--for` fixes was fixed at the
recording's. {unlowered}

[interoperability.md](interoperability.md) has trained nets, blob by blob, and
`python -m bridge check net.onnx net.onnx --runtime RUNTIME` ([how](check.md)) shows yours.

{sections}
"""


@dataclass(frozen=True)
class Guide:
    """A runtime, under the name that `check --runtime` or `--for` has for it."""

    name: str
    title: str
    language: str
    code: str
    text: str


@dataclass(frozen=True)
class Reason:
    """Why a runtime is not right on the cases whose names this pattern matches."""

    runtime: str
    outcome: str
    cases: str
    text: str


_TABLES = tomllib.loads(Path(__file__).with_name("runtimes.toml").read_text(encoding="utf-8"))
GUIDES = tuple(Guide(**guide) for guide in _TABLES["guides"])
REASONS = tuple(Reason(**reason) for reason in _TABLES["reasons"])


@dataclass(frozen=True)
class Result:
    """What came of one case in one runtime; `message` says why where it is not right."""

    case: str
    outcome: str
    message: str = ""


@dataclass(frozen=True)
class Run:
    """The results of one runtime, of this version, for a state of the package, which may be an
    earlier one; or why none."""

    name: str
    version: str = ""
    state: str = ""
    date: str = ""
    reason: str = ""
    results: Sequence[Result] = field(default_factory=list)
    earlier: bool = False

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        return cls(**{**record, "results": [Result(**result) for result in record["results"]]})

    def counts(self) -> Mapping[str, int]:
        count = Counter(result.outcome for result in self.results)
        return {outcome: count[outcome] for outcome in OUTCOMES}


UNMEASURED = Run("", reason="no part of `scripts/runtimes`")
NOT_RUN = "not in this run"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *([cell.replace("|", "\\|") for cell in r] for r in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def counts(runs: Mapping[str, Run]) -> str:
    rows = []
    for guide in GUIDES:
        run = runs.get(guide.name, UNMEASURED)
        numbers = [f"({run.reason})"] if run.reason else [str(n) for n in run.counts().values()]
        link = f"[{guide.title}](#{anchor(guide.title)})"
        rows.append([link, *numbers, *[""] * (len(OUTCOMES) - len(numbers))])
    return table(["runtime", *OUTCOMES], rows)


def anchor(title: str) -> str:
    """The name that a forge gives to a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def section(guide: Guide, run: Run) -> str:
    paragraphs = [f"## {guide.title}", _flags(guide), *_code(guide), guide.text, *_measured(run)]
    return "\n\n".join(filter(None, paragraphs))


def _flags(guide: Guide) -> str:
    if guide.name not in DEPLOYMENTS:
        return ""
    known = DEPLOYMENTS[guide.name]
    chosen = str(known.choices)
    text = f"`--for {guide.name}` chooses " + (f"`{chosen}`" if chosen else "nothing else")
    text += f": {known.why}." if known.why else ": it reads the file as it is."
    refused = ", ".join(f"`--{name}`" for name in known.takes)
    return f"{text} It refuses other values of {refused}." if refused else text


def _code(guide: Guide) -> Iterator[str]:
    if guide.code:
        yield f"```{guide.language}\n{guide.code.strip()}\n```"


def _measured(run: Run) -> Iterator[str]:
    """What the run gave: a line of numbers, and what is not right, grouped by its reason."""
    if run.reason:
        yield f"Not measured for this page: {run.reason}."
        return
    numbers = ", ".join(f"{number} {outcome}" for outcome, number in run.counts().items())
    state = ", with an earlier state of `bridge`" if run.earlier else ""
    yield f"Measured on {run.date} in {run.version}{state}: {numbers}."
    grouped: dict[tuple[str, str], list[str]] = {}
    for result in run.results:
        if result.outcome not in (RIGHT, UNLOWERED):
            why = reason(run.name, result)
            grouped.setdefault((result.outcome, why), []).append(f"`{result.case}`")
    if grouped:
        yield "\n".join(
            f"- {outcome}: {why} {', '.join(cases)}"
            for (outcome, why), cases in sorted(grouped.items())
        )


def reason(runtime: str, result: Result) -> str:
    """What is known of it, or else what was said."""
    for known in REASONS:
        is_same = (known.runtime, known.outcome) == (runtime, result.outcome)
        if is_same and re.fullmatch(known.cases, result.case):
            return " ".join(known.text.split())
    said = " ".join(result.message.split()).replace("`", "'")
    return f"({said[:160]}{' …' if len(said) > 160 else ''})" if said else "without a word"


def page(runs: Sequence[Run]) -> str:
    by_name = {run.name: run for run in runs}
    results = [result for run in runs for result in run.results]
    unlowered = sorted({result.case for result in results if result.outcome == UNLOWERED})
    refused = ", ".join(f"`{name}`" for name in unlowered)
    return TEXT.format(
        number=max((sum(run.counts().values()) for run in runs), default=0),
        counts=counts(by_name),
        unlowered=f"Cases that `bridge` itself refuses: {refused}." if refused else "",
        sections="\n\n".join(section(g, by_name.get(g.name, UNMEASURED)) for g in GUIDES),
    )
