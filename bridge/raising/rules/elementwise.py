"""Elementwise operators on two or more tensors, with ONNX's broadcasting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from string import ascii_lowercase
from typing import Any, cast

import numpy as np

from bridge.errors import UnsupportedError
from bridge.graph.trainable import is_trainable
from bridge.layout import Layout, Weight
from bridge.raising.building.adding import add as added
from bridge.raising.building.adding import may_be_mistaken
from bridge.raising.building.candidates import (
    broadcast_layout,
    broadcastable,
    channels_last,
    layouts_of_tensors,
)
from bridge.raising.building.recorder import Recorder
from bridge.raising.building.unsigned import of_uint64, where
from bridge.raising.plan import Ref
from bridge.raising.table import Candidate, Node, Operand, Shape, raises

# For each ONNX operator the Keras layer that merges tensors, if there is one, and the function.
MERGES: Mapping[str, tuple[str | None, str]] = {
    "Add": ("Add", "add"),
    "Sub": ("Subtract", "subtract"),
    "Mul": ("Multiply", "multiply"),
    "Max": ("Maximum", "maximum"),
    "Min": ("Minimum", "minimum"),
    "Sum": ("Add", "add"),
    "Div": (None, "divide"),
    "Pow": (None, "power"),
    "Mod": (None, "mod"),
    "Equal": (None, "equal"),
    "Greater": (None, "greater"),
    "GreaterOrEqual": (None, "greater_equal"),
    "Less": (None, "less"),
    "LessOrEqual": (None, "less_equal"),
    "And": (None, "logical_and"),
    "Or": (None, "logical_or"),
    "Xor": (None, "logical_xor"),
}


def merge(node: Node, operator: str, operands: tuple[Operand, ...]) -> Candidate | list[Candidate]:
    """All operands in a common layout: one candidate for each layout to choose from."""
    layer, function = MERGES[operator]
    same = all(operand.shape == node.shape for operand in operands)

    def build(k: Recorder, *refs: Ref, base: Layout) -> Ref:
        if all(operand.dtype == "uint64" for operand in operands) and len(operands) > 1:
            return _reduced_uint64(k, function, arguments_of(operands, refs, base))
        if layer is not None and same and node.shape and len(refs) == len(operands):
            return k.layer(layer, refs) if len(refs) > 1 else refs[0]
        return reduced(k, function, arguments_of(operands, refs, base))

    return merged(node, operands, build)


def merged(node: Node, operands: tuple[Operand, ...], build: Callable[..., Ref]) -> list[Candidate]:
    """A candidate for each layout `base` of the result, which `build` gets as a keyword."""

    def candidate(base: Layout) -> Candidate:
        layouts = [broadcast_layout(base, operand.shape) for operand in operands]
        input_layouts = layouts_of_tensors(operands, layouts)
        return Candidate(input_layouts, (base,), partial(build, base=base))

    return [candidate(base) for base in bases(node, operands)]


def bases(node: Node, operands: tuple[Operand, ...]) -> list[Layout]:
    """The layouts of the result to choose from: that of each operand of its rank, and the preferred
    one, which may help if axes of size 1 are broadcast."""
    if all(operand.is_constant for operand in operands):
        raise UnsupportedError("constants only; fold them first")
    layouts = [_expanded(operand, node.shape) for operand in operands if not operand.is_constant]
    shapes = [operand.shape for operand in operands]
    choices = dict.fromkeys(
        broadcastable(layout, shapes)
        for layout in (*layouts, node.preferred_layout)
        if layout is not None
    )
    return list(choices) or [Layout.identity(node.shape)]


def _expanded(x: Operand, shape: Shape) -> Layout | None:
    """The layout of x for the shape of the result; None if x does not determine it.

    Expands the axes that are broadcast, and those whose size is known only of the result.
    """
    if x.rank != len(shape):
        return None
    layout = x.layout
    for axis, (size, new_size) in enumerate(zip(x.shape, shape, strict=True)):
        if size != new_size and (size == 1 or isinstance(new_size, int)):
            if layout.where(axis) is None:
                return None
            layout = layout.resized(axis, new_size)
    return layout


def arguments_of(
    operands: tuple[Operand, ...], refs: tuple[Ref, ...], base: Layout
) -> list[tuple[Ref | Weight | float, Shape]]:
    """The argument for each operand, and its stored shape."""
    tensors = iter(refs)
    return [
        (
            _constant(operand, base) if operand.is_constant else next(tensors),
            broadcast_layout(base, operand.shape).stored_shape,
        )
        for operand in operands
    ]


def reduced(k: Recorder, function: str, arguments: list[tuple[Ref | Weight | float, Shape]]) -> Ref:
    """A function of two tensors, reduced over several, tensors first: of constants alone Keras
    makes no node."""
    if len(arguments) > 2:
        arguments.sort(key=lambda argument: not isinstance(argument[0], Ref))
    (result, shape), *rest = arguments
    for argument, other_shape in rest:
        if function == "add":
            result = added(k, result, argument, shape, other_shape)
        else:
            result = k.op(function, result, argument)
        shape = tuple(b if a == 1 else a for a, b in zip(shape, other_shape, strict=True))
    return cast(Ref, result)


def _reduced_uint64(
    k: Recorder, function: str, arguments: Sequence[tuple[Ref | Weight | float, Shape]]
) -> Ref:
    result, *rest = (argument for argument, _ in arguments)
    for argument in rest:
        result = of_uint64(k, function, result, argument)
    return cast(Ref, result)


def _constant(operand: Operand, base: Layout) -> Weight | float:
    """A constant among tensors: a number, or an array in their layout."""
    if all(size == 1 for size in operand.shape):
        number: float = operand.array().reshape(()).item()
        return number
    return operand.weight(broadcast_layout(base, operand.shape))


def _register(operator: str) -> None:
    def rule(node: Node, *operands: Operand) -> Candidate | list[Candidate]:
        return merge(node, operator, operands)

    rule.__doc__ = f"Elementwise {MERGES[operator][1]}\n\n(onnx.ai/onnx/operators, {operator})"
    raises(operator)(rule)


for _operator in MERGES.keys() - {"Add", "Div", "Mul", "Mod", "Pow"}:
    _register(_operator)


@raises("Mul")
def mul(node: Node, a: Operand, b: Operand) -> Candidate | list[Candidate]:
    """a · b; a layer with trainable factors if one is a constant per channel.

    (onnx.ai/onnx/operators, Mul)
    """
    return _affine_or_merge(node, "Mul", a, b)


@raises("Add")
def add(node: Node, a: Operand, b: Operand) -> Candidate | list[Candidate]:
    """a + b; a layer with a trainable bias if one is a constant per channel.

    (onnx.ai/onnx/operators, Add)
    """
    return _affine_or_merge(node, "Add", a, b)


def _affine_or_merge(
    node: Node, operator: str, a: Operand, b: Operand
) -> Candidate | list[Candidate]:
    x, constant = (b, a) if a.is_constant else (a, b)
    if not _is_trainable(x, constant, node.shape):
        return merge(node, operator, (a, b))
    scale, bias = (constant, None) if operator == "Mul" else (None, constant)
    candidate = affine_candidate(x, scale, bias)
    input_layout = candidate.input_layouts[0]
    input_layouts = (input_layout, None) if x is a else (None, input_layout)
    return replace(candidate, input_layouts=input_layouts)


@raises("bridge::Affine")
def affine(node: Node, x: Operand, scale: Operand, bias: Operand) -> Candidate:
    """x · scale + bias, which `graph.fusion` makes of a Mul and an Add."""
    candidate = affine_candidate(x, scale, bias)
    return replace(candidate, input_layouts=(*candidate.input_layouts, None, None))


def _is_trainable(x: Operand, constant: Operand, shape: Shape) -> bool:
    """Whether a constant is a weight of the layer. Integers are indices and sizes, and the weights
    of Keras layers are floats."""
    if x.is_constant or not constant.is_constant or x.shape != shape or "int" in x.dtype:
        return False
    return is_trainable(constant.shape, shape, x.producer)


def affine_candidate(x: Operand, scale: Operand | None, bias: Operand | None) -> Candidate:
    """x · scale + bias, each spanning the same axes of x, as one native trainable layer.

    One factor per channel of a channels-last tensor is a 1x1 depthwise convolution, which takes a
    third of the time of an einsum (0.6 against 2.1 ms for 56x56x256); else an EinsumDense.
    """
    constant = scale or bias
    if constant is None:
        raise ValueError("neither scale nor bias")
    input_layout = _affine_layout(x, constant.shape, adds=bias is not None)
    spans = spanned(broadcast_layout(input_layout, constant.shape))
    last = len(input_layout.stored_shape) - 1
    if spans == (last,) and last in (2, 3):
        kind, role, trailing = f"DepthwiseConv{last - 1}D", "depthwise", 1
        options: dict[str, Any] = {"kernel_size": 1}
        leading = last - 1
    else:
        kind, role, trailing, leading = "EinsumDense", "kernel", 0, 0
        options = _einsum(input_layout, spans, bias is not None)
    kernel = vector(scale, constant, input_layout, spans)
    shape = (1,) * leading + kernel.stored_shape + (1,) * trailing
    weights = {role: reshaped(kernel, shape)}
    if kind != "EinsumDense":
        options["use_bias"] = bias is not None
    if bias is not None:
        row = vector(bias, constant, input_layout, spans)
        weights["bias"] = (
            row if trailing else reshaped(row, bias_shape(row.stored_shape, input_layout, spans))
        )

    def build(k: Recorder, x: Ref) -> Ref:
        return k.layer(kind, x, weights, **options)

    return Candidate((input_layout,), (input_layout,), build)


def _affine_layout(x: Operand, shape: Shape, *, adds: bool) -> Layout:
    """The layout of x, with the axis that a bias spans last if Keras would take another one."""
    input_layout = x.layout if x.rank < 3 or x.layout.where(1) is not None else channels_last(x)
    input_layout = broadcastable(input_layout, [shape])
    bias = broadcast_layout(input_layout, shape)
    if not adds or not may_be_mistaken(input_layout.stored_shape, bias.stored_shape):
        return input_layout
    (axis,) = spanned(bias)
    stored = input_layout.stored
    return Layout(input_layout.axes, (*stored[:axis], *stored[axis + 1 :], stored[axis]))


def spanned(layout: Layout) -> tuple[int, ...]:
    """The stored axes along which a broadcast operand is not of size 1."""
    return tuple(axis for axis, size in enumerate(layout.stored_shape) if size != 1)


def _einsum(input_layout: Layout, spans: tuple[int, ...], use_bias: bool) -> dict[str, Any]:
    letters = ascii_lowercase[: len(input_layout.stored_shape)]
    factor = "".join(letters[axis] for axis in spans)
    shape = tuple(size if isinstance(size, int) else None for size in input_layout.stored_shape[1:])
    options: dict[str, Any] = {"equation": f"{letters},{factor}->{letters}", "output_shape": shape}
    return {**options, "bias_axes": factor} if use_bias else options


def bias_shape(sizes: Shape, input_layout: Layout, spans: tuple[int, ...]) -> Shape:
    """The shape of EinsumDense's bias: from the first axis that it spans to the last of x."""
    by_axis = dict(zip(spans, sizes, strict=True))
    return tuple(by_axis.get(axis, 1) for axis in range(spans[0], len(input_layout.stored_shape)))


def vector(operand: Operand | None, like: Operand, base: Layout, spans: tuple[int, ...]) -> Weight:
    """A constant over the stored axes that it spans; ones if there is none."""
    shape, layout = like.weight().shape, broadcast_layout(base, like.shape)
    if operand is None:
        dtype = np.dtype(like.dtype)
        weight = Weight(shape, lambda: np.ones(shape, dtype), layout=layout, dtype=dtype)
    else:
        weight = operand.weight(layout)
    return reshaped(weight, tuple(weight.stored_shape[axis] for axis in spans))


def reshaped(weight: Weight, shape: Shape) -> Weight:
    """The physical array of a weight in another shape."""
    size = tuple(int(dim) for dim in shape)
    return Weight.derived(size, lambda w: w.reshape(size), weight)


@raises("Where")
def select(node: Node, condition: Operand, a: Operand, b: Operand) -> Candidate | list[Candidate]:
    """a where the condition holds, else b                     (onnx.ai/onnx/operators, Where)"""
    operands = (condition, a, b)

    def build(k: Recorder, *refs: Ref, base: Layout) -> Ref:
        choice, x, y = (argument for argument, _ in arguments_of(operands, refs, base))
        return where(k, choice, x, y, a.dtype)

    return merged(node, operands, build)


@raises("PRelu")
def prelu(node: Node, x: Operand, slope: Operand) -> Candidate | list[Candidate]:
    """y = x where x > 0, else slope·x                         (onnx.ai/onnx/operators, PRelu)

    Keras has one slope for each element of a sample, except along `shared_axes`.
    """
    if not slope.is_constant or x.shape != node.shape:
        raise UnsupportedError("a slope that is computed, or larger than the tensor")
    if slope.rank == x.rank and slope.shape[0] != 1:
        raise UnsupportedError("a slope for each image of a batch")
    sizes = zip(reversed(slope.shape), reversed(x.shape), strict=False)
    if any(size not in (1, x_size) for size, x_size in sizes):
        raise UnsupportedError("slopes along an axis of unknown size")
    input_layout = broadcastable(x.layout, [slope.shape])
    if broadcast_layout(input_layout, slope.shape).stored_shape[0] != 1:
        input_layout = broadcastable(Layout.identity(x.shape), [slope.shape])
    alpha = slope.weight(broadcast_layout(input_layout, slope.shape))
    shared = [axis for axis, size in enumerate(alpha.stored_shape) if size == 1 and axis]
    weights = {"alpha": reshaped(alpha, alpha.stored_shape[1:])}

    def build(k: Recorder, x: Ref) -> Ref:
        return k.layer("PReLU", x, weights, shared_axes=shared)

    return Candidate((input_layout, None), (input_layout,), build)
