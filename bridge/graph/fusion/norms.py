"""Normalisations as PyTorch's exporters spell them for opsets that lack the operator."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from bridge import ir
from bridge.graph.fusion.matching import (
    derived,
    flat,
    is_one_shape,
    is_over_channels,
    number_of,
    producer,
    reduced_axes,
    remove_unused,
    replace,
    summand,
    tensor_and_constant,
)


def fuse_group_norm(graph: ir.Graph) -> None:
    """A Reshape to groups, an InstanceNormalization, a Reshape back, the product and the sum that
    follow become one `bridge::GroupNormalization`.

    ONNX has the operator from opset 18 on, with a scale for each channel from 21 on.
    """
    for back in list(graph):
        norm = producer(back.inputs[0], "InstanceNormalization") if _is(back, "Reshape") else None
        split = None if norm is None else producer(norm.inputs[0], "Reshape")
        if norm is None or split is None or not _are_groups(split, back):
            continue
        x, shape, group = split.inputs[0], back.inputs[1], [split, norm, back]
        mul = _only_consumer(back, "Mul")
        add = _only_consumer(mul, "Add")
        gamma = None if mul is None else tensor_and_constant(mul)[1]
        beta = None if add is None else tensor_and_constant(add)[1]
        if x is None or mul is None or add is None or not _is_idle(*norm.inputs[1:]):
            continue
        if not is_over_channels(gamma, x) or not is_over_channels(beta, x):
            continue
        inputs = [
            x,
            derived(graph, gamma, f"{norm.name}.gamma", flat),
            derived(graph, beta, f"{norm.name}.beta", flat),
        ]
        options = {"num_groups": _size(split, 1), "epsilon": _epsilon(norm)}
        add.outputs[0].shape = x.shape
        group += [mul, add]
        replace(group, "bridge", "GroupNormalization", inputs, name=norm.name, **options)
        remove_unused(graph, shape)


def _epsilon(norm: ir.Node) -> float:
    return float(norm.attributes.get_float("epsilon", 1e-5) or 0.0)


def _size(node: ir.Node, axis: int) -> int:
    """The size of an axis of a node's result, 0 if it is not known."""
    shape = node.outputs[0].shape
    size = None if shape is None else shape[axis]
    return size if isinstance(size, int) else 0


def _are_groups(split: ir.Node, back: ir.Node) -> bool:
    """Whether the channels of a tensor n c *s are split into groups, and put together again."""
    x, groups, restored = split.inputs[0], split.outputs[0], back.outputs[0]
    if x is None or x.shape is None or groups.shape is None or len(groups.shape) != 3:
        return False
    shape, number = list(x.shape), groups.shape[1]
    if len(shape) < 3 or not isinstance(shape[1], int) or not isinstance(number, int):
        return False
    if shape[1] % number or not _is_one_batch(split, shape, list(groups.shape)):
        return False
    source = back.inputs[1].producer() if back.inputs[1] is not None else None
    is_shape_of_x = (
        source is not None
        and source.op_type == "Shape"
        and source.inputs[0] is x
        and not source.attributes.get_int("start", 0)
        and "end" not in source.attributes
    )
    return is_shape_of_x or is_one_shape(x.shape, restored.shape)


def _is_one_batch(split: ir.Node, shape: Sequence[object], groups: Sequence[object]) -> bool:
    """Whether a Reshape leaves the first axis as it is."""
    target = split.inputs[1]
    constant = None if target is None else target.const_value
    if constant is not None and constant.numpy()[0] == 0:
        return not split.attributes.get_int("allowzero", 0)
    one, other = _elements(shape[1:]), _elements(groups[1:])
    return one is not None and one == other


def _elements(sizes: Sequence[object]) -> int | None:
    known = [size for size in sizes if isinstance(size, int)]
    return prod(known) if len(known) == len(sizes) else None


def _is_idle(scale: ir.Value | None, bias: ir.Value | None) -> bool:
    """Whether a scale is 1 and a bias 0 throughout."""
    ones = None if scale is None else scale.const_value
    zeros = None if bias is None else bias.const_value
    if ones is None or zeros is None:
        return False
    return bool((ones.numpy() == 1).all()) and not zeros.numpy().any()


def fuse_layer_norm(graph: ir.Graph) -> None:
    """(x - mean) / √(variance + ε) · scale + bias becomes one LayerNormalization.

    ONNX has the operator from opset 17 on.
    """
    for product in list(graph):
        scale = tensor_and_constant(product)[1] if _is(product, "Mul") else None
        divide = None if scale is None else producer(tensor_and_constant(product)[0], "Div")
        matched = None if divide is None else _standardized(divide)
        if scale is None or divide is None or matched is None:
            continue
        x, axis, epsilon, nodes = matched
        if x.shape is None or scale.shape is None or [*scale.shape] != [*x.shape][axis:]:
            continue
        group, inputs = [*nodes, divide, product], [x, scale]
        add = _only_consumer(product, "Add")
        bias = None if add is None else tensor_and_constant(add)[1]
        if add is not None and bias is not None and bias.shape == scale.shape:
            group, inputs = [*group, add], [*inputs, bias]
        replace(group, "", "LayerNormalization", inputs, axis=axis - len(x.shape), epsilon=epsilon)


Standardized = tuple["ir.Value", int, float, list["ir.Node"]]


def _standardized(divide: ir.Node) -> Standardized | None:
    """What (x - mean) / √(variance + ε) is computed of: x, the first of the axes, ε and the nodes
    before the division; None for any other quotient."""
    root = producer(divide.inputs[1], "Sqrt")
    add = None if root is None else producer(root.inputs[0], "Add")
    variance = None if add is None else summand(add, "ReduceMean")
    centred = divide.inputs[0].producer() if divide.inputs[0] is not None else None
    if root is None or add is None or variance is None or centred is None:
        return None
    square = producer(variance.inputs[0], "Pow") or producer(variance.inputs[0], "Mul")
    mean = producer(centred.inputs[1], "ReduceMean") if _is(centred, "Sub") else None
    epsilon = number_of(tensor_and_constant(add)[1])
    if square is None or mean is None or epsilon is None or mean.inputs[0] is None:
        return None
    x, result = mean.inputs[0], centred.outputs[0]
    readers = {node for node, _ in result.uses()}
    is_square = [*square.inputs] == [result, result] or (
        square.op_type == "Pow" and square.inputs[0] is result and number_of(square.inputs[1]) == 2
    )
    if not is_square or readers != {square, divide} or result.is_graph_output():
        return None
    axis = _first_of_last_axes(mean)
    if centred.inputs[0] is not x or axis is None or axis != _first_of_last_axes(variance):
        return None
    return x, axis, epsilon, [mean, centred, square, variance, add, root]


def _first_of_last_axes(reduction: ir.Node) -> int | None:
    """The first of the axes that a reduction is over, if they are all from there on, and kept."""
    x, axes = reduction.inputs[0], reduced_axes(reduction)
    if x is None or x.shape is None or not axes:
        return None
    return axes[0] if axes == tuple(range(axes[0], len(x.shape))) else None


def _is(node: ir.Node, kind: str) -> bool:
    return node.op_type == kind and not node.domain


def _only_consumer(node: ir.Node | None, kind: str) -> ir.Node | None:
    """The node of a kind that alone reads the result of another one."""
    result = None if node is None else node.outputs[0]
    if result is None or result.is_graph_output() or len(result.uses()) != 1:
        return None
    ((consumer, _),) = result.uses()
    return consumer if _is(consumer, kind) else None
