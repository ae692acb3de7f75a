"""Groups of ONNX nodes that are one Keras layer, put together before the layout pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from bridge.graph.producers import computed_by
from bridge.graph.trainable import is_trainable
from bridge.types import Array

if TYPE_CHECKING:
    import onnx_ir as ir

    Shape = ir.Shape | Sequence[object]


def fuse(graph: ir.Graph) -> None:
    """Fuses every known group of nodes, in place."""
    omit_empty_inputs(graph)
    canonicalize(graph)
    fuse_batch_norm(graph)
    fuse_linear(graph)
    fuse_affine(graph)
    pass_names_on(graph)


def omit_empty_inputs(graph: ir.Graph) -> None:
    """A Resize before opset 13 could not leave out its roi or scales, and has empty ones."""
    for node in graph:
        for index, value in enumerate(node.inputs) if node.op_type == "Resize" else ():
            if value is not None and value.shape is not None and 0 in value.shape:
                node.replace_input_with(index, None)


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
    return x if x is not None and _is_one_shape(x.shape, node.outputs[0].shape) else None


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
            if x.shape[channel] == 1 and _is_one_shape(moved, result.shape):
                _replace([node], "", "Transpose", [x], perm=order)
                break


RECURRENT = {"GRU", "LSTM", "RNN"}
# What gives a result another shape or order, and computes nothing.
MOVING = {"Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}


def pass_names_on(graph: ir.Graph) -> None:
    """Gives the name of a layer to the node that computes it, if a later one has it that only
    reshapes the result, and often is nothing in Keras.

    So `get_layer("lstm1")` is the LSTM, of which the graph squeezes an axis.
    """
    for node in graph:
        name, producer = node.name or "", node
        while producer.op_type in MOVING and producer.inputs[0] is not None:
            earlier = producer.inputs[0].producer()
            if earlier is None or not (earlier.name or "").startswith(f"{name}/"):
                break
            producer = earlier
        if name and producer.op_type not in MOVING and producer is not node:
            node.name, producer.name = f"{name}/{node.op_type.lower()}", name


def fuse_affine(graph: ir.Graph) -> None:
    """x · scale + bias becomes one `bridge::Affine`, where both are constants over the same axes.

    Caffe's Scale with a bias is such a pair, and one layer with kernel and bias in Keras.
    """
    for add in list(graph):
        mul = _summand(add, "Mul")
        if mul is None:
            continue
        x, scale = _tensor_and_constant(mul)
        bias = _tensor_and_constant(add)[1]
        if scale is None or bias is None or scale.shape != bias.shape:
            continue
        if x is None or x.shape is None or scale.shape is None:
            continue
        if is_trainable([*scale.shape], [*x.shape], computed_by(x)):
            _replace([mul, add], "bridge", "Affine", [x, scale, bias])


def fuse_linear(graph: ir.Graph) -> None:
    """x · matrix + row becomes one `bridge::Linear`: a Dense layer with its bias.

    So PyTorch and TensorFlow spell a linear layer where x is no matrix, and some always.
    """
    for add in list(graph):
        product = _summand(add, "MatMul")
        if product is None:
            continue
        x, matrix = product.inputs
        bias = _tensor_and_constant(add)[1]
        if matrix is None or matrix.const_value is None or matrix.shape is None or bias is None:
            continue
        if len(matrix.shape) == 2 and bias.shape == (matrix.shape[1],):
            _replace([product, add], "bridge", "Linear", [x, matrix, bias])


# How TensorFlow names the two operations that are left of a batch normalisation.
_SCALING, _SHIFTING = "/batchnorm/mul_1", "/batchnorm/add_1"


def fuse_batch_norm(graph: ir.Graph) -> None:
    """The product and the sum that tf2onnx leaves of a BatchNormalization become one again.

    Its four weights have become two: they are gamma and beta now, with a mean of 0 and a variance
    of 1. Its name distinguishes it from other products and sums, which compute the same.
    """
    for add in list(graph):
        mul = _summand(add, "Mul")
        if mul is None or not _is_named(mul, _SCALING) or not _is_named(add, _SHIFTING):
            continue
        x, scale = _tensor_and_constant(mul)
        bias = _tensor_and_constant(add)[1]
        if not _is_over_channels(scale, x) or not _is_over_channels(bias, x):
            continue
        name = (add.name or "").removesuffix(_SHIFTING)
        gamma = _derived(graph, scale, f"{name}.gamma", _flat)
        beta = _derived(graph, bias, f"{name}.beta", _flat)
        mean = _derived(graph, scale, f"{name}.mean", lambda array: np.zeros_like(_flat(array)))
        variance = _derived(graph, scale, f"{name}.var", lambda array: np.ones_like(_flat(array)))
        inputs = [x, gamma, beta, mean, variance]
        _replace([mul, add], "", "BatchNormalization", inputs, name=name, epsilon=0.0)


def fuse_prelu(graph: ir.Graph) -> None:
    """max(x, 0) + slope · max(-x, 0), as Keras computes a PReLU, becomes one PRelu."""
    for add in list(graph):
        for index in (0, 1) if add.op_type == "Add" else ():
            relu, mul = _producer(add.inputs[index], "Relu"), _summand(add, "Mul", 1 - index)
            below, slope = (None, None) if mul is None else _tensor_and_constant(mul)
            other = _producer(below, "Relu")
            minus = None if other is None else _producer(other.inputs[0], "Neg")
            if relu is None or mul is None or other is None or minus is None or slope is None:
                continue
            if minus.inputs[0] is relu.inputs[0]:
                negated = _derived(graph, slope, f"{slope.name}.negated", np.negative)
                x, group = relu.inputs[0], [relu, minus, other, mul, add]
                add.outputs[0].shape = None if x is None else x.shape
                _replace(group, "", "PRelu", [x, negated])
                break


def drop_zero_states(graph: ir.Graph) -> None:
    """A recurrent operator starts from zeros by default; tf2onnx makes some for as
    many images as there are."""
    for node in list(graph):
        for index in (5, 6) if node.op_type in RECURRENT else ():
            state = node.inputs[index] if index < len(node.inputs) else None
            if _is_zero(state):
                node.replace_input_with(index, None)
                _remove_unused(graph, state)


def take_biases_in(graph: ir.Graph) -> None:
    """A bias of zeros, which tf2onnx leaves after a depthwise convolution, becomes its third
    input. TensorFlow's scope, which both nodes are in, distinguishes it from other sums."""
    for add in list(graph):
        conv = _summand(add, "Conv")
        bias = None if conv is None else _tensor_and_constant(add)[1]
        if conv is None or len(conv.inputs) > 2 or not _is_over_channels(bias, conv.outputs[0]):
            continue
        scopes = {(node.name or "").partition("/")[0] for node in (conv, add)}
        if len(scopes) == 1:
            flat = _derived(graph, bias, f"{add.name}.bias", _flat)
            attributes = {name: attribute.value for name, attribute in conv.attributes.items()}
            _replace([conv, add], "", "Conv", [*conv.inputs, flat], **attributes)


# --- how groups are recognised --------------------------------------------------------------------


def _summand(add: ir.Node, kind: str, index: int | None = None) -> ir.Node | None:
    """The node of a kind whose result an Add alone reads, and no user; as input `index`, or as
    the one beside a constant."""
    if add.op_type != "Add":
        return None
    return _producer(_tensor_and_constant(add)[0] if index is None else add.inputs[index], kind)


def _producer(value: ir.Value | None, kind: str) -> ir.Node | None:
    """The node of a kind that produces a value, if that has one consumer and is no output."""
    node = None if value is None else value.producer()
    if value is None or node is None or node.op_type != kind or value.is_graph_output():
        return None
    return node if len(value.uses()) == 1 else None


def _is_named(node: ir.Node, end: str) -> bool:
    return bool(node.name) and str(node.name).endswith(end)


def _is_one_shape(one: Shape | None, other: Shape | None) -> bool:
    """Whether shapes of as many elements have the same sizes; of one size that is not known on
    either side the others leave no doubt."""
    if one is None or other is None or len(one) != len(other):
        return False
    pairs = zip(one, other, strict=True)
    doubtful = [pair for pair in pairs if not _is_one_size(*pair)]
    known = any(isinstance(size, int) for pair in doubtful for size in pair)
    return len(doubtful) <= 1 and not known


def _is_one_size(one: object, other: object) -> bool:
    return isinstance(one, int) and one == other


def _is_over_channels(constant: ir.Value | None, x: ir.Value | None) -> bool:
    """Whether a constant has one number for each index along axis 1 of a tensor."""
    if constant is None or constant.shape is None or x is None or x.shape is None:
        return False
    rank, dims = len(x.shape), list(constant.shape)
    padded = [1] * (rank - len(dims)) + dims
    return rank >= 2 and padded == [1, x.shape[1], *[1] * (rank - 2)]


def _is_zero(value: ir.Value | None) -> bool:
    """Whether a value is nothing but zeros, spread to a size and moved perhaps."""
    while value is not None and value.const_value is None:
        node = value.producer()
        if node is None or node.op_type not in {*MOVING, "Expand"}:
            return False
        value = node.inputs[0]
    return (
        value is not None and value.const_value is not None and not value.const_value.numpy().any()
    )


def _tensor_and_constant(node: ir.Node) -> tuple[ir.Value | None, ir.Value | None]:
    one, other = node.inputs
    if one is not None and one.const_value is not None:
        one, other = other, one
    return one, other if other is not None and other.const_value is not None else None


# --- how they are replaced ------------------------------------------------------------------------


def _replace(
    group: Sequence[ir.Node],
    domain: str,
    kind: str,
    inputs: Sequence[ir.Value | None],
    /,
    name: str | None = None,
    **attributes: float | Sequence[int],
) -> None:
    """Replaces several nodes, the last of which gives the result, by one."""
    import onnx_ir as ir

    last, graph = group[-1], group[-1].graph
    if graph is None:
        raise ValueError("the nodes are in no graph")
    node = ir.Node(
        domain, kind, inputs, ir.convenience.convert_attributes(attributes), name=name or last.name
    )
    ir.convenience.replace_nodes_and_values(
        graph, last, list(group), [node], [last.outputs[0]], [node.outputs[0]]
    )


def _remove_unused(graph: ir.Graph, value: ir.Value | None) -> None:
    """Removes the producer of a value without consumers, and what only that consumed."""
    node = None if value is None else value.producer()
    if node is None or any(output.uses() or output.is_graph_output() for output in node.outputs):
        return
    inputs = list(node.inputs)
    graph.remove(node, safe=True)
    for operand in inputs:
        _remove_unused(graph, operand)


def _derived(
    graph: ir.Graph, constant: ir.Value | None, name: str, function: Callable[[Array], Array]
) -> ir.Value:
    """A constant that is computed of another when it is read, of the same dtype; numbered where
    the name is taken, as by a layer that is called twice."""
    import onnx_ir as ir

    if constant is None or constant.const_value is None:
        raise ValueError("only constants can be derived from")
    candidates = (name if number == 1 else f"{name}_{number}" for number in count(1))
    name = next(candidate for candidate in candidates if candidate not in graph.initializers)
    source = constant.const_value
    shape = function(np.empty(source.shape.numpy(), np.uint8)).shape
    tensor = ir.LazyTensor(
        lambda: ir.tensor(function(source.numpy()), name=name),
        dtype=source.dtype,
        shape=ir.Shape(shape),
        name=name,
    )
    value = ir.Value(
        name=name, shape=ir.Shape(shape), type=ir.TensorType(source.dtype), const_value=tensor
    )
    graph.register_initializer(value)
    return value


def _flat(array: Array) -> Array:
    return array.reshape(-1)
