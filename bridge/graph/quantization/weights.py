"""Quantized constants, as the floats that they stand for: also those that onnxruntime's
DequantizeLinear does not take in the graph's opset, of 2 and 4 bits, of 16, and in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from bridge import ir
from bridge.graph.quantization.grid import is_a, operand
from bridge.types import Array


def dequantize_constants(graph: ir.Graph) -> None:
    """Replaces each DequantizeLinear of constants by its result, computed when it is read."""
    for node in list(graph):
        y = node.outputs[0]
        if is_a(node, "DequantizeLinear") and not y.is_graph_output():
            floats = _floats(node)
            if floats is not None:
                graph.register_initializer(floats)
                y.replace_all_uses_with(floats)
                graph.remove(node, safe=True)


def _floats(node: ir.Node) -> ir.Value | None:
    values = [value for index in range(3) if (value := operand(node, index)) is not None]
    tensors = [value.const_value for value in values if value.const_value is not None]
    if len(tensors) < len(values):
        return None
    q, scale, name = tensors[0], tensors[1], str(node.outputs[0].name)
    axis, block = (node.attributes.get_int(name, n) for name, n in (("axis", 1), ("block_size", 0)))
    read = partial(_read, tensors, axis, block)
    shape = ir.Shape(q.shape.numpy())
    tensor = ir.LazyTensor(
        lambda: ir.Tensor(read(), name=name), dtype=scale.dtype, shape=shape, name=name
    )
    return ir.Value(name=name, shape=shape, type=ir.TensorType(scale.dtype), const_value=tensor)


def _read(tensors: Sequence[ir.TensorBase], axis: int, block: int) -> Array:
    q, *steps = (tensor.numpy().astype(np.float32) for tensor in tensors)
    scale, *zeros = (_spread(array, q.shape, axis, block) for array in steps)
    floats = (q - zeros[0] if zeros else q) * scale
    return floats.astype(tensors[1].dtype.numpy())


def _spread(steps: Array, shape: tuple[int, ...], axis: int, block: int) -> Array:
    """As it broadcasts to the tensor."""
    if block:
        return np.repeat(steps, block, axis).take(range(shape[axis]), axis)
    if steps.size == 1:
        return steps.reshape(())
    return steps.reshape([-1 if index == axis % len(shape) else 1 for index in range(len(shape))])
