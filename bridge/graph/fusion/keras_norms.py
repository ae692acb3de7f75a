"""Normalisations as TensorFlow's graph of a Keras layer has them: x times a factor, plus a shift.

LayerNormalization and RMSNormalization, over any axes: tf2onnx moves the channels of images to
axis 1, and ONNX's operators are over the last axes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge import ir
from bridge.graph.fusion.matching import (
    derived,
    number_of,
    reduced_axes,
    replace,
    tensor_and_constant,
)

if TYPE_CHECKING:
    Values = Sequence[ir.Value | None]


@dataclass(frozen=True)
class _Average:
    """A mean that keeps its axes."""

    node: ir.Node
    axes: tuple[int, ...]

    @property
    def x(self) -> ir.Value | None:
        return self.node.inputs[0]


@dataclass(frozen=True)
class _Factor:
    """scale / √(average + ε)."""

    average: _Average
    epsilon: float
    scale: ir.Value
    nodes: tuple[ir.Node, ...]


@dataclass(frozen=True)
class _Norm:
    """`nodes` are all that compute it, the last of which gives the result."""

    kind: str
    x: ir.Value
    factor: _Factor
    nodes: tuple[ir.Node, ...]
    bias: ir.Value | None = None


def fuse_keras_norms(graph: ir.Graph) -> None:
    """x · factor + (bias - mean · factor) becomes one LayerNormalization, and x · factor with the
    mean of x² one RMSNormalization, where the factor has a scale."""
    for node in list(graph):
        norm = next(filter(_is_whole, (*_layer_norms(node), *_rms_norms(node))), None)
        if norm is not None:
            _replace(graph, norm)


def _layer_norms(add: ir.Node) -> Iterator[_Norm]:
    for scaled, shift in _orders(add, "Add"):
        added = _computed(shift, "Add")
        negative, bias = (shift, None) if added is None else tensor_and_constant(added)
        for x, multiplier in _orders(_computed(scaled, "Mul"), "Mul"):
            factor = _factor(multiplier)
            for negated, other in _orders(_computed(negative, "Mul"), "Mul"):
                mean = _average(_input(_computed(negated, "Neg")))
                if factor is None or mean is None or x is None or other is not multiplier:
                    continue
                centred = _squared(factor.average.x)
                if centred is None or not _is_difference(centred, x, mean):
                    continue
                if mean.x is not x or mean.axes != factor.average.axes:
                    continue
                inner = (centred, factor.average.x, negated, negative, shift, scaled)
                nodes = (mean.node, *factor.nodes, *_producers(*inner), add)
                yield _Norm("LayerNormalization", x, factor, nodes, bias)


def _rms_norms(mul: ir.Node) -> Iterator[_Norm]:
    for x, multiplier in _orders(mul, "Mul"):
        factor = _factor(multiplier)
        if factor is not None and x is not None and _squared(factor.average.x) is x:
            nodes = (*factor.nodes, *_producers(factor.average.x), mul)
            yield _Norm("RMSNormalization", x, factor, nodes)


def _factor(value: ir.Value | None) -> _Factor | None:
    product = _computed(value, "Mul")
    inverse, scale = (None, None) if product is None else tensor_and_constant(product)
    root = _input(_computed(inverse, "Reciprocal"))
    add = _computed(_input(_computed(root, "Sqrt")), "Add")
    mean, shift = (None, None) if add is None else tensor_and_constant(add)
    average, epsilon = _average(mean), number_of(shift)
    if average is None or epsilon is None or scale is None or add is None:
        return None
    nodes = (average.node, add, *_producers(root, inverse, value))
    return _Factor(average, epsilon, scale, nodes)


def _average(value: ir.Value | None) -> _Average | None:
    node = None if value is None else value.producer()
    if node is None or node.domain or node.inputs[0] is None or node.inputs[0].shape is None:
        return None
    if node.op_type == "GlobalAveragePool":
        return _Average(node, tuple(range(2, len(node.inputs[0].shape))))
    axes = reduced_axes(node) if node.op_type == "ReduceMean" else ()
    return _Average(node, axes) if axes else None


def _squared(value: ir.Value | None) -> ir.Value | None:
    """What a product is the square of."""
    product = _computed(value, "Mul")
    if product is None or product.inputs[0] is not product.inputs[1]:
        return None
    return product.inputs[0]


def _is_difference(value: ir.Value, x: ir.Value, mean: _Average) -> bool:
    sub = _computed(value, "Sub")
    return sub is not None and [*sub.inputs] == [x, mean.node.outputs[0]]


def _orders(node: ir.Node | None, kind: str) -> Iterator[Values]:
    """The two operands of a node of a kind, in both orders."""
    if node is not None and node.op_type == kind and not node.domain:
        yield node.inputs
        yield node.inputs[::-1]


def _computed(value: ir.Value | None, kind: str) -> ir.Node | None:
    node = None if value is None else value.producer()
    return node if node is not None and node.op_type == kind and not node.domain else None


def _input(node: ir.Node | None) -> ir.Value | None:
    return None if node is None else node.inputs[0]


def _producers(*values: ir.Value | None) -> tuple[ir.Node, ...]:
    nodes = (value.producer() for value in values if value is not None)
    return tuple(dict.fromkeys(node for node in nodes if node is not None))


def _is_whole(norm: _Norm) -> bool:
    """Whether nobody else reads what is computed on the way, and the weights are over the axes."""
    group = set(norm.nodes)
    results = (node.outputs[0] for node in norm.nodes[:-1])
    is_closed = all(
        not result.is_graph_output() and group.issuperset(node for node, _ in result.uses())
        for result in results
    )
    weights = (norm.factor.scale, norm.bias)
    return is_closed and all(_is_over(norm, weight) for weight in weights if weight is not None)


def _is_over(norm: _Norm, weight: ir.Value) -> bool:
    """Whether a weight has the sizes of the axes, and no others."""
    if weight.shape is None or norm.x.shape is None:
        return False
    sizes, axes = list(norm.x.shape), norm.factor.average.axes
    dims = [*weight.shape]
    expected = [size if axis in axes else 1 for axis, size in enumerate(sizes)]
    return [1] * (len(sizes) - len(dims)) + dims == expected


def _replace(graph: ir.Graph, norm: _Norm) -> None:
    """With transposes around it where its axes are not the last; layouts make up for them."""
    axes, sizes = norm.factor.average.axes, [*(norm.x.shape or ())]
    order = [axis for axis in range(len(sizes)) if axis not in axes] + [*axes]
    # A layer's own nodes are called `layer/operator`, and one is called like the layer.
    name = min((str(node.name) for node in norm.nodes if node.name), key=len, default="norm")
    shape = [sizes[axis] for axis in axes]
    weights = [
        derived(graph, weight, f"{name}.{role}", lambda array: array.reshape(shape))
        for role, weight in (("scale", norm.factor.scale), ("bias", norm.bias))
        if weight is not None
    ]
    options = {"axis": -len(axes), "epsilon": norm.factor.epsilon}
    if order == sorted(order):
        replace(norm.nodes, "", norm.kind, [norm.x, *weights], name=name, **options)
        return
    before = _transpose(norm.x, order, f"{name}/before")
    node = ir.node(norm.kind, [before.outputs[0], *weights], options, name=name)
    node.outputs[0].shape, node.outputs[0].type = before.outputs[0].shape, norm.x.type
    after = _transpose(node.outputs[0], sorted(order, key=order.__getitem__), f"{name}/after")
    last, nodes = norm.nodes[-1], [before, node, after]
    ir.replace_nodes(graph, norm.nodes, nodes, [last.outputs[0]], [after.outputs[0]])


def _transpose(x: ir.Value, order: Sequence[int], name: str) -> ir.Node:
    node = ir.node("Transpose", [x], {"perm": order}, name=name)
    sizes = [*(x.shape or ())]
    node.outputs[0].shape = ir.Shape([sizes[axis] for axis in order])
    node.outputs[0].type = x.type
    return node
