"""Operators on two or more tensors, element by element, with ONNX's broadcasting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from string import ascii_lowercase
from typing import Any, cast

import numpy as np

from bridge.errors import UnsupportedError
from bridge.graph.trainable import is_trainable
from bridge.layout import Layout, Weight
from bridge.raising.building.adding import add as added
from bridge.raising.building.adding import may_be_mistaken
from bridge.raising.building.candidates import broadcast_layout, broadcastable, channels_last
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref
from bridge.raising.table import Candidate, Node, Operand, Shape, raises

# ONNX operator: the Keras layer that merges tensors so, where there is one, and the function.
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
    """All operands in the order of one of them: a step for each order to choose from."""
    layer, function = MERGES[operator]
    same = all(operand.shape == node.shape for operand in operands)

    def build(k: Recorder, *refs: Ref, base: Layout) -> Ref:
        if layer is not None and same and len(refs) == len(operands):
            return k.layer(layer, refs) if len(refs) > 1 else refs[0]
        return _folded(k, function, _arguments(operands, refs, base))

    return [_merged(node, operands, base, build) for base in bases(node, operands)]


def _merged(
    node: Node, operands: tuple[Operand, ...], base: Layout, build: Callable[..., Ref]
) -> Candidate:
    input_layout = tuple(
        None if o.is_constant else broadcast_layout(base, o.shape) for o in operands
    )
    return Candidate(input_layout, (base,), lambda k, *refs: build(k, *refs, base=base))


def bases(node: Node, operands: tuple[Operand, ...]) -> list[Layout]:
    """The orders in which the result could be stored: that of each tensor as large as it, and the
    one that is wished, which may suit where axes of size 1 are stretched."""
    if all(operand.is_constant for operand in operands):
        raise UnsupportedError("constants only; fold them first")
    found: dict[Layout, None] = {}
    for operand in operands:
        layout = None if operand.is_constant else _stretched(operand, node.shape)
        if layout is not None:
            found.setdefault(broadcastable(layout, [each.shape for each in operands]))
    if node.preferred_layout is not None:
        found.setdefault(broadcastable(node.preferred_layout, [each.shape for each in operands]))
    return list(found) or [Layout.identity(node.shape)]


def _stretched(x: Operand, shape: Shape) -> Layout | None:
    """The order of x in the shape of the result; None where it does not say.

    Axes are stretched that are broadcast, or whose size only the result knows.
    """
    if x.rank != len(shape):
        return None
    layout = x.layout
    for axis, (have, input_layout) in enumerate(zip(x.shape, shape, strict=True)):
        if have != input_layout and (have == 1 or isinstance(input_layout, int)):
            if layout.where(axis) is None:
                return None
            layout = layout.resized(axis, input_layout)
    return layout


def _arguments(
    operands: tuple[Operand, ...], refs: tuple[Ref, ...], base: Layout
) -> list[tuple[Ref | Weight | float, Shape]]:
    """What stands for each operand, and the shape in which it is stored."""
    waiting = iter(refs)
    return [
        (
            _constant(operand, base) if operand.is_constant else next(waiting),
            broadcast_layout(base, operand.shape).stored_shape,
        )
        for operand in operands
    ]


def _folded(k: Recorder, function: str, arguments: list[tuple[Ref | Weight | float, Shape]]) -> Ref:
    """A function of two tensors over several of them; over constants alone it makes no node."""
    if len(arguments) > 2:
        arguments.sort(key=lambda each: not isinstance(each[0], Ref))
    (result, shape), *rest = arguments
    for argument, own in rest:
        if function == "add":
            result = added(k, result, argument, shape, own)
        else:
            result = k.op(function, result, argument)
        shape = tuple(b if a == 1 else a for a, b in zip(shape, own, strict=True))
    return cast(Ref, result)


def _constant(operand: Operand, base: Layout) -> Weight | float:
    """A constant beside tensors: a number, or an array in their order."""
    if all(size == 1 for size in operand.shape):
        number: float = operand.array().reshape(()).item()
        return number
    return operand.weight(broadcast_layout(base, operand.shape))


def _register(operator: str) -> None:
    def rule(node: Node, *operands: Operand) -> Candidate | list[Candidate]:
        return merge(node, operator, operands)

    rule.__doc__ = f"Element by element: {MERGES[operator][1]}."
    raises(operator)(rule)


for _operator in MERGES.keys() - {"Add", "Div", "Mul", "Mod"}:
    _register(_operator)


@raises("Mul")
def mul(node: Node, a: Operand, b: Operand) -> Candidate | list[Candidate]:
    """a · b; by a constant for each channel it is a layer with trainable factors.

    (onnx.ai/onnx/operators, Mul)
    """
    return _affine_or_merge(node, "Mul", a, b)


@raises("Add")
def add(node: Node, a: Operand, b: Operand) -> Candidate | list[Candidate]:
    """a + b; a constant for each channel is added by a layer with a trainable bias.

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
    step = affine_candidate(x, scale, bias)
    input_layout = step.input_layouts[0]
    return Candidate(
        (input_layout, None) if x is a else (None, input_layout), step.output_layouts, step.build
    )


@raises("bridge::Affine")
def affine(node: Node, x: Operand, scale: Operand, bias: Operand) -> Candidate:
    """x · scale + bias, made of a Mul and an Add by `raising.fusion`."""
    step = affine_candidate(x, scale, bias)
    return Candidate((*step.input_layouts, None, None), step.output_layouts, step.build)


def _is_trainable(x: Operand, constant: Operand, shape: Shape) -> bool:
    """Whether a constant is a weight of the layer. Integers are indices and sizes, and the weights
    of Keras layers are floats."""
    if x.is_constant or not constant.is_constant or x.shape != shape or "int" in x.dtype:
        return False
    return is_trainable(constant.shape, shape, x.producer)


def affine_candidate(x: Operand, scale: Operand | None, bias: Operand | None) -> Candidate:
    """x · scale + bias, each spanning the same axes of x, as one native trainable layer.

    One factor for each channel of a channels-last tensor is a depthwise convolution 1x1, which
    costs a third of an einsum (0.6 against 2.1 ms for 56x56x256); else an EinsumDense.
    """
    given = scale or bias
    if given is None:
        raise ValueError("neither scale nor bias")
    input_layout = _affine_order(x, given.shape, adds=bias is not None)
    spans = spanned(broadcast_layout(input_layout, given.shape))
    last = len(input_layout.stored_shape) - 1
    if spans == (last,) and last in (2, 3):
        kind, role, trailing = f"DepthwiseConv{last - 1}D", "depthwise", 1
        options: dict[str, Any] = {"kernel_size": 1}
        leading = last - 1
    else:
        kind, role, trailing, leading = "EinsumDense", "kernel", 0, 0
        options = _einsum(input_layout, spans, bias is not None)
    kernel = vector(scale, given, input_layout, spans)
    shape = (1,) * leading + kernel.stored_shape + (1,) * trailing
    weights = {role: reshaped(kernel, shape)}
    if kind != "EinsumDense":
        options["use_bias"] = bias is not None
    if bias is not None:
        own = vector(bias, given, input_layout, spans)
        weights["bias"] = (
            own if trailing else reshaped(own, bias_shape(own.stored_shape, input_layout, spans))
        )

    def build(k: Recorder, x: Ref) -> Ref:
        return k.layer(kind, x, weights, **options)

    return Candidate((input_layout,), (input_layout,), build)


def _affine_order(x: Operand, shape: Shape, *, adds: bool) -> Layout:
    """The order of x, with the axis that a bias spans last where Keras would take another one."""
    input_layout = x.layout if x.rank < 3 or x.layout.where(1) is not None else channels_last(x)
    input_layout = broadcastable(input_layout, [shape])
    own = broadcast_layout(input_layout, shape)
    if not adds or not may_be_mistaken(input_layout.stored_shape, own.stored_shape):
        return input_layout
    (place,) = spanned(own)
    stored = input_layout.stored
    return Layout(input_layout.axes, (*stored[:place], *stored[place + 1 :], stored[place]))


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
    """EinsumDense keeps its bias as it broadcasts: from the first of its axes to the last of x."""
    by_axis = dict(zip(spans, sizes, strict=True))
    return tuple(by_axis.get(axis, 1) for axis in range(spans[0], len(input_layout.stored_shape)))


def vector(operand: Operand | None, like: Operand, base: Layout, spans: tuple[int, ...]) -> Weight:
    """A constant over the stored axes that it spans; ones where there is none."""
    shape, layout = like.weight().shape, broadcast_layout(base, like.shape)
    if operand is None:
        dtype = np.dtype(like.dtype)
        weight = Weight(shape, lambda: np.ones(shape, dtype), layout=layout, dtype=dtype)
    else:
        weight = operand.weight(layout)
    return reshaped(weight, tuple(weight.stored_shape[axis] for axis in spans))


def reshaped(weight: Weight, shape: Shape) -> Weight:
    """The stored array of a weight in another shape."""
    size = tuple(int(dim) for dim in shape)
    return Weight.derived(size, lambda w: w.reshape(size), weight)


@raises("Div")
def div(node: Node, a: Operand, b: Operand) -> Candidate | list[Candidate]:
    """a / b; of whole numbers rounded towards 0                 (onnx.ai/onnx/operators, Div)"""
    if "int" not in a.dtype:
        return merge(node, "Div", (a, b))
    return _of_sizes(node, "floor_divide", a, b, signs=2)


@raises("Mod")
def mod(node: Node, a: Operand, b: Operand, *, fmod: int = 0) -> Candidate | list[Candidate]:
    """The remainder with the divisor's sign; the dividend's where `fmod`.

    (onnx.ai/onnx/operators, Mod)
    """
    if not fmod:
        return merge(node, "Mod", (a, b))
    return _of_sizes(node, "mod", a, b, signs=1)


def _of_sizes(node: Node, function: str, a: Operand, b: Operand, signs: int) -> list[Candidate]:
    """A function of two numbers' sizes, with the signs of the first ones."""
    operands = (a, b)

    def build(k: Recorder, *refs: Ref, base: Layout) -> Ref:
        pair = [each for each, _ in _arguments(operands, refs, base)]
        result = k.op(function, *(_pointwise(k, each, "absolute", np.abs) for each in pair))
        for each in pair[:signs]:
            result = k.op("multiply", result, _pointwise(k, each, "sign", np.sign))
        return result

    return [_merged(node, operands, base, build) for base in bases(node, operands)]


def _pointwise(
    k: Recorder, x: Ref | Weight | float, kind: str, function: Callable[[Any], Any]
) -> Ref | Weight | float:
    """A function of a tensor, or of a constant, of which Keras would make no node."""
    if isinstance(x, Ref):
        return k.op(kind, x)
    if isinstance(x, Weight):
        return Weight.derived(x.stored_shape, function, x)
    return cast(float, function(x).item())


@raises("Mean")
def mean(node: Node, *operands: Operand) -> list[Candidate]:
    """The mean of tensors, element by element                  (onnx.ai/onnx/operators, Mean)"""

    def build(k: Recorder, *refs: Ref, base: Layout) -> Ref:
        total = _folded(k, "add", _arguments(operands, refs, base))
        return k.op("multiply", total, 1 / len(operands))

    return [_merged(node, operands, base, build) for base in bases(node, operands)]


@raises("Where")
def where(node: Node, condition: Operand, a: Operand, b: Operand) -> Candidate | list[Candidate]:
    """a where the condition holds, else b                     (onnx.ai/onnx/operators, Where)"""
    operands = (condition, a, b)

    def build(k: Recorder, *refs: Ref, base: Layout) -> Ref:
        return k.op("where", *(each for each, _ in _arguments(operands, refs, base)))

    return [_merged(node, operands, base, build) for base in bases(node, operands)]


@raises("PRelu")
def prelu(node: Node, x: Operand, slope: Operand) -> Candidate | list[Candidate]:
    """y = x where x > 0, else slope·x                         (onnx.ai/onnx/operators, PRelu)

    Keras keeps one slope for each element of a sample, but for the axes that share it.
    """
    if not slope.is_constant or x.shape != node.shape:
        raise UnsupportedError("a slope that is computed, or larger than the tensor")
    if slope.rank == x.rank and slope.shape[0] != 1:
        raise UnsupportedError("a slope for each image of a batch")
    sizes = zip(reversed(slope.shape), reversed(x.shape), strict=False)
    if any(size not in (1, have) for size, have in sizes):
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
