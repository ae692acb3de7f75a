"""Convolutions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.building.candidates import (
    channels_last,
    convolution_layouts,
    convolved,
    refuse_unknown_channels,
    spatial_orders,
)
from bridge.raising.building.padding import Window, subsampled, window_of, zero_padding
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref
from bridge.raising.table import Candidate, Node, Operand, raises


@raises("Conv")
def conv(
    node: Node,
    x: Operand,
    w: Operand,
    b: Operand | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: Sequence[int] | None = None,
    group: int = 1,
    kernel_shape: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> list[Candidate]:
    """x: n i *s   w: o i/group *k   b: o   ->   n o *s        (onnx.ai/onnx/operators, Conv)

    Keras: x n *s i, kernel *k i/group o. If each channel is a group of its own, a DepthwiseConv
    with kernel *k i o/i. The spatial axes may be in any order, and with one group the output
    channels in any layout: the kernel is stored to match.
    """
    if not 3 <= x.rank <= 5:
        raise UnsupportedError(f"a convolution over {x.rank - 2} spatial axes")
    refuse_unknown_channels(x, w.shape[1] if group == 1 else f"{group} groups of {w.shape[1]}")
    window = window_of(x.shape[2:], w.weight().shape[2:], strides, dilations, pads, auto_pad)
    if group == x.shape[1] and group > 1 and window.rank <= 2:
        return [_depthwise(node, x, w, b, window, order) for order in spatial_orders(x)]
    return [
        _full(node, x, w, b, window, group, *layouts)
        for layouts in convolution_layouts(node, x, group)
    ]


def _full(
    node: Node,
    x: Operand,
    w: Operand,
    b: Operand | None,
    window: Window,
    group: int,
    order: tuple[int, ...],
    outer: Layout,
) -> Candidate:
    """A convolution in groups, with the output channels in layout `outer`."""
    input_layout = channels_last(x, identity_channels=group > 1, spatial=order)
    inner = input_layout.axis(1) if group == 1 else Layout.identity((w.shape[1],))
    parts = [outer, inner, *(Layout.identity((size,)) for size in window.kernel)]
    weights = {"kernel": w.weight(Layout.product(parts, (*order, 1, 0)))}
    options = {"filters": w.shape[0], **({"groups": group} if group > 1 else {})}
    return _candidate(
        node, input_layout, outer, b, f"Conv{window.rank}D", window, order, options, weights
    )


def _depthwise(
    node: Node, x: Operand, w: Operand, b: Operand | None, window: Window, order: tuple[int, ...]
) -> Candidate:
    """Each channel by itself. The channels keep their layout, unless each has several outputs."""
    several = node.shape[1] != x.shape[1]
    input_layout = channels_last(x, identity_channels=several, spatial=order)
    outer = Layout.identity((node.shape[1],)) if several else input_layout.axis(1)
    weights = {"depthwise": depthwise_kernel(w, input_layout.axis(1), order)}
    options = {
        "depth_multiplier": w.weight().shape[0] // int(input_layout.axis(1).logical_shape[0])
    }
    return _candidate(
        node,
        input_layout,
        outer,
        b,
        f"DepthwiseConv{window.rank}D",
        window,
        order,
        options,
        weights,
    )


def _candidate(
    node: Node,
    input_layout: Layout,
    outer: Layout,
    b: Operand | None,
    kind: str,
    window: Window,
    order: tuple[int, ...],
    options: Mapping[str, Any],
    weights: Mapping[str, Weight],
) -> Candidate:
    """A layer with the spatial axes in an order, and its bias."""
    ordered = window.ordered(order)
    dilation = {"dilation_rate": ordered.dilations} if max(window.dilations) > 1 else {}
    layer = {"kernel_size": ordered.kernel, "use_bias": b is not None, **dilation, **options}
    biased = weights if b is None else {**weights, "bias": b.weight(outer)}

    def build(k: Recorder, x: Ref) -> Ref:
        return _windowed(k, x, kind, ordered, layer, biased)

    return Candidate(
        (input_layout, None, None)[: 2 + (b is not None)],
        (convolved(node, input_layout, order, outer),),
        build,
    )


def depthwise_kernel(w: Operand, channels: Layout, order: Sequence[int]) -> Weight:
    """w: (i m) 1 *k  ->  *k i m, with the channels i and the axes *k as they are stored in x"""
    source = w.weight()
    inputs = int(channels.logical_shape[0])
    shape = (inputs, source.shape[0] // inputs, *source.shape[2:])
    parts = [channels, *(Layout.identity((size,)) for size in shape[1:])]
    layout = Layout.product(parts, (*order, 0, 1))
    return Weight.derived(shape, lambda w: w.reshape(shape), source).with_layout(layout)


def _windowed(
    k: Recorder,
    x: Ref,
    kind: str,
    window: Window,
    options: Mapping[str, Any],
    weights: Mapping[str, Weight],
) -> Ref:
    """Pads first if Keras's padding differs, and subsamples if the layer cannot stride."""
    padding = "same" if window.is_padded and window.is_same else "valid"
    if padding == "valid":
        x = zero_padding(k, x, window)
    # Keras refuses strides with dilation: convolve densely, then keep every stride-th position.
    separate = max(window.strides) > 1 and max(window.dilations) > 1
    # TensorFlow's depthwise convolution has the same stride for all axes.
    separate = separate or (kind.startswith("Depthwise") and len(set(window.strides)) > 1)
    strides = {} if separate or max(window.strides) == 1 else {"strides": window.strides}
    if separate and padding == "same":
        x, padding = zero_padding(k, x, window), "valid"
    y = k.layer(kind, x, weights, **options, **strides, padding=padding)
    return subsampled(k, y, window.strides) if separate else y
