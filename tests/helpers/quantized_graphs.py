"""Quantized graphs, and what becomes of them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.parser
from numpy.typing import NDArray
from onnx import numpy_helper

from bridge import ir
from bridge.check.runners import OnnxRunner
from bridge.graph.quantization import to_floats

Array = NDArray[Any]


def quantized(
    text: str, constants: Mapping[str, Array] | None = None, opset: int = 17
) -> onnx.ModelProto:
    """A model that may have onnxruntime's own operators."""
    opsets = f'["":{opset}, "com.microsoft":1]'
    model = onnx.parser.parse_model(f"<ir_version: 10, opset_import: {opsets}>\n{text}")
    for name, array in (constants or {}).items():
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))
    for node in model.graph.node:
        node.name = node.name or node.output[0]
    return model


def floats_of(model: onnx.ModelProto) -> onnx.ModelProto:
    """The float model that a quantized one stands for, checked."""
    graph = ir.from_proto(model)
    to_floats(graph)
    proto = ir.to_proto(graph)
    onnx.checker.check_model(proto, full_check=True)
    return proto


def operators(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def run(model: onnx.ModelProto, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """As the check of a conversion does: onnxruntime by itself quantizes the weights of a Conv
    between a DequantizeLinear and a QuantizeLinear."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        onnx.save(model, path)
        return OnnxRunner(path).run(feeds)


def distance(model: onnx.ModelProto, feeds: Mapping[str, Array]) -> float:
    """How far the float model is from the quantized one, at most, in onnxruntime."""
    exact, floats = (run(proto, feeds) for proto in (model, floats_of(model)))
    assert {name: (x.shape, x.dtype) for name, x in exact.items()} == {
        name: (x.shape, x.dtype) for name, x in floats.items()
    }
    return max(
        float(np.abs(floats[name] - x.astype(np.float64)).max()) for name, x in exact.items()
    )
