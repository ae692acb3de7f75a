"""The checks that every conversion runs by default."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bridge.check.compare import Row, compare
from bridge.check.inputs import seeded_inputs
from bridge.check.report import Report
from bridge.check.runners import KerasRunner, OnnxRunner, run_keras

if TYPE_CHECKING:
    import keras

    from bridge.keras.to_onnx import Exported
    from bridge.raising.plan import Plan

Array = NDArray[Any]


def check_onnx(path: Path, values: Mapping[str, tuple[int | str, ...]]) -> Report:
    """Runs an ONNX file in onnxruntime and holds every blob's shape against `values`, Caffe's.

    Numbers are not compared: there is nothing here to compare them with.
    Raises CheckError for the first blob of another shape, GraphError where the graph cannot run.
    """
    runner = OnnxRunner(path, every_value=True)
    results = runner.run(_seeded(runner))
    rows = tuple(
        _shape_row(name, shape, results[name]) for name, shape in values.items() if name in results
    )
    return Report("shapes in onnxruntime against Caffe's", rows).require_ok()


def _seeded(runner: OnnxRunner) -> dict[str, Array]:
    return seeded_inputs(runner.inputs, sizes=runner.own_sizes, ranges=runner.ranges)


def _shape_row(name: str, shape: tuple[int | str, ...], result: Array) -> Row:
    sizes = zip(shape, result.shape, strict=False)
    expected = tuple(have if isinstance(want, str) else want for want, have in sizes)
    expected += tuple(size for size in shape[len(result.shape) :] if isinstance(size, int))
    error = 0.0 if expected == result.shape else float("inf")
    return Row(name, expected, result.shape, error, limit=1.0)


def check_keras(model: keras.Model, plan: Plan, path: Path) -> Report:
    """Compares a Keras model with the ONNX file it came from, on every output.

    Raises CheckError for the first output that differs.
    """
    runner = OnnxRunner(path)
    feeds = _seeded(runner)
    expected, received = runner.run(feeds), KerasRunner(model, plan).run(feeds)
    rows = tuple(
        compare(name, np.asarray(expected[name]), received[name]) for name in runner.outputs
    )
    return Report("Keras against onnxruntime", rows).require_ok()


def check_export(model: keras.Model, exported: Exported, path: Path) -> Report:
    """Compares an ONNX file with the Keras model that it was made of, on every output.

    Raises CheckError for the first output that differs.
    """
    runner = OnnxRunner(path)
    feeds = _seeded(runner)
    received = runner.run(feeds)
    arrays = [port.layout.apply(feeds[port.name]) for port in exported.inputs]
    results = run_keras(model, arrays)
    rows = tuple(
        compare(port.name, port.layout.undo(result), received[port.name])
        for port, result in zip(exported.outputs, results, strict=True)
    )
    return Report("onnxruntime against Keras", rows).require_ok()
