"""Pooling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import product

from bridge.errors import UnsupportedError
from bridge.layout import Layout
from bridge.raising.building.candidates import channels_last, resized, spatial_orders
from bridge.raising.building.padding import Window, constant_padding, window, zero_padding
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref, Size
from bridge.raising.table import Candidate, Node, Operand, raises

LOWEST = -3.4028234663852886e38  # float32's; Caffe's -FLT_MAX
_NEVER_NEGATIVE = frozenset(("Relu", "Sigmoid", "Softmax", "Abs", "Exp"))


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
    """x: n c *s -> n c *s, and where asked the index of each maximum in the flattened x

    Padding is never the maximum: Keras's `same` where it pads so, else zeros below values that
    cannot be negative, else float32's lowest.      (onnx.ai/onnx/operators, MaxPool)
    """
    at = _pooling(x, kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
    if max(at.dilations) > 1:
        return _max_of_slices(node, x, at)
    never_negative = x.producer in _NEVER_NEGATIVE

    def build(k: Recorder, x: Ref, at: Window) -> Ref:
        if at.is_padded and at.is_same:
            return _pool(k, "Max", x, at, "same")
        if at.is_padded:
            x = zero_padding(k, x, at) if never_negative else constant_padding(k, x, at, LOWEST)
        return _pool(k, "Max", x, at, "valid")

    if len(node.shapes) == 1:
        return _every_order(node, x, at, build)
    if storage_order or x.rank != 4:
        raise UnsupportedError("indices of maxima, but for images in row order")
    return _max_with_indices(node, x, at)


def _max_with_indices(node: Node, x: Operand, at: Window) -> Candidate:
    """x: n c h w -> its maxima, and the index of each in the flattened x"""
    if not all(isinstance(size, int) for size in at.sizes):
        raise UnsupportedError(
            "indices of maxima over an axis of unknown size", hint="fix the sizes of the inputs"
        )
    channels = x.shape[1]

    def build(k: Recorder, x: Ref) -> tuple[Ref, Ref]:
        places, values = flat_positions(k, x, (channels, *at.sizes)), x
        if at.is_padded:
            values = constant_padding(k, x, at, LOWEST)
            places = constant_padding(k, places, at, -1)
        best = _pool(k, "Max", values, at, "valid")
        return best, _place_of_maximum(k, values, places, best, at, node.shape[2:])

    plain = Layout.ordered(x.shape, (0, *range(2, x.rank), 1))
    output_layout = resized(plain, node.shape, range(2, x.rank))
    return Candidate((plain,), (output_layout, output_layout), build)


def _max_of_slices(node: Node, x: Operand, at: Window) -> list[Candidate]:
    """Of windows with dilation, which Keras's pools do not know: the greatest of the slices of x
    that hold one element of every window. Windows may lie on the padding alone."""
    if len(node.shapes) > 1:
        raise UnsupportedError("indices of maxima in windows with dilation")
    if not all(isinstance(size, int) for size in at.sizes):
        raise UnsupportedError(
            "pooling with dilation over an axis of unknown size",
            hint="fix the sizes of the inputs",
        )

    def build(k: Recorder, x: Ref, at: Window) -> Ref:
        x = constant_padding(k, x, at, LOWEST) if at.is_padded else x
        sides = zip(at.sizes, at.begins, at.ends, at.kernel, at.dilations, at.strides, strict=True)
        counts = [(int(n) + b + e - (size - 1) * d - 1) // s + 1 for n, b, e, size, d, s in sides]
        offsets = (range(0, size * d, d) for size, d in zip(at.kernel, at.dilations, strict=True))
        slices = [
            k.op("get_item", x, _every_window(each, at.strides, counts))
            for each in product(*offsets)
        ]
        return reduce(lambda greatest, each: k.op("maximum", greatest, each), slices)

    return _every_order(node, x, at, build)


def _place_of_maximum(
    k: Recorder, values: Ref, places: Ref, best: Ref, at: Window, counts: Sequence[Size]
) -> Ref:
    """The place of each window's maximum; the first where several are equal.

    Goes through a window from its last place to its first: a place that holds the maximum
    overwrites the later ones.
    """
    found = k.op("zeros_like", best, dtype="int32")
    for offsets in reversed(list(product(*map(range, at.kernel)))):
        key = _every_window(offsets, at.strides, counts)
        holds = k.op("equal", k.op("get_item", values, key), best)
        found = k.op("where", holds, k.op("get_item", places, key), found)
    return found


def _every_window(
    offsets: Sequence[int], strides: Sequence[int], counts: Sequence[Size]
) -> tuple[slice, ...]:
    """The slices of `n *s c` that take one place of every window."""
    spatial = (
        slice(offset, offset + stride * (int(count) - 1) + 1, stride)
        for offset, stride, count in zip(offsets, strides, counts, strict=True)
    )
    return (slice(None), *spatial, slice(None))


def flat_positions(k: Recorder, x: Ref, sizes: Sequence[Size]) -> Ref:
    """For x: n *s c, the index of each element in the flattened `n c *s`; sizes: c *s."""
    ones = k.op("ones_like", x, dtype="int32")

    def counted(axis: int) -> Ref:
        return k.op("subtract", k.op("cumsum", ones, axis=axis), 1)

    position, last = counted(0), len(sizes)
    for size, axis in zip(sizes, (last, *range(1, last)), strict=True):
        position = k.op("add", k.op("multiply", position, int(size)), counted(axis))
    return position


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
    """x: n c *s -> n c *s                                (onnx.ai/onnx/operators, AveragePool)

    Counted padding is a ZeroPadding layer. Uncounted padding is Keras's `same` where it pads so,
    else the average of the padded x over the average of a padded map of ones.
    """
    if ceil_mode and count_include_pad:
        raise UnsupportedError("ceil_mode with count_include_pad: runtimes disagree on the ends")
    at = _pooling(x, kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
    if max(at.dilations) > 1:
        raise UnsupportedError("an average pooling with dilation")

    def build(k: Recorder, x: Ref, at: Window) -> Ref:
        if not at.is_padded:
            return _pool(k, "Average", x, at, "valid")
        if not count_include_pad and at.is_same:
            return _pool(k, "Average", x, at, "same")
        y = _pool(k, "Average", zero_padding(k, x, at), at, "valid")
        if count_include_pad:
            return y
        ones = zero_padding(k, k.op("ones_like", x), at)
        return k.op("divide", y, _pool(k, "Average", ones, at, "valid"))

    return _every_order(node, x, at, build)


def _every_order(
    node: Node, x: Operand, at: Window, build: Callable[[Recorder, Ref, Window], Ref]
) -> list[Candidate]:
    """A window over the spatial axes, in each order in which they may lie."""

    def step(order: tuple[int, ...]) -> Candidate:
        input_layout, ordered = channels_last(x, spatial=order), at.ordered(order)
        output_layout = resized(input_layout, node.shape, order)
        return Candidate((input_layout,), (output_layout,), lambda k, x: build(k, x, ordered))

    return [step(order) for order in spatial_orders(x)]


@raises("GlobalMaxPool")
def global_max_pool(node: Node, x: Operand) -> Candidate:
    """x: n c *s -> n c *1                              (onnx.ai/onnx/operators, GlobalMaxPool)"""
    return _global(node, x, "Max")


@raises("GlobalAveragePool")
def global_average_pool(node: Node, x: Operand) -> Candidate:
    """x: n c *s -> n c *1                          (onnx.ai/onnx/operators, GlobalAveragePool)"""
    return _global(node, x, "Average")


def _global(node: Node, x: Operand, kind: str) -> Candidate:
    input_layout = channels_last(x)
    output_layout = resized(input_layout, node.shape, range(2, x.rank))
    target = f"Global{kind}Pooling{x.rank - 2}D"
    return Candidate(
        (input_layout,), (output_layout,), lambda k, x: k.layer(target, x, keepdims=True)
    )


def _pooling(
    x: Operand,
    kernel: Sequence[int],
    strides: Sequence[int] | None,
    dilations: Sequence[int] | None,
    pads: Sequence[int] | None,
    auto_pad: str,
    ceil_mode: int,
) -> Window:
    if not 3 <= x.rank <= 5:
        raise UnsupportedError(f"pooling over {x.rank - 2} spatial axes")
    return window(x.shape[2:], kernel, strides, dilations, pads, auto_pad, ceil_mode)


def _pool(k: Recorder, kind: str, x: Ref, at: Window, padding: str) -> Ref:
    return k.layer(
        f"{kind}Pooling{at.rank}D", x, pool_size=at.kernel, strides=at.strides, padding=padding
    )
