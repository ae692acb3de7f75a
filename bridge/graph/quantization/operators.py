"""Operators on quantized tensors, as their definitions: float operators between a DequantizeLinear
for each input and a QuantizeLinear for the result.

Those of com.microsoft are onnxruntime's own   (onnxruntime/docs/ContribOperators.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from bridge import ir
from bridge.errors import UnsupportedError
from bridge.graph.lifting.writer import Writer, rewrite
from bridge.graph.quantization.grid import DOMAINS, constants, operand

Inputs = Sequence["ir.Value | None"]


def as_definitions(model: ir.Model) -> None:
    """Rewrites the operators whose scales are constants, in place; the others stay."""
    for node in list(model.graph):
        definition = DEFINITIONS.get(node.op_type) if node.domain in DOMAINS else None
        if definition is not None and _is_plain(node):
            rewrite(node, definition)


def _is_plain(node: ir.Node) -> bool:
    scales = [value for index, value in enumerate(node.inputs) if index in _scales(node)]
    known = constants(*(value for value in scales if value is not None))
    plain = known is not None and all(scale.ndim <= 1 for scale in known)
    return plain and not node.attributes.get_int("channels_last", 0)


def _scales(node: ir.Node) -> Sequence[int]:
    match node.op_type:
        case "QLinearConcat":
            return (0, *range(3, len(node.inputs), 3))
        case "QGemm":
            return (1, 4, 7)
        case "QLinearWhere":
            return (2, 5, 7)
        case "QLinearConv" | "QLinearMatMul" | "QLinearAdd" | "QLinearMul":
            return (1, 4, 6)
    return (1, 3)


def _dequantized(w: Writer, node: ir.Node, index: int, axis: int = 0) -> ir.Value:
    """An input, whose scale and zero point are the two after it; they are for each index along
    `axis`, or one for all."""
    x, scale, zero_point = (operand(node, index + offset) for offset in range(3))
    known = constants(scale, zero_point)
    if known is not None and known[1].size < known[0].size:
        zero_point = w.constant(np.broadcast_to(known[1].reshape(-1), known[0].shape).copy())
    return w.one("DequantizeLinear", x, scale, zero_point, axis=axis)


def _quantized(
    w: Writer, node: ir.Node, y: ir.Value, scale: ir.Value | None, zero_point: ir.Value | None
) -> Sequence[ir.Value]:
    """The result, whose name and whose node's name hint at what they are of."""
    producer, result = y.producer(), node.outputs[0]
    if producer is not None:
        producer.name = node.name
    y.name = f"{result.name}/float"
    if zero_point is None:
        zero_point = w.constant(np.zeros((), _dtype(node)))
    return w.op("QuantizeLinear", y, scale, zero_point)


def _dtype(node: ir.Node) -> np.dtype[Any]:
    """That of the quantized inputs, which is the result's as well."""
    x = node.inputs[0]
    if x is None or x.dtype is None:
        raise UnsupportedError("a quantized tensor of unknown dtype")
    return x.dtype.numpy()


def _bias(w: Writer, node: ir.Node, index: int, scales: Inputs, factor: float = 1.0) -> ir.Value:
    """A bias in int32, counted in steps of the product of both scales."""
    one, other = constants(*scales) or ()
    step = np.float32(factor) * one.reshape(-1) * other.reshape(-1)
    scale = w.constant(step if step.size > 1 else step.reshape(()))
    return w.one("DequantizeLinear", operand(node, index), scale, None, axis=0)


def _conv(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    inputs = [_dequantized(w, node, 0), _dequantized(w, node, 3, axis=0)]
    if operand(node, 8) is not None:
        inputs.append(_bias(w, node, 8, (node.inputs[1], node.inputs[4])))
    y = w.again(node, inputs, without=("channels_last",), kind="Conv")[0]
    return _quantized(w, node, y, node.inputs[6], operand(node, 7))


def _matmul(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """Scales of a are for its rows, those of b for its columns."""
    a, b = _dequantized(w, node, 0, axis=-2), _dequantized(w, node, 3, axis=-1)
    return _quantized(w, node, w.one("MatMul", a, b), node.inputs[6], operand(node, 7))


def _gemm(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """Without a scale for the result, this is of floats."""
    columns = 0 if node.attributes.get_int("transB", 0) else 1
    inputs = [_dequantized(w, node, 0), _dequantized(w, node, 3, axis=columns)]
    if operand(node, 6) is not None:
        alpha = node.attributes.get_float("alpha", 1.0)
        inputs.append(_bias(w, node, 6, (node.inputs[1], node.inputs[4]), alpha))
    y = w.again(node, inputs, kind="Gemm")
    scale = operand(node, 7)
    return y if scale is None else _quantized(w, node, y[0], scale, operand(node, 8))


def _binary(kind: str, w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    y = w.one(kind, _dequantized(w, node, 0), _dequantized(w, node, 3))
    return _quantized(w, node, y, node.inputs[6], operand(node, 7))


def _unary(kind: str, w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    y = w.again(node, [_dequantized(w, node, 0)], without=("channels_last",), kind=kind)[0]
    return _quantized(w, node, y, node.inputs[3], operand(node, 4))


def _softmax(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """`opset` says which Softmax it is: before 13 all axes from `axis` on are one."""
    x, shape = _dequantized(w, node, 0), None if node.inputs[0] is None else node.inputs[0].shape
    axis = node.attributes.get_int("axis", -1)
    last = axis == -1 or (shape is not None and axis == len(shape) - 1)
    if last or node.attributes.get_int("opset", 13) >= 13:
        y = w.one("Softmax", x, axis=axis)
    else:
        y = w.one("Softmax", w.one("Flatten", x, axis=axis), axis=1)
        y = w.one("Reshape", y, w.one("Shape", x))
    return _quantized(w, node, y, node.inputs[3], operand(node, 4))


def _concat(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    parts = [_dequantized(w, node, index) for index in range(2, len(node.inputs), 3)]
    y = w.again(node, parts, kind="Concat")[0]
    return _quantized(w, node, y, node.inputs[0], node.inputs[1])


def _where(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    y = w.one("Where", node.inputs[0], _dequantized(w, node, 1), _dequantized(w, node, 4))
    return _quantized(w, node, y, node.inputs[7], operand(node, 8))


DEFINITIONS: Mapping[str, Callable[[Writer, ir.Node], Sequence[ir.Value]]] = {
    "QLinearConv": _conv,
    "QLinearMatMul": _matmul,
    "QGemm": _gemm,
    "QLinearAdd": partial(_binary, "Add"),
    "QLinearMul": partial(_binary, "Mul"),
    "QLinearAveragePool": partial(_unary, "AveragePool"),
    "QLinearGlobalAveragePool": partial(_unary, "GlobalAveragePool"),
    "QLinearLeakyRelu": partial(_unary, "LeakyRelu"),
    "QLinearSigmoid": partial(_unary, "Sigmoid"),
    "QLinearSoftmax": _softmax,
    "QLinearConcat": _concat,
    "QLinearWhere": _where,
}
