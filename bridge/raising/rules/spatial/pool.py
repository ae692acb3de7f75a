"""Pooling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TypeVar

from bridge.raising.building.candidates import channels_last, resized, spatial_orders
from bridge.raising.building.padding import Window, constant_padding, zero_padding
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref
from bridge.raising.rules.spatial.max_indices import max_with_indices
from bridge.raising.rules.spatial.sliding import LOWEST, Counted, pooled, pooling, slid
from bridge.raising.table import Candidate, Node, Operand, raises

_NEVER_NEGATIVE = frozenset(("Relu", "Sigmoid", "Softmax", "Abs", "Exp"))

Sides = TypeVar("Sides", Window, Counted)


@raises("MaxPool")
def max_pool(
    node: Node,
    x: Operand,
    *,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    dilations: Sequence[int] | None = None,
    kernel_shape: Sequence[int],
    pads: Sequence[int] | None = None,
    storage_order: int = 0,
    strides: Sequence[int] | None = None,
) -> Candidate | list[Candidate]:
    """x: n c *s -> n c *t, and optionally the index of each maximum in the flattened x

    Padding is never the maximum: Keras's `same` if that pads the same, else zeros if no value of x
    can be negative, else the lowest float32.               (onnx.ai/onnx/operators, MaxPool)
    """
    window = pooling(x, kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
    if node.has_output(1):
        return max_with_indices(node, x, window, bool(storage_order))
    if max(window.dilations) > 1:
        return _every_order(node, x, window, _max_of_slices)
    never_negative = x.producer in _NEVER_NEGATIVE

    def build(k: Recorder, x: Ref, window: Window) -> Ref:
        if window.is_padded and window.is_same:
            return pooled(k, "Max", x, window, "same")
        if window.is_padded:
            x = (
                zero_padding(k, x, window)
                if never_negative
                else constant_padding(k, x, window, LOWEST)
            )
        return pooled(k, "Max", x, window, "valid")

    return _every_order(node, x, window, build)


def _max_of_slices(k: Recorder, x: Ref, window: Window) -> Ref:
    """Windows may be on padding alone."""
    x = constant_padding(k, x, window, LOWEST) if window.is_padded else x
    return slid(k, x, window, "maximum")


@raises("AveragePool")
def average_pool(
    node: Node,
    x: Operand,
    *,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    count_include_pad: int = 0,
    dilations: Sequence[int] | None = None,
    kernel_shape: Sequence[int],
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> list[Candidate]:
    """x: n c *s -> n c *t                                (onnx.ai/onnx/operators, AveragePool)

    Padding that counts is a ZeroPadding layer. Padding that does not count is Keras's `same` if
    that pads the same, else the average of the padded x, times what the window has of elements over
    those that count; of unknown sizes, over the average of padded ones. Windows with a dilation are
    sums of slices, over the number of elements that count in each.
    """
    window = pooling(x, kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
    explicit = pooling(x, kernel_shape, strides, dilations, pads, auto_pad, 0)
    counted = Counted(window, explicit if count_include_pad else None)
    beyond = count_include_pad and explicit.ends != window.ends

    def build(k: Recorder, x: Ref, counted: Counted) -> Ref:
        window = counted.window
        if max(window.dilations) > 1:
            return counted.average_of_slices(k, x)
        if not window.is_padded:
            return pooled(k, "Average", x, window, "valid")
        if not count_include_pad and window.is_same:
            return pooled(k, "Average", x, window, "same")
        y = pooled(k, "Average", zero_padding(k, x, window), window, "valid")
        if beyond or (not count_include_pad and window.has_known_sizes):
            return counted.corrected(k, y)
        if count_include_pad:
            return y
        ones = zero_padding(k, k.op("ones_like", x), window)
        return k.op("divide", y, pooled(k, "Average", ones, window, "valid"))

    counted.check(node)
    return _every_order(node, x, counted, build)


@raises("LpPool")
def lp_pool(
    node: Node,
    x: Operand,
    *,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    dilations: Sequence[int] | None = None,
    kernel_shape: Sequence[int],
    p: float = 2,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> list[Candidate]:
    """x: n c *s -> n c *t, (Σ |x|ᵖ)^(1/p) over each window    (onnx.ai/onnx/operators, LpPool)"""
    window = pooling(x, kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)

    def build(k: Recorder, x: Ref, window: Window) -> Ref:
        x = k.op("power", k.op("absolute", x), float(p))
        x = zero_padding(k, x, window) if window.is_padded else x
        if max(window.dilations) > 1:
            total = slid(k, x, window, "add")
        else:
            mean = pooled(k, "Average", x, window, "valid")
            total = k.op("multiply", mean, float(prod(window.kernel)))
        return k.op("power", total, 1 / p)

    return _every_order(node, x, window, build)


def _every_order(
    node: Node, x: Operand, window: Sides, build: Callable[[Recorder, Ref, Sides], Ref]
) -> list[Candidate]:
    """A candidate for each order of the spatial axes to choose from."""

    def candidate(order: tuple[int, ...]) -> Candidate:
        input_layout, ordered = channels_last(x, spatial=order), window.ordered(order)
        output_layout = resized(input_layout, node.shape, order)
        return Candidate((input_layout,), (output_layout,), lambda k, x: build(k, x, ordered))

    return [candidate(order) for order in spatial_orders(x)]


@raises("GlobalMaxPool")
def global_max_pool(node: Node, x: Operand) -> Candidate:
    """x: n c *s -> n c *1                              (onnx.ai/onnx/operators, GlobalMaxPool)"""
    return _global(node, x, "Max")


@raises("GlobalAveragePool")
def global_average_pool(node: Node, x: Operand) -> Candidate:
    """x: n c *s -> n c *1                          (onnx.ai/onnx/operators, GlobalAveragePool)"""
    return _global(node, x, "Average")


@raises("GlobalLpPool", since=2)
def global_lp_pool(node: Node, x: Operand, *, p: int = 2) -> Candidate:
    """x: n c *s -> n c *1, (Σ |x|ᵖ)^(1/p)               (onnx.ai/onnx/operators, GlobalLpPool)"""
    input_layout = channels_last(x)
    output_layout = resized(input_layout, node.shape, range(2, x.rank))

    def build(k: Recorder, x: Ref) -> Ref:
        x = k.op("power", k.op("absolute", x), float(p))
        axes = list(range(1, input_layout.rank - 1))
        return k.op("power", k.op("sum", x, axis=axes, keepdims=True), 1 / p)

    return Candidate((input_layout,), (output_layout,), build)


def _global(node: Node, x: Operand, kind: str) -> Candidate:
    input_layout = channels_last(x)
    output_layout = resized(input_layout, node.shape, range(2, x.rank))
    target = f"Global{kind}Pooling{x.rank - 2}D"
    return Candidate(
        (input_layout,), (output_layout,), lambda k, x: k.layer(target, x, keepdims=True)
    )
