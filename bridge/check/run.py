"""Runs two models on the same inputs and compares them value by value."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from bridge.check.accuracy import accuracy
from bridge.check.backends.backend import Backend, Origin
from bridge.check.compare import Row
from bridge.check.draws import Tally
from bridge.check.images import PLAIN
from bridge.check.inputs import Feeding, all_feeds, inputs_of, labelled_images, wide_feeds
from bridge.check.loading import ModelFiles, Pair, opened
from bridge.check.locate import held_to_rounding, located
from bridge.check.report import Report
from bridge.check.report.closer import looked_closer
from bridge.check.report.drawn import compared_diagram
from bridge.check.report.versions import versions
from bridge.check.runners import OnnxRunner, rounding
from bridge.check.shares import Models, accuracy_on_cluster
from bridge.errors import GraphError, UsageError
from bridge.public.progress import Progress
from bridge.types import Array

if TYPE_CHECKING:
    from bridge.raising.plan import Plan

Run = tuple[str, Mapping[str, Array]]
"""The inputs of a run: a description, and the arrays."""


def check(
    a: ModelFiles,
    b: ModelFiles,
    feeding: Feeding,
    *,
    runtime: str = "onnxruntime",
    graph: ModelFiles | None = None,
    pictures: bool = False,
    scheduler: str | None = None,
    progress: Progress,
) -> Report:
    """Compares the values of two models, `a` being the expected one. With `pictures` the report
    has what a page shows. `scheduler` is the address of a cluster that classifies the images.

    Raises UsageError if nothing can be compared, and BridgeError for a model that cannot run.
    """
    progress("opening both models")
    with opened(a, b, runtime=runtime, graph=graph) as pair:
        if feeding.has_files and pair.stored:
            raise UsageError(
                "it is unknown which axis of the input has the channels of an image",
                where=f"{a.path} and {b.path}",
                hint="name the graph that the models were raised from: --graph net.onnx",
            )
        if (feeding.images or feeding.labels) and feeding.preprocessing is None:
            pair, feeding = _with_own_preprocessing(pair, feeding)
        models = pair.expected, pair.received, feeding, pair.ranges
        report = _compared(
            pair, all_feeds(*models), wide_feeds(*models), progress, pictures=pictures
        )
        if pictures:
            report = replace(report, diagram=compared_diagram(pair, report.rows))
        if feeding.labels is None:
            return report
        images = labelled_images(inputs_of(pair.expected, pair.received), feeding)
        if scheduler is None:
            scores = accuracy(pair.expected, pair.received, images, progress)
        else:
            files = Models.of(a, b, runtime, graph)
            scores = accuracy_on_cluster(scheduler, files, images, progress)
        return replace(report, accuracy=scores)


def _with_own_preprocessing(pair: Pair, feeding: Feeding) -> tuple[Pair, Feeding]:
    """Takes the preprocessing of the prototxt's training; without any, there is a warning."""
    preprocessing = pair.preprocessing()
    warnings = pair.warnings
    if preprocessing is None and feeding.has_files:
        warnings += (_AS_THEY_ARE,)
    return replace(pair, warnings=warnings), replace(feeding, preprocessing=preprocessing or PLAIN)


_AS_THEY_ARE = (
    "no prototxt has a preprocessing, so images are fed as they are, blue, green, red from "
    "0 to 255: see --mean, --scale and --rgb"
)


def _compared(
    pair: Pair, runs: Sequence[Run], more: Sequence[Run], progress: Progress, *, pictures: bool
) -> Report:
    """Compares in all runs; in `more` only if these cannot tell."""
    comparison = _Comparison(pair, progress)
    for run in runs:
        comparison.add(run)
    report = comparison.report()
    if report.verdict == "cannot tell":
        for run in more:
            comparison.add(run)
        report = comparison.report()
    return looked_closer(report, comparison.repeat, maps=pictures)


class _Comparison:
    """Two models, compared run by run."""

    def __init__(self, pair: Pair, progress: Progress) -> None:
        self._pair, self._progress = pair, progress
        self._backends = pair.expected, pair.received
        self._wanted = _common(*self._backends)
        self._clocks = Clock(), Clock()
        self._tally = Tally()
        self._runs: list[Run] = []

    def add(self, run: Run) -> None:
        self._runs.append(run)
        feeds = run[1]
        streams = (
            clock.timed(backend.run(feeds, self._wanted))
            for clock, backend in zip(self._clocks, self._backends, strict=True)
        )
        for count, (name, one, other) in enumerate(in_step(*streams), 1):
            self._progress(f"comparing {count} of {len(self._wanted)}: {name}")
            self._tally.add(name, one, other)

    def repeat(self, run: int, names: Sequence[str]) -> Iterator[tuple[str, Array, Array]]:
        """Some values of a run once more."""
        feeds = self._runs[run][1]
        streams = (
            ((name, np.asarray(array)) for name, array in backend.run(feeds, names))
            for backend in self._backends
        )
        for count, (name, one, other) in enumerate(in_step(*streams), 1):
            self._progress(f"looking closer at {count} of {len(names)}: {name}")
            yield name, one, other

    def report(self) -> Report:
        pair, (expected, received) = self._pair, self._backends
        outputs = {*expected.outputs, *received.outputs}
        fed = {*expected.inputs, *received.inputs}
        dtypes = {*expected.dtypes, *received.dtypes}
        self._tally.order(self._wanted)
        rows = located(self._tally, _origins(expected, received), fed, outputs, dtypes)
        rows = held_to_rounding(rows, self._tally, dtypes, self._rounding)
        return Report(
            f"{received.title} against {expected.title}",
            rows,
            expected=expected.title,
            received=received.title,
            fed="; ".join(words for words, _ in self._runs),
            unmatched=_unmatched(expected, received, self._wanted),
            warnings=(*pair.warnings, *_not_finite(rows)),
            layouts=_layouts(pair.plan),
            permutations=None if pair.plan is None else tuple(map(str, pair.plan.permutations)),
            seconds=(self._clocks[0].seconds, self._clocks[1].seconds),
            versions={**versions(), **pair.versions},
            dtypes=tuple(sorted(dtypes)),
        )

    def _rounding(self, names: Sequence[str]) -> Mapping[str, float]:
        """Of outputs of the graph that one of the two is, or stands for; nothing without one."""
        path, outputs = self._pair.graph, {*self._backends[0].outputs}
        if path is None or not outputs.issuperset(names):
            return {}
        try:
            return rounding(OnnxRunner(path), names, (feeds for _, feeds in self._runs))
        except GraphError:
            return {}


def in_step(
    one: Iterator[tuple[str, Array]], other: Iterator[tuple[str, Array]]
) -> Iterator[tuple[str, Array, Array]]:
    """Joins two streams of named arrays, holding only those that the other has not yielded yet."""
    streams, waiting = [one, other], [dict[str, Array](), dict[str, Array]()]
    while streams[0] is not _DONE or streams[1] is not _DONE:
        # The stream that has fewer arrays waiting lags behind, unless it has no more.
        backend = int(len(waiting[1]) < len(waiting[0]))
        backend = backend if streams[backend] is not _DONE else 1 - backend
        name, array = next(streams[backend], ("", None))
        if array is None:
            streams[backend] = _DONE
        elif name in waiting[1 - backend]:
            twin = waiting[1 - backend].pop(name)
            yield (name, twin, array) if backend else (name, array, twin)
        else:
            waiting[backend][name] = array


_DONE: Iterator[tuple[str, Array]] = iter(())


class Clock:
    """The time that a stream took to yield its arrays."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, stream: Iterator[tuple[str, Array]]) -> Iterator[tuple[str, Array]]:
        while True:
            start = time.perf_counter()
            name, array = next(stream, ("", None))
            self.seconds += time.perf_counter() - start
            if array is None:
                return
            yield name, np.asarray(array)


def _common(expected: Backend, received: Backend) -> list[str]:
    """The values of both, in the order in which the graph computes them."""
    known = set(received.values)
    order = expected.values if expected.origins or not received.origins else received.values
    common = [name for name in order if name in known and name in set(expected.values)]
    if not common:
        raise UsageError(
            "the two models have no value in common",
            expected=f"{expected.title}: {_some(expected.values)}",
            received=f"{received.title}: {_some(received.values)}",
            hint="values are compared by name: Caffe's blobs, ONNX's values, Keras's layers",
        )
    return common


def _some(names: Sequence[str], count: int = 8) -> str:
    return ", ".join(names[:count]) + (", …" if len(names) > count else "")


def _not_finite(rows: Sequence[Row]) -> Iterator[str]:
    """The outputs that are equal, and of no use."""
    for row in rows:
        if row.is_output and all(row.not_finite):
            count, size = row.not_finite[0], prod(row.expected_shape)
            yield f"output '{row.name}': {count} of its {size} numbers are NaN or infinite in both"


def _unmatched(
    expected: Backend, received: Backend, wanted: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    known = {*wanted, *expected.inputs, *received.inputs}
    one, other = (
        tuple(name for name in backend.values if name not in known)
        for backend in (expected, received)
    )
    return one, other


def _origins(expected: Backend, received: Backend) -> Mapping[str, Origin]:
    """The graph's own if it has any: a Keras model alone knows layers, not blobs."""
    return expected.origins or received.origins


def _layouts(plan: Plan | None) -> dict[str, str]:
    if plan is None:
        return {}
    return {name: str(stored.layout) for name, stored in plan.values.items()}
