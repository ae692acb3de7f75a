"""A plan as a .tflite, in LiteRT: what the tests of this folder are made of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from bridge.check.backends.backend import in_onnx_order
from bridge.check.backends.exported import tflite
from bridge.check.compare import compare
from bridge.raising import Plan
from bridge.tflite.emission import LiteModel, lite_model
from bridge.tflite.write import write
from tests.helpers.keras_against_onnx import in_onnxruntime, plan_of

Array = NDArray[Any]


def in_litert(plan: Plan, feeds: Mapping[str, Array], folder: Path) -> dict[str, Array]:
    """The outputs in ONNX's order of axes. Raises UnsupportedError for what is not written."""
    path = folder / "net.tflite"
    write(lite_model(plan), path)
    exported = tflite(path)
    layouts = {name: stored.layout for name, stored in plan.values.items()}
    stored = [np.ascontiguousarray(layouts[x.value].apply(feeds[x.value])) for x in plan.inputs]
    results = zip(plan.outputs, exported.run(stored), strict=True)
    assert [port.name for port in exported.outputs] == [*plan.outputs]
    return {name: np.asarray(in_onnx_order(x, layouts[name])) for name, x in results}


def assert_right(
    plan: Plan, model: onnx.ModelProto, feeds: Mapping[str, Array], folder: Path
) -> None:
    """Holds each output to onnxruntime's."""
    received = in_litert(plan, feeds, folder)
    for name, array in in_onnxruntime(model, feeds).items():
        row = compare(name, array, received[name])
        assert row.ok, f"{row}\n{plan}"


def written(model: onnx.ModelProto, feeds: Mapping[str, Array], folder: Path) -> LiteModel:
    """The model of the file, which is right."""
    plan = plan_of(model)
    assert_right(plan, model, feeds, folder)
    return lite_model(plan)
