"""What tf2onnx spells out, in the operators that ONNX has for it."""

from __future__ import annotations

import numpy as np

from bridge import ir
from bridge.graph.fusion.matching import (
    derived,
    flat,
    is_one_shape,
    is_over_channels,
    is_zero,
    producer,
    remove_unused,
    replace,
    summand,
    tensor_and_constant,
)


def canonicalize(graph: ir.Graph) -> None:
    """Rewrites what tf2onnx spells out into the operators that ONNX has for it, in place."""
    drop_idle_reshapes(graph)
    reshape_to_transpose(graph)
    fuse_prelu(graph)
    drop_zero_states(graph)


def drop_idle_reshapes(graph: ir.Graph) -> None:
    """A reshape to the shape that is there already, as tf2onnx leaves of transposes around 1 × 1,
    stands between nodes that belong together."""
    for node in list(graph):
        x, result = unshaped(node), node.outputs[0]
        if x is not None and not result.is_graph_output():
            result.replace_all_uses_with(x)
            graph.remove(node, safe=True)


def unshaped(node: ir.Node) -> ir.Value | None:
    """What a reshape to the shape that is there already reads; None for any other node."""
    x = node.inputs[0] if node.op_type in ("Reshape", "Squeeze", "Unsqueeze") else None
    return x if x is not None and is_one_shape(x.shape, node.outputs[0].shape) else None


def reshape_to_transpose(graph: ir.Graph) -> None:
    """Turns a Reshape that moves a single channel to the other side of an image back into the
    Transpose that tf2onnx made it from."""
    for node in list(graph):
        x, result = node.inputs[0] if node.inputs else None, node.outputs[0]
        if node.op_type != "Reshape" or x is None or x.shape is None or len(x.shape) < 3:
            continue
        first, last = 1, len(x.shape) - 1
        spatial = range(2, len(x.shape))
        for channel, order in ((last, (0, last, *range(1, last))), (first, (0, *spatial, first))):
            moved = [x.shape[axis] for axis in order]
            if x.shape[channel] == 1 and is_one_shape(moved, result.shape):
                replace([node], "", "Transpose", [x], perm=order)
                break


def fuse_prelu(graph: ir.Graph) -> None:
    """max(x, 0) + slope · max(-x, 0), as Keras computes a PReLU, becomes one PRelu."""
    for add in list(graph):
        for index in (0, 1) if add.op_type == "Add" else ():
            relu, mul = producer(add.inputs[index], "Relu"), summand(add, "Mul", 1 - index)
            below, slope = (None, None) if mul is None else tensor_and_constant(mul)
            other = producer(below, "Relu")
            minus = None if other is None else producer(other.inputs[0], "Neg")
            if relu is None or mul is None or other is None or minus is None or slope is None:
                continue
            if minus.inputs[0] is relu.inputs[0]:
                negated = derived(graph, slope, f"{slope.name}.negated", np.negative)
                x, group = relu.inputs[0], [relu, minus, other, mul, add]
                add.outputs[0].shape = None if x is None else x.shape
                replace(group, "", "PRelu", [x, negated])
                break


RECURRENT = {"GRU", "LSTM", "RNN"}


def drop_zero_states(graph: ir.Graph) -> None:
    """A recurrent operator starts from zeros by default; tf2onnx makes some for as
    many images as there are."""
    for node in list(graph):
        for index in (5, 6) if node.op_type in RECURRENT else ():
            state = node.inputs[index] if index < len(node.inputs) else None
            if is_zero(state):
                node.replace_input_with(index, None)
                remove_unused(graph, state)


def take_biases_in(graph: ir.Graph) -> None:
    """A bias of zeros, which tf2onnx leaves after a depthwise convolution, becomes its third
    input. TensorFlow's scope, which both nodes are in, distinguishes it from other sums."""
    for add in list(graph):
        conv = summand(add, "Conv")
        bias = None if conv is None else tensor_and_constant(add)[1]
        if conv is None or len(conv.inputs) > 2 or not is_over_channels(bias, conv.outputs[0]):
            continue
        scopes = {(node.name or "").partition("/")[0] for node in (conv, add)}
        if len(scopes) == 1:
            bias = derived(graph, bias, f"{add.name}.bias", flat)
            attributes = {name: attribute.value for name, attribute in conv.attributes.items()}
            replace([conv, add], "", "Conv", [*conv.inputs, bias], **attributes)
