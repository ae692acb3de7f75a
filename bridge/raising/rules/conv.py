"""Convolutions."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.orders import channels_last, channels_last_order
from bridge.raising.padding import Window, subsampled, window, zero_padding
from bridge.raising.plan import Ref
from bridge.raising.recorder import Recorder
from bridge.raising.table import Node, Operand, Step, raises


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
) -> Step:
    """x: n i *s   w: o i/group *k   b: o   ->   n o *s        (onnx.ai/onnx/operators, Conv)

    Keras: x n *s i, kernel *k i/group o. Where every channel is a group of its own, a
    DepthwiseConv with kernel *k i o/i.
    """
    if not 3 <= x.rank <= 5:
        raise UnsupportedError(f"a convolution over {x.rank - 2} spatial axes")
    kernel = tuple(w.weight().shape[2:])
    at = window(x.shape[2:], kernel, strides, dilations, pads, auto_pad)
    channels = x.shape[1]
    depthwise = group == channels and group > 1 and at.rank <= 2
    multiplier = w.weight().shape[0] // group
    keeps_order = group == 1 or (depthwise and multiplier == 1)
    want = channels_last(x, plain_channels=not keeps_order)
    inner = want.axis(1)
    options = {
        "kernel_size": kernel,
        "use_bias": b is not None,
        **({"dilation_rate": at.dilations} if max(at.dilations) > 1 else {}),
    }
    outer = inner if depthwise and multiplier == 1 else Layout.plain((node.shape[1],))
    weights = {} if b is None else {"bias": b.weight(outer)}
    if depthwise:
        kind = f"DepthwiseConv{at.rank}D"
        options |= {"depth_multiplier": multiplier}
        weights = {"depthwise": depthwise_kernel(w, inner), **weights}
    else:
        kind = f"Conv{at.rank}D"
        options = {"filters": w.shape[0], **options}
        options |= {"groups": group} if group > 1 else {}
        order = (*range(2, x.rank), 1, 0)
        inner = inner if group == 1 else Layout.plain((w.shape[1],))
        parts = [Layout.plain(w.shape[:1]), inner, *(Layout.plain((size,)) for size in kernel)]
        weights = {"kernel": w.weight(Layout.product(parts, order)), **weights}

    def build(k: Recorder, x: Ref) -> Ref:
        return _windowed(k, x, kind, at, options, weights)

    sizes = [Layout.plain((size,)) for size in node.shape[2:]]
    out = Layout.product([want.axis(0), outer, *sizes], channels_last_order(x.rank))
    return Step((want, None, None)[: 2 + (b is not None)], (out,), build)


def depthwise_kernel(w: Operand, channels: Layout) -> Weight:
    """w: (i m) 1 *k  ->  *k i m, the channels i in the order in which x has them stored."""
    given = w.weight()
    inputs = channels.logical_shape[0]
    shape = (int(inputs), given.shape[0] // int(inputs), *given.shape[2:])
    parts = [channels, *(Layout.plain((size,)) for size in shape[1:])]
    layout = Layout.product(parts, (*range(2, len(shape)), 0, 1))
    return Weight(lambda w: w.reshape(shape), shape, layout, (given,))


def _windowed(
    k: Recorder,
    x: Ref,
    kind: str,
    at: Window,
    options: dict[str, object],
    weights: dict[str, Weight],
) -> Ref:
    """Pads where Keras's own padding is another, and strides where the layer will not."""
    padding = "same" if at.is_padded and at.is_same else "valid"
    if padding == "valid":
        x = zero_padding(k, x, at)
    # Keras refuses a stride together with dilation: dilate densely, then keep each stride-th.
    apart = max(at.strides) > 1 and max(at.dilations) > 1
    # TensorFlow's depthwise convolution takes one stride for both axes only.
    apart = apart or (kind.startswith("Depthwise") and len(set(at.strides)) > 1)
    strides = {} if apart or max(at.strides) == 1 else {"strides": at.strides}
    if apart and padding == "same":
        x, padding = zero_padding(k, x, at), "valid"
    y = k.layer(kind, x, weights, **options, **strides, padding=padding)
    return subsampled(k, y, at.strides) if apart else y
