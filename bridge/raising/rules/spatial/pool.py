"""Pooling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from itertools import product

from bridge.errors import UnsupportedError
from bridge.layout import Layout
from bridge.raising.building.candidates import channels_last, resized, spatial_orders
from bridge.raising.building.padding import Window, constant_padding, window_of, zero_padding
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
    """x: n c *s -> n c *t, and optionally the index of each maximum in the flattened x

    Padding is never the maximum: Keras's `same` if that pads the same, else zeros if no value of x
    can be negative, else the lowest float32.               (onnx.ai/onnx/operators, MaxPool)
    """
    window = _pooling(x, kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
    if max(window.dilations) > 1:
        return _max_of_slices(node, x, window)
    never_negative = x.producer in _NEVER_NEGATIVE

    def build(k: Recorder, x: Ref, window: Window) -> Ref:
        if window.is_padded and window.is_same:
            return _pool(k, "Max", x, window, "same")
        if window.is_padded:
            x = (
                zero_padding(k, x, window)
                if never_negative
                else constant_padding(k, x, window, LOWEST)
            )
        return _pool(k, "Max", x, window, "valid")

    if len(node.shapes) == 1:
        return _every_order(node, x, window, build)
    if storage_order or x.rank != 4:
        raise UnsupportedError("indices of maxima, except for images in row-major order")
    return _max_with_indices(node, x, window)


def _max_with_indices(node: Node, x: Operand, window: Window) -> Candidate:
    """x: n c h w -> its maxima, and the index of each in the flattened x"""
    if not all(isinstance(size, int) for size in window.sizes):
        raise UnsupportedError(
            "indices of maxima over an axis of unknown size", hint="fix the sizes of the inputs"
        )
    channels = x.shape[1]

    def build(k: Recorder, x: Ref) -> tuple[Ref, Ref]:
        indices, values = flat_indices(k, x, (channels, *window.sizes)), x
        if window.is_padded:
            values = constant_padding(k, x, window, LOWEST)
            indices = constant_padding(k, indices, window, -1)
        best = _pool(k, "Max", values, window, "valid")
        return best, _index_of_maximum(k, values, indices, best, window, node.shape[2:])

    input_layout = Layout.ordered(x.shape, (0, *range(2, x.rank), 1))
    output_layout = resized(input_layout, node.shape, range(2, x.rank))
    return Candidate((input_layout,), (output_layout, output_layout), build)


def _max_of_slices(node: Node, x: Operand, window: Window) -> list[Candidate]:
    """Dilated windows, which Keras's pooling does not have: the maximum of the slices of x that
    hold one element of every window. Windows may be on padding alone."""
    if len(node.shapes) > 1:
        raise UnsupportedError("indices of maxima in windows with dilation")
    if not all(isinstance(size, int) for size in window.sizes):
        raise UnsupportedError(
            "pooling with dilation over an axis of unknown size",
            hint="fix the sizes of the inputs",
        )

    def build(k: Recorder, x: Ref, window: Window) -> Ref:
        x = constant_padding(k, x, window, LOWEST) if window.is_padded else x
        sides = zip(
            window.sizes,
            window.begins,
            window.ends,
            window.kernel,
            window.dilations,
            window.strides,
            strict=True,
        )
        counts = [(int(n) + b + e - (size - 1) * d - 1) // s + 1 for n, b, e, size, d, s in sides]
        offsets = (
            range(0, size * d, d) for size, d in zip(window.kernel, window.dilations, strict=True)
        )
        slices = [
            k.op("get_item", x, _every_window(offset, window.strides, counts))
            for offset in product(*offsets)
        ]
        return reduce(partial(k.op, "maximum"), slices)

    return _every_order(node, x, window, build)


def _index_of_maximum(
    k: Recorder, values: Ref, indices: Ref, best: Ref, window: Window, counts: Sequence[Size]
) -> Ref:
    """The index of each window's maximum; the first if several are equal.

    Goes through the positions of a window from the last to the first, so that an earlier one with
    the maximum overwrites the later ones.
    """
    result = k.op("zeros_like", best, dtype="int32")
    for offsets in reversed(list(product(*map(range, window.kernel)))):
        key = _every_window(offsets, window.strides, counts)
        is_best = k.op("equal", k.op("get_item", values, key), best)
        result = k.op("where", is_best, k.op("get_item", indices, key), result)
    return result


def _every_window(
    offsets: Sequence[int], strides: Sequence[int], counts: Sequence[Size]
) -> tuple[slice, ...]:
    """The slices of `n *s c` that hold the same position of every window."""
    spatial = (
        slice(offset, offset + stride * (int(count) - 1) + 1, stride)
        for offset, stride, count in zip(offsets, strides, counts, strict=True)
    )
    return (slice(None), *spatial, slice(None))


def flat_indices(k: Recorder, x: Ref, sizes: Sequence[Size]) -> Ref:
    """x: n *s c, sizes: c *s   ->   n *s c, the index of each element in the flattened `n c *s`"""
    ones = k.op("ones_like", x, dtype="int32")

    def along(axis: int) -> Ref:
        return k.op("subtract", k.op("cumsum", ones, axis=axis), 1)

    index, last = along(0), len(sizes)
    for size, axis in zip(sizes, (last, *range(1, last)), strict=True):
        index = k.op("add", k.op("multiply", index, int(size)), along(axis))
    return index


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
    that pads the same, else the average of the padded x over the average of padded ones.
    """
    if ceil_mode and count_include_pad:
        raise UnsupportedError("ceil_mode with count_include_pad: runtimes disagree at the borders")
    window = _pooling(x, kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
    if max(window.dilations) > 1:
        raise UnsupportedError("an average pooling with dilation")

    def build(k: Recorder, x: Ref, window: Window) -> Ref:
        if not window.is_padded:
            return _pool(k, "Average", x, window, "valid")
        if not count_include_pad and window.is_same:
            return _pool(k, "Average", x, window, "same")
        y = _pool(k, "Average", zero_padding(k, x, window), window, "valid")
        if count_include_pad:
            return y
        ones = zero_padding(k, k.op("ones_like", x), window)
        return k.op("divide", y, _pool(k, "Average", ones, window, "valid"))

    return _every_order(node, x, window, build)


def _every_order(
    node: Node, x: Operand, window: Window, build: Callable[[Recorder, Ref, Window], Ref]
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
    return window_of(x.shape[2:], kernel, strides, dilations, pads, auto_pad, ceil_mode)


def _pool(k: Recorder, kind: str, x: Ref, window: Window, padding: str) -> Ref:
    return k.layer(
        f"{kind}Pooling{window.rank}D",
        x,
        pool_size=window.kernel,
        strides=window.strides,
        padding=padding,
    )
