"""The checks that every conversion runs by default."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bridge.check.backends.backend import in_onnx_order
from bridge.check.compare import Row, compare, size
from bridge.check.draws import Tally
from bridge.check.inputs import FREE_BATCH, WIDE, may_be_image, seeded_inputs
from bridge.check.locate import held_to_rounding, located
from bridge.check.report import Report
from bridge.check.runners import KerasRunner, OnnxRunner, rounding
from bridge.check.within import values_within
from bridge.errors import CheckError
from bridge.graph.half import MAX_HALF
from bridge.types import Array

if TYPE_CHECKING:
    import keras

    from bridge.check.backends.keras import KerasBackend
    from bridge.check.backends.stored.opening import Source
    from bridge.graph.io.ports import Exported
    from bridge.raising.plan import Plan

Run = Callable[[Mapping[str, Array]], Mapping[str, Array]]
Shapes = Mapping[str, tuple[int | str, ...]]
"""Caffe's shape of each value; a free size is a symbol."""


def check_onnx(path: Path, values: Shapes) -> Report:
    """Runs an ONNX file in onnxruntime and compares every blob's shape with `values`, Caffe's.

    Numbers are not compared: there is nothing to compare them with. But an output that is not
    finite, or the same for all inputs, is a warning.
    Raises CheckError for the first blob of another shape, GraphError if the graph cannot run.
    """
    runner = OnnxRunner(path, shapes=values)
    rows: tuple[Row, ...] = ()

    def outputs(feeds: Mapping[str, Array]) -> dict[str, Array]:
        nonlocal rows
        results, shapes = runner.run_with_shapes(feeds)
        rows = _held_shapes(values, shapes)
        return results

    alone = compared("", runner, outputs, None, runner.dtypes)
    return Report(_SHAPES, rows, warnings=alone.warnings)


_SHAPES = "shapes in onnxruntime against Caffe's"


def _held_shapes(values: Shapes, shapes: Mapping[str, tuple[int, ...]]) -> tuple[Row, ...]:
    """A row for each shape that a run has shown. Raises CheckError for the first that is another
    than in `values`."""
    rows = tuple(_shape_row(name, values[name], shape) for name, shape in shapes.items())
    return Report(_SHAPES, rows).require_no_difference().rows


def _shape_row(name: str, shape: tuple[int | str, ...], received: tuple[int, ...]) -> Row:
    sizes = zip(shape, received, strict=False)
    expected = tuple(actual if isinstance(size, str) else size for size, actual in sizes)
    expected += tuple(size for size in shape[len(received) :] if isinstance(size, int))
    error = 0.0 if expected == received else float("inf")
    return Row(name, expected, received, error, limit=1.0)


def check_keras(model: keras.Model, plan: Plan, path: Path, values: Shapes | None = None) -> Report:
    """Compares a Keras model with the ONNX file it came from, on every output and on values within.
    `values` are the shapes to which Caffe holds that file's, in the same runs.

    Raises CheckError for the first shape or value that differs; one that cannot tell is a warning.
    """
    from bridge.check.backends.keras import KerasBackend, dtypes_of, value_locations

    inputs = [planned.value for planned in plan.inputs]
    backend = KerasBackend(model, "Keras", value_locations(plan), inputs, plan.outputs)
    sizes = _bytes_of(plan, backend)
    values = values or {}
    runner = OnnxRunner(path, extra=lambda origins: values_within(origins, sizes), shapes=values)
    tensors = backend.tensors()
    keras_runner = KerasRunner(model, plan, {name: tensors[name] for name in runner.extra})
    dtypes = runner.dtypes | dtypes_of(model)

    def in_onnxruntime(feeds: Mapping[str, Array]) -> dict[str, Array]:
        results, shapes = runner.run_with_shapes(feeds)
        _held_shapes(values, shapes)
        return results

    subject = "Keras against onnxruntime"
    report = compared(subject, runner, in_onnxruntime, keras_runner.run, dtypes)
    return report.require_no_difference()


def check_half(half: Path, single: Path, values: Shapes) -> Report:
    """Compares an ONNX file in half precision with the same graph in single, on every output, and
    holds every blob's shape to `values`, Caffe's.

    Every half-precision value is an output, so that onnxruntime rounds it: on a CPU it computes in
    single, and the outputs may be right where a device with halves of its own gives infinity.

    Raises CheckError for the first shape that is another, for the first value that is too large for
    a half, and for the first output that differs by more than the rounding of a half, for example
    because weights are too small for one; one that cannot tell is a warning. So is an output whose
    size depends on the data: rounding may well find another box.
    """
    runner, whole = (OnnxRunner(path, every_value=True) for path in (half, single))
    dtypes = runner.dtypes | whole.dtypes
    left_out = runner.data_sized.intersection(runner.graph_outputs)

    def outputs(feeds: Mapping[str, Array]) -> dict[str, Array]:
        results = whole.run(feeds, whole.graph_outputs)
        return {name: x for name, x in results.items() if name not in left_out}

    def halves(feeds: Mapping[str, Array]) -> dict[str, Array]:
        results = runner.run(feeds)
        _held_shapes(values, {name: results[name].shape for name in values if name in results})
        _refuse_overflow(results, whole, feeds)
        return {name: results[name] for name in runner.graph_outputs}

    report = compared("half precision against single", runner, outputs, halves, dtypes)
    notes = (f"'{name}' was not compared with single precision" for name in sorted(left_out))
    return replace(report.require_no_difference(), warnings=(*report.warnings, *notes))


def _refuse_overflow(
    halves: Mapping[str, Array], whole: OnnxRunner, feeds: Mapping[str, Array]
) -> None:
    """Raises CheckError for the first value that is infinite in half precision alone."""
    for name, values in halves.items():
        if values.dtype != np.float16 or not np.isinf(values).any() or name not in whole.outputs:
            continue
        largest = size(whole.run(feeds, [name])[name])
        if largest > MAX_HALF:
            raise CheckError(
                f"the value '{name}' does not fit into half precision",
                expected=f"at most {MAX_HALF:.0f}",
                received=f"{largest:.3g}",
                hint="leave out --fp16",
            )


def _bytes_of(plan: Plan, backend: KerasBackend) -> dict[str, int]:
    """The sizes of the values within that both models have, with a batch of FREE_BATCH."""
    shapes = {name: plan.values[name].layout.stored_shape for name in backend.values}
    return {
        name: 4 * prod(size if isinstance(size, int) else FREE_BATCH for size in shape)
        for name, shape in shapes.items()
        if name not in plan.outputs
    }


def check_export(source: Source, exported: Exported, path: Path) -> Report:
    """Compares an ONNX file with the Keras model that it was exported from, on every output.

    Raises CheckError for the first output that differs; one that cannot tell is a warning.
    """
    runner = OnnxRunner(path)

    def in_keras(feeds: Mapping[str, Array]) -> dict[str, Array]:
        arrays = [port.layout.apply(feeds[port.name]) for port in exported.inputs]
        results = zip(exported.outputs, source.run(arrays), strict=True)
        return {port.name: in_onnx_order(result, port.layout) for port, result in results}

    dtypes = runner.dtypes | source.dtypes()
    report = compared("onnxruntime against Keras", runner, in_keras, runner.run, dtypes)
    return report.require_no_difference()


def distances(original: Path, changed: Path) -> Iterator[str]:
    """In words, how far each output of a graph is from that of the graph it was made of by leaving
    out rounding, both in onnxruntime: for information, as to round is what they differ in."""
    runner, other = OnnxRunner(original), OnnxRunner(changed)
    expected, received = dict[str, list[Array]](), dict[str, list[Array]]()
    for feeds in islice(draws(runner), 2):
        for results, run in ((expected, runner.run), (received, other.run)):
            for name, array in run(feeds).items():
                results.setdefault(name, []).append(array)
    for name, arrays in expected.items():
        pairs = list(zip(arrays, received[name], strict=True))
        if any(one.shape != two.shape or not one.size for one, two in pairs):
            yield f"'{name}' was not compared with what it was"
            continue
        rows = [compare(name, *pair) for pair in pairs]
        error, range_ = max(row.error for row in rows), max(row.range for row in rows)
        share = f", {100 * error / range_:.2g} % of its range" if range_ else ""
        yield f"'{name}' differs from what it was by up to {error:.3g}{share}"


def compared(
    subject: str, runner: OnnxRunner, expected: Run, received: Run | None, dtypes: Collection[str]
) -> Report:
    """Runs a graph in two ways on two draws, and on a third if these cannot tell. Without another
    way, what is said of the outputs alone is all there is."""
    tally = Tally()
    report = Report(subject, ())
    for count, feeds in enumerate(draws(runner), 1):
        results = expected(feeds)
        others = results if received is None else received(feeds)
        for name, array in results.items():
            tally.add(name, array, others[name])
        del results, others
        if count == 1:
            continue
        tally.order([*runner.origins, *runner.outputs])
        rows = located(tally, runner.origins, runner.inputs, runner.graph_outputs, dtypes)
        rows = held_to_rounding(rows, tally, dtypes, partial(_rounding, runner, count))
        report = Report(subject, rows, dtypes=tuple(sorted(dtypes)))
        if report.verdict != "cannot tell":
            break
    return replace(report, warnings=tuple(map(_doubtful, report.doubts)))


def _rounding(runner: OnnxRunner, runs: int, names: Sequence[str]) -> Mapping[str, float]:
    return rounding(runner, names, islice(draws(runner), runs))


def draws(runner: OnnxRunner) -> Iterator[dict[str, Array]]:
    """Inputs, twice; then once more, as large as an image's, if the net may take one."""
    draw = partial(seeded_inputs, runner.inputs, sizes=runner.own_sizes, ranges=runner.ranges)
    yield from (draw(seed=seed) for seed in (0, 1))
    if any(may_be_image(*spec) for spec in runner.inputs.values()):
        yield draw(seed=2, images=WIDE)


def _doubtful(row: Row) -> str:
    return f"nothing shows whether the output '{row.name}' is right: {row.doubt}"
