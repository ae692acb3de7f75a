"""What `caffe-to-onnx` spells otherwise for the sake of some runtimes becomes the one operator that
it stands for again, so that Keras has one layer for it. docs/spelling.md has the list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from bridge import ir
from bridge.graph.fusion.averages import fuse_average
from bridge.graph.fusion.matching import (
    all_axes,
    constant,
    derived,
    flat,
    is_one_shape,
    is_over_channels,
    is_zero,
    number_of,
    producer,
    renamed,
    replace,
    summand,
    tensor_and_constant,
)


def fuse_portable(graph: ir.Graph) -> None:
    """Puts each of the groups below together, in place: at the node that gives its result."""
    for node in list(graph):
        rules = () if node.domain or node.graph is None else _RULES.get(node.op_type, _REDUCTION)
        any(rule(graph, node) for rule in rules)


def _join_pairs(_: ir.Graph, node: ir.Node) -> bool:
    """max(max(a, b), c), or so with min, of tensors of one shape is one operator of three."""
    first, *others = node.inputs
    inner, shape = producer(first, node.op_type), node.outputs[0].shape
    if inner is None or first is None or first in others:
        return False
    inputs = [*inner.inputs, *others]
    if not all(value is not None and is_one_shape(value.shape, shape) for value in inputs):
        return False
    replace([inner, node], "", node.op_type, inputs)
    return True


def _cube(graph: ir.Graph, node: ir.Node) -> bool:
    """(x · x) · x is a power."""
    square, x = producer(node.inputs[0], "Mul"), node.inputs[1]
    if square is None or x is None or x.dtype is None or [*square.inputs] != [x, x]:
        return False
    if x.dtype.numpy().kind != "f":
        return False
    exponent = constant(graph, f"{node.name}.exponent", np.array(3, x.dtype.numpy()))
    replace([square, node], "", "Pow", [x, exponent])
    return True


def _sum(graph: ir.Graph, node: ir.Node) -> bool:
    """A mean times the number of its elements is a sum."""
    x, factor = tensor_and_constant(node)
    mean = producer(x, "ReduceMean")
    if mean is None or mean.inputs[0] is None or mean.inputs[0].shape is None:
        return False
    axes, shape = all_axes(mean), mean.inputs[0].shape
    sizes = [shape[axis] for axis in axes]
    known = [size for size in sizes if isinstance(size, int)]
    if not axes or len(known) < len(sizes) or prod(known) != number_of(factor):
        return False
    name = mean.name or ""
    name = (node.name or "") if name.startswith(f"{node.name}/") else name.replace("mean", "sum")
    inputs = [mean.inputs[0], constant(graph, f"{name}.axes", np.array(axes))]
    keepdims = mean.attributes.get_int("keepdims", 1)
    replace([mean, node], "", "ReduceSum", inputs, name=name, keepdims=keepdims)
    return True


def _without_axes(graph: ir.Graph, node: ir.Node) -> bool:
    """A reduction that keeps its axes, of size 1, perhaps times a number, and a Squeeze of them is
    one that does not keep them."""
    product = producer(node.inputs[0], "Mul")
    x, factor = (node.inputs[0], None) if product is None else tensor_and_constant(product)
    source = None if x is None else x.producer()
    reduction = None if source is None else producer(x, source.op_type)
    if reduction is None or not reduction.op_type.startswith("Reduce") or reduction.domain:
        return False
    is_number = product is None or (factor is not None and is_one_shape(factor.shape, ()))
    axes = _axes_of(node)
    if not is_number or not axes or axes != all_axes(reduction):
        return False
    if reduction.attributes.get_int("keepdims", 1) != 1:
        return False
    attributes = {**_values(reduction), "keepdims": 0}
    group = [reduction] if product else [reduction, node]
    result = replace(
        group, "", reduction.op_type, [*reduction.inputs], reduction.name, **attributes
    )
    result.outputs[0].shape = node.outputs[0].shape
    if product is not None:
        replace([product, node], "", "Mul", [renamed(result.outputs[0], "squeezed"), factor])
    _unflattened(graph, result)
    return True


def _axes_of(squeeze: ir.Node) -> tuple[int, ...] | None:
    x, axes = (*squeeze.inputs, None)[:2]
    if x is None or x.shape is None or axes is None or axes.const_value is None:
        return None
    return tuple(sorted(axis % len(x.shape) for axis in axes.const_value.numpy().tolist()))


def _unflattened_result(graph: ir.Graph, node: ir.Node) -> bool:
    """A reduction of what is flattened, and a Reshape of its result to axes of size 1, is a
    reduction over all axes but the first."""
    x = node.inputs[0]
    source = None if x is None else x.producer()
    reduction = None if source is None else producer(x, source.op_type)
    return reduction is not None and _unflattened(graph, reduction, node)


def _unflattened(graph: ir.Graph, reduction: ir.Node, reshape: ir.Node | None = None) -> bool:
    """The same where the result keeps no axis."""
    is_reduction = reduction.op_type.startswith("Reduce") and not reduction.domain
    flatten = producer(reduction.inputs[0], "Flatten") if is_reduction else None
    x = None if flatten is None else flatten.inputs[0]
    if flatten is None or x is None or x.shape is None or all_axes(reduction) != (1,):
        return False
    keepdims = reduction.attributes.get_int("keepdims", 1)
    ones = [x.shape[0], *[1] * (len(x.shape) - 1)]
    fits = reshape is None or is_one_shape(reshape.outputs[0].shape, ones)
    if flatten.attributes.get_int("axis", 1) != 1 or bool(keepdims) != bool(reshape) or not fits:
        return False
    axes, inputs, options = [*range(1, len(x.shape))], [x], {"keepdims": keepdims}
    if len(reduction.inputs) > 1:  # as the opset has it
        inputs.append(constant(graph, f"{reduction.name}.axes", np.array(axes)))
    group = [node for node in (flatten, reduction, reshape) if node is not None]
    more = {"axes": axes} if len(inputs) == 1 else {}
    replace(group, "", reduction.op_type, inputs, name=reduction.name, **options, **more)
    return True


def _padding_first(graph: ir.Graph, node: ir.Node) -> bool:
    """Of a convolution with a kernel of size 1, a Pad with zeros, and a bias, the Pad comes first,
    and the bias is the convolution's."""
    pad, bias = summand(node, "Pad"), tensor_and_constant(node)[1]
    conv = None if pad is None else producer(pad.inputs[0], "Conv")
    if pad is None or conv is None or len(conv.inputs) != 2 or not _is_pointwise(conv):
        return False
    (x, weight), shape = conv.inputs, node.outputs[0].shape
    if x is None or x.shape is None or shape is None or not _pads_maps_with_zeros(pad):
        return False
    if not is_over_channels(bias, node.outputs[0]):
        return False
    sizes, attributes = [*x.shape[:2], *shape[2:]], _values(conv)
    bias = derived(graph, bias, f"{node.name}.row", flat)
    first = replace([conv], "", "Pad", [x, *pad.inputs[1:]], name=pad.name, **_values(pad))
    padded = renamed(first.outputs[0], "padded")
    padded.shape = ir.Shape(sizes)
    replace([pad, node], "", "Conv", [padded, weight, bias], **attributes)
    return True


def _values(node: ir.Node) -> dict[str, Any]:
    return {name: attribute.value for name, attribute in node.attributes.items()}


def _is_pointwise(conv: ir.Node) -> bool:
    """Whether each position of the result is computed of the one there."""
    kernel = None if conv.inputs[1] is None else conv.inputs[1].shape
    numbers = [*conv.attributes.get_ints("strides", ()), *(kernel or ())[2:]]
    return bool(kernel) and {*numbers} == {1} and not any(conv.attributes.get_ints("pads", ()))


def _pads_maps_with_zeros(pad: ir.Node) -> bool:
    """Whether all pads are zeros around the spatial axes of a tensor n c *s."""
    _, pads, *value = pad.inputs
    widths = None if pads is None or pads.const_value is None else pads.const_value.numpy()
    if widths is None or len(value) > 1 or not all(map(is_zero, filter(None, value))):
        return False
    unpadded = [*widths[:2], *widths[len(widths) // 2 :][:2]]
    is_constant = pad.attributes.get_string("mode", "constant") == "constant"
    return is_constant and widths.min() >= 0 and not any(unpadded)


_Rule = Callable[[ir.Graph, ir.Node], bool]
_RULES: Mapping[str, Sequence[_Rule]] = {
    "Add": (_padding_first,),
    "Max": (_join_pairs,),
    "Min": (_join_pairs,),
    "Mul": (_cube, _sum, fuse_average),
    "Reshape": (_unflattened_result,),
    "Squeeze": (_without_axes,),
}
_REDUCTION: Sequence[_Rule] = (_unflattened,)
