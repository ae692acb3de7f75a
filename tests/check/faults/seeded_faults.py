"""Faults seeded into ONNX graphs, each of a kind that a check has to see on any net."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

Array = NDArray[Any]

_WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_ACTIVATIONS = ("Relu", "PRelu", "LeakyRelu")


def zeroed_last_layer(model: onnx.ModelProto) -> None:
    """The weights of the last layer that has any are zeros."""
    *_, (_, weight) = _weighted(model)
    _replace(model, weight, np.zeros_like(_array(model, weight)))


def swapped_channels(model: onnx.ModelProto) -> None:
    """Of a convolution in the middle, two filters swapped."""
    kernels = [
        weight
        for node, weight in _weighted(model)
        if node.op_type == "Conv" and len(_array(model, weight)) > 1
    ]
    name = kernels[len(kernels) // 2]
    kernel = _array(model, name).copy()
    kernel[[0, -1]] = kernel[[-1, 0]]
    _replace(model, name, kernel)


def dropped_relu(model: onnx.ModelProto) -> None:
    """An activation in the middle lets everything through."""
    activations = [node for node in model.graph.node if node.op_type in _ACTIVATIONS]
    node = activations[len(activations) // 2]
    del node.input[1:], node.attribute[:]
    node.op_type = "Identity"


def shifted_window(model: onnx.ModelProto) -> None:
    """Of a convolution in the middle, the windows lie one pixel beside where they should."""
    nodes = [
        (node, weight)
        for node, weight in _weighted(model)
        if node.op_type == "Conv" and _array(model, weight).shape[-1] > 1
    ]
    node, weight = nodes[len(nodes) // 2]
    pads = next((attribute for attribute in node.attribute if attribute.name == "pads"), None)
    if pads is not None and pads.ints[-1]:
        pads.ints[-1] -= 1
        pads.ints[len(pads.ints) // 2 - 1] += 1
    else:
        _replace(model, weight, np.roll(_array(model, weight), 1, axis=-1))


FAULTS: tuple[Callable[[onnx.ModelProto], None], ...] = (
    zeroed_last_layer,
    swapped_channels,
    dropped_relu,
    shifted_window,
)


def seeded(model: onnx.ModelProto, fault: Callable[[onnx.ModelProto], None]) -> onnx.ModelProto:
    """A copy of the model with the fault."""
    wrong = onnx.ModelProto()
    wrong.CopyFrom(model)
    fault(wrong)
    return wrong


def _weighted(model: onnx.ModelProto) -> Iterator[tuple[onnx.NodeProto, str]]:
    """The nodes that multiply by weights, and what these are called."""
    known = _constants(model)
    for node in model.graph.node:
        if node.op_type in _WEIGHTED and node.input[1] in known:
            yield node, node.input[1]


def _constants(model: onnx.ModelProto) -> Mapping[str, onnx.TensorProto]:
    return {tensor.name: tensor for tensor in model.graph.initializer}


def _array(model: onnx.ModelProto, name: str) -> Array:
    return numpy_helper.to_array(_constants(model)[name])


def _replace(model: onnx.ModelProto, name: str, array: Array) -> None:
    _constants(model)[name].CopyFrom(numpy_helper.from_array(array, name))
