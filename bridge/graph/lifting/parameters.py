"""Operators whose attributes became inputs, got other names or defaults, or went away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bridge import ir
from bridge.errors import UnsupportedError
from bridge.graph.lifting.broadcasting import rank_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.graph.lifting.writer import Writer


def without(*names: str) -> Callable[[Writer, ir.Node], Sequence[ir.Value]]:
    """The same node without attributes that say nothing."""
    return lambda w, node: w.again(node, without=names)


def axes_as_input(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    axes = node.attributes.get_ints("axes", None)
    inputs = [node.inputs[0], *([] if axes is None else [w.constant(axes)])]
    return w.again(node, inputs, without=("axes",))


def batch_norm(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """By the statistics given. `is_test` says the same as the number of outputs, and with
    `spatial` 0 each element of a channel has statistics of its own."""
    if node.attributes.get_int("spatial", 1):
        return w.again(node, without=("is_test", "spatial"))
    if sum(bool(value.name) for value in node.outputs) > 1:
        raise UnsupportedError("BatchNormalization in training mode, with spatial 0")
    x, scale, bias, mean, variance = node.inputs
    epsilon = w.like(variance, node.attributes.get_float("epsilon", 1e-5))
    deviation = w.one("Sqrt", w.one("Add", variance, epsilon))
    normalized = w.one("Div", w.one("Sub", x, mean), deviation)
    y = w.op("Add", w.one("Mul", normalized, scale), bias)
    return [*y, *node.outputs[1:]]


def dropout(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """At inference: `is_test`, which went away in opset 7, was not set by every exporter."""
    ratio = w.like(None, node.attributes.get_float("ratio", 0.5))
    return w.again(node, [node.inputs[0], ratio], without=("ratio", "is_test"))


def with_integer_p(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    p = node.attributes.get_float("p", 2.0)
    if p != int(p):
        raise UnsupportedError("a norm whose exponent is no whole number", received=p)
    return w.again(node, without=("p",), p=int(p))


def cast(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """`to` was the name of a dtype."""
    import onnx

    name = node.attributes.get_string("to")
    try:
        to = onnx.TensorProto.DataType.Value(name.upper())
    except ValueError:
        raise UnsupportedError("no such dtype to cast to", received=name) from None
    return w.again(node, without=("to",), to=int(to))


def selu(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """The defaults were shorter."""
    alpha = node.attributes.get_float("alpha", 1.6732)
    gamma = node.attributes.get_float("gamma", 1.0507)
    return w.again(node, without=("alpha", "gamma"), alpha=alpha, gamma=gamma)


def concat(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    return w.again(node, without=("axis",), axis=node.attributes.get_int("axis", 1))


def clip(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    x, of = node.inputs[0], node.attributes
    limits = [of.get_float(name, None) for name in ("min", "max")]
    inputs = [None if limit is None else w.like(x, limit) for limit in limits]
    return w.again(node, [x, *inputs], without=("min", "max"))


def pad(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    x, of = node.inputs[0], node.attributes
    pads = of.get_ints("pads" if "pads" in of else "paddings")
    value = w.like(x, of.get_float("value", 0.0))
    return w.again(node, [x, w.constant(pads), value], without=("pads", "paddings", "value"))


def reshape(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    shape = w.constant(node.attributes.get_ints("shape", ()))
    return w.again(node, [node.inputs[0], shape], without=("shape",))


def slice_(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    of = node.attributes
    inputs = [w.constant(of.get_ints(name)) for name in ("starts", "ends", "axes") if name in of]
    return w.again(node, [node.inputs[0], *inputs], without=("starts", "ends", "axes"))


def split(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """Opset 1 had the sizes as an attribute or as an input."""
    sizes = node.attributes.get_ints("split", None)
    inputs = node.inputs if sizes is None else [node.inputs[0], w.constant(sizes)]
    return w.again(node, inputs, without=("split",))


def top_k(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    if "k" not in node.attributes:
        return w.again(node)
    k = w.constant([node.attributes.get_int("k")])
    return w.again(node, [node.inputs[0], k], without=("k",))


def tile(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """Opset 1 repeats one axis, whose index is an input."""
    if len(node.inputs) < 3:
        return w.again(node)
    x, tiles, axis = node.inputs
    constants = [None if value is None else value.const_value for value in (tiles, axis)]
    if constants[0] is None or constants[1] is None:
        raise UnsupportedError("a Tile of opset 1 by numbers that are computed")
    repeats = np.ones(rank_of(x), np.int64)
    repeats[int(constants[1].numpy().item())] = int(constants[0].numpy().item())
    return w.again(node, [x, w.constant(repeats)])
