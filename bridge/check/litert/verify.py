"""The check of a .tflite that a conversion has written, in LiteRT, against the graph it came from.

Where weights are halves, all is held to what rounding a half explains. Where they are bytes, the
file is another net, near to the graph's: how near is measured, and said; what has little to do with
it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from bridge.check.backends.exported import Exported, ExportedBackend
from bridge.check.backends.stored.process import opened
from bridge.check.report import Report
from bridge.check.runners import OnnxRunner
from bridge.check.verify import compared, draws
from bridge.errors import CheckError, UsageError
from bridge.types import Array

if TYPE_CHECKING:
    from bridge.raising.plan import Plan

Feeds = Mapping[str, Array]

# Of what an output varies by, a file that rounds may lose this share at most: beyond it a third
# of its changes are not the net's.
MOST_LOST = 1 / 3
# How many samples are compared: of random numbers two, as everywhere.
MOST_COMPARED = 32


def check_litert(
    file: Path, plan: Plan, graph: Path, dtype: str = "", samples: Sequence[Feeds] = ()
) -> Report:
    """Compares a .tflite with the ONNX file it came from, on every output. `dtype` is what it
    rounds to, float16 or int8, if it does; `samples` are what it is fed then, else seeded numbers.

    LiteRT runs in a process of its own, which it may end.
    Raises CheckError for the first output that differs by more than is allowed. A file with
    TensorFlow's own operators, which LiteRT cannot run, is a warning.
    """
    with opened("tflite", file) as (exported, _):
        return _checked(file, cast(Exported, exported), plan, OnnxRunner(graph), dtype, samples)


def _checked(
    file: Path,
    exported: Exported,
    plan: Plan,
    runner: OnnxRunner,
    dtype: str,
    samples: Sequence[Feeds],
) -> Report:
    inputs = {entry.value: plan.values[entry.value].layout for entry in plan.inputs}
    outputs = {name: plan.values[name].layout for name in plan.outputs}
    backend = ExportedBackend(exported, inputs, outputs)
    # Rounding may well find another box.
    left_out = runner.data_sized.intersection(outputs) if dtype else set()
    names = [name for name in runner.graph_outputs if name not in left_out]
    notes = tuple(f"'{name}' was not compared in LiteRT" for name in sorted(left_out))

    def in_onnxruntime(feeds: Feeds) -> dict[str, Array]:
        return {
            name: x for name, x in runner.run(feeds, runner.graph_outputs).items() if name in names
        }

    def in_litert(feeds: Feeds) -> dict[str, Array]:
        return dict(backend.run(feeds, names))

    try:
        if dtype == "int8":
            notes += () if dtype in exported.rounded else (_UNROUNDED,)
            fed = samples or [*islice(draws(runner), 2)]
            notes += tuple(_measured(in_onnxruntime, in_litert, _spread(fed)))
            return Report(f"{_SUBJECT} (int8)", (), warnings=notes)
        dtypes = runner.dtypes | ({dtype} if dtype else set())
        report = compared(_SUBJECT, runner, in_onnxruntime, in_litert, dtypes)
    except UsageError as error:
        if _FLEX not in str(error.received):
            raise
        return Report(_SUBJECT, (), warnings=(_UNRUN.format(name=file.name),))
    return replace(report.require_no_difference(), warnings=(*report.warnings, *notes))


_SUBJECT = "LiteRT against onnxruntime"
_FLEX = "Select TensorFlow op"
_UNROUNDED = "int8: nothing is rounded, as no layer has the thousand weights for which it pays"
_UNRUN = (
    "{name} has operators of TensorFlow, which LiteRT alone does not run: link its Select TF "
    "operators; it was not compared here"
)


def _spread(samples: Sequence[Feeds]) -> Sequence[Feeds]:
    return samples[:: -(-len(samples) // MOST_COMPARED)]


@dataclass
class _Nearness:
    """How near an output is to the graph's, over all samples."""

    expected: list[Array] = field(default_factory=list)
    received: list[Array] = field(default_factory=list)

    def words(self, name: str) -> str:
        """Raises CheckError where too much is lost."""
        one, other = (
            np.stack(arrays).astype(np.float64) for arrays in (self.expected, self.received)
        )
        error, range_ = np.abs(one - other).max(), np.ptp(one)
        lost = float(np.sqrt(np.square(one - other).mean()))
        varies = float(one.std())
        if lost > MOST_LOST * varies and varies:
            raise CheckError(
                f"rounding to int8 leaves little of the output '{name}'",
                expected=f"off by less than {MOST_LOST:.0%} of what it varies by, {varies:.3g}",
                received=f"{lost:.3g}, as the root of the mean square",
                hint="give images as the net will see them with --int8 FOLDER, more of them, or "
                "round to --fp16; --no-check writes it all the same",
            )
        share = f", {100 * error / range_:.2g} % of its range" if range_ else ""
        return f"int8: '{name}' is off by up to {error:.3g}{share}{self._agreement()}"

    def _agreement(self) -> str:
        """On how many samples the top class is the same, of an output that has classes."""
        _, *sizes = self.expected[0].shape or (0,)
        if not sizes or prod(sizes) < 2 or sizes[0] != prod(sizes):
            return ""
        one, other = (
            np.concatenate([x.reshape(len(x), -1).argmax(1) for x in arrays])
            for arrays in (self.expected, self.received)
        )
        return f"; the top class is the same in {int((one == other).sum())} of {len(one)}"


def _measured(
    expected: Callable[[Feeds], Mapping[str, Array]],
    received: Callable[[Feeds], Mapping[str, Array]],
    samples: Sequence[Feeds],
) -> Iterator[str]:
    """In words, how far each output is from the graph's. Raises CheckError for one that has little
    to do with it."""
    outputs: dict[str, _Nearness] = {}
    for feeds in samples:
        results, others = expected(feeds), received(feeds)
        for name, array in results.items():
            if array.shape != others[name].shape:
                raise CheckError(
                    f"{_SUBJECT}: '{name}' has another shape",
                    expected=array.shape,
                    received=others[name].shape,
                )
            nearness = outputs.setdefault(name, _Nearness())
            nearness.expected.append(array)
            nearness.received.append(others[name])
    for name, nearness in outputs.items():
        yield nearness.words(name)
