"""Pairs of ONNX nodes that are one Keras layer, put together before the sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx_ir as ir


def fuse(graph: ir.Graph) -> None:
    """Rewrites a graph in place, every pair that is known."""
    fuse_affine(graph)


def fuse_affine(graph: ir.Graph) -> None:
    """x · scale + bias becomes one `bridge::Affine`, where both are constants over the same axes.

    Caffe's Scale with a bias is such a pair, and one layer with kernel and bias in Keras.
    """
    import onnx_ir as ir

    for add in list(graph):
        mul = _scaled(add)
        if mul is None:
            continue
        x, scale = _tensor_and_constant(mul)
        bias = _tensor_and_constant(add)[1]
        if scale is None or bias is None or scale.shape != bias.shape:
            continue
        if not _is_weight(scale, x) or _is_divisor(x):
            continue
        node = ir.Node("bridge", "Affine", [x, scale, bias], name=add.name)
        node.outputs[0].shape, node.outputs[0].type = add.outputs[0].shape, add.outputs[0].type
        ir.convenience.replace_nodes_and_values(
            graph, add, [mul, add], [node], [add.outputs[0]], [node.outputs[0]]
        )


def _scaled(add: ir.Node) -> ir.Node | None:
    """The Mul whose result an Add alone reads, and no user."""
    if add.op_type != "Add":
        return None
    value = _tensor_and_constant(add)[0]
    mul = value.producer() if value is not None else None
    if mul is None or mul.op_type != "Mul" or value is None or value.is_graph_output():
        return None
    return mul if len(value.uses()) == 1 else None


def _tensor_and_constant(node: ir.Node) -> tuple[ir.Value | None, ir.Value | None]:
    one, other = node.inputs
    if one is not None and one.const_value is not None:
        one, other = other, one
    return one, other if other is not None and other.const_value is not None else None


def _is_weight(constant: ir.Value, x: ir.Value | None) -> bool:
    """Whether a constant spans axes of a tensor, all of known size, the batch not among them."""
    if x is None or x.shape is None or constant.shape is None:
        return False
    shape, lead = x.shape, len(x.shape) - len(constant.shape)
    spans = {axis + lead: size for axis, size in enumerate(constant.shape) if size != 1}
    known = all(axis > 0 and shape[axis] == size for axis, size in spans.items())
    return lead >= 0 and bool(spans) and known


def _is_divisor(x: ir.Value | None) -> bool:
    """What multiplies an average pooling corrects its divisor, and is no weight."""
    producer = None if x is None else x.producer()
    return producer is not None and producer.op_type == "AveragePool"
