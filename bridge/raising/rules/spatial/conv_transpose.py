"""Transposed convolutions (Caffe's Deconvolution)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.building.candidates import (
    channels_last,
    convolution_layouts,
    convolved,
    refuse_unknown_channels,
)
from bridge.raising.building.padding import PerAxis, zeros_around
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref
from bridge.raising.table import Candidate, Node, Operand, raises
from bridge.types import Array


@dataclass(frozen=True)
class Spread(PerAxis):
    """The geometry of a transposed convolution.

    A dilated kernel extends over `extents` positions. The full result has the size
    `stride · (size - 1) + extent`, of which `begins` and `ends` are cropped.
    """

    extents: tuple[int, ...]
    strides: tuple[int, ...]
    begins: tuple[int, ...]
    ends: tuple[int, ...]

    @property
    def is_same(self) -> bool:
        """Whether Keras's `same` crops exactly that: the excess over stride · size."""
        overlaps = [k - s for k, s in zip(self.extents, self.strides, strict=True)]
        halves = tuple((o // 2, o - o // 2) for o in overlaps)
        return min(overlaps) >= 0 and halves == tuple(zip(self.begins, self.ends, strict=True))

    @property
    def croppings(self) -> tuple[tuple[int, int], ...]:
        """The cropping of Keras's `valid`, which is never shorter than stride · size."""
        ends = (
            e + max(s - k, 0) for e, s, k in zip(self.ends, self.strides, self.extents, strict=True)
        )
        return tuple(zip(self.begins, ends, strict=True))


@raises("ConvTranspose")
def conv_transpose(
    node: Node,
    x: Operand,
    w: Operand,
    b: Operand | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: Sequence[int] | None = None,
    group: int = 1,
    kernel_shape: Sequence[int] | None = None,
    output_padding: Sequence[int] | None = None,
    output_shape: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> list[Candidate]:
    """x: n i *s   w: i o/group *k   b: o   ->   n o *t   (onnx.ai/onnx/operators, ConvTranspose)

    Keras: x n *s i, kernel *k o i. If each channel is a group of its own, x gets zeros between its
    elements and goes through a DepthwiseConv; other groups are separate layers, concatenated. A
    dilated kernel gets zeros between its elements. The spatial axes may be in any order, and with
    one group the output channels in any layout: the kernel is stored to match.
    """
    rank, kernel = x.rank - 2, w.weight().shape[2:]
    if not 1 <= rank <= 3:
        raise UnsupportedError(f"a transposed convolution over {rank} axes")
    refuse_unknown_channels(x, w.shape[0])
    steps, ones = tuple(dilations or (1,) * rank), (1,) * rank
    extents = tuple((k - 1) * d + 1 for k, d in zip(kernel, steps, strict=True))
    extra = tuple(output_padding or (0,) * rank)
    spread = Spread(x.shape[2:], extents, tuple(strides or ones), (0,) * rank, (0,) * rank)
    if output_shape is not None or auto_pad.startswith("SAME"):
        pairs = _pads_of_sizes(spread, output_shape, extra, auto_pad)
    else:
        pads = tuple(pads or (0,) * (2 * rank)) if auto_pad == "NOTSET" else (0,) * (2 * rank)
        pairs = [(b, e - more) for b, e, more in zip(pads[:rank], pads[rank:], extra, strict=True)]
    spread = replace(spread, begins=tuple(b for b, _ in pairs), ends=tuple(e for _, e in pairs))
    kernel_weight = dilated(w.weight(), steps)
    return [
        _candidate(node, x, kernel_weight, b, spread, group, *layouts)
        for layouts in convolution_layouts(node, x, group)
    ]


def _pads_of_sizes(
    spread: Spread, output_shape: Sequence[int] | None, extra: Sequence[int], auto_pad: str
) -> list[tuple[int, int]]:
    """The pads that leave these sizes, or the stride times the size for `SAME_UPPER` and
    `SAME_LOWER`: an odd one is at the end for `SAME_UPPER`, else at the start."""
    if output_shape is None and any(extra):
        raise UnsupportedError(
            "output_padding with auto_pad: ONNX's inference and onnxruntime disagree",
            received=extra,
        )
    targets = [None] * spread.rank if output_shape is None else [*output_shape][-spread.rank :]
    pairs = []
    for size, target, extent, stride, more in zip(
        spread.sizes, targets, spread.extents, spread.strides, extra, strict=True
    ):
        total = extent - stride
        if target is not None:
            if not isinstance(size, int):
                raise UnsupportedError("output_shape of an axis of unknown size", received=size)
            total = (size - 1) * stride + extent + more - target
        if total <= (-stride if target is not None else -1):
            raise UnsupportedError(
                "an output that is larger than its input gives: runtimes disagree", received=target
            )
        half = max(total, 0) // 2
        first = half if auto_pad == "SAME_UPPER" else max(total, 0) - half
        pairs.append((first, total - first - more))
    return pairs


def _candidate(
    node: Node,
    x: Operand,
    w: Weight,
    b: Operand | None,
    spread: Spread,
    group: int,
    order: tuple[int, ...],
    outer: Layout,
) -> Candidate:
    """With the spatial axes in an order, and the output channels in layout `outer`."""
    input_layout = channels_last(x, identity_channels=group > 1, spatial=order)
    ordered, kernel = spread.ordered(order), _ordered(w, order)
    bias = None if b is None else b.weight(outer)
    depthwise = group > 1 and group == x.shape[1] == node.shape[1] and spread.rank <= 2

    def build(k: Recorder, x: Ref) -> Ref:
        if depthwise:
            return _depthwise(k, x, ordered, kernel, bias)
        if group > 1:
            return _grouped(k, x, ordered, kernel, bias, group)
        return _transposed(k, x, ordered, kernel, bias, input_layout.axis(1), outer)

    return Candidate(
        (input_layout, None, None)[: 2 + (b is not None)],
        (convolved(node, input_layout, order, outer),),
        build,
    )


def _ordered(w: Weight, order: tuple[int, ...]) -> Weight:
    """w: i o *k, its spatial axes in another order."""
    if list(order) == sorted(order):
        return w
    transposed = w.with_layout(Layout.ordered(w.shape, (0, 1, *order)))
    return Weight.derived(transposed.stored_shape, lambda w: w, transposed)


def _transposed(
    k: Recorder,
    x: Ref,
    spread: Spread,
    kernel: Weight,
    bias: Weight | None,
    inner: Layout,
    outer: Layout,
) -> Ref:
    """One ConvTranspose layer, and the cropping of its result. What the result has beyond the reach
    of the kernel is 0, to which the bias is added."""
    parts = [inner, outer, *(Layout.identity((size,)) for size in kernel.shape[2:])]
    layout = Layout.product(parts, (*range(2, len(parts)), 1, 0))
    beyond = [(max(-begin, 0), max(-end, 0)) for begin, end in spread.croppings]
    is_longer = not spread.is_same and any(map(any, beyond))
    biased = bias is not None and not is_longer
    y = k.layer(
        f"Conv{spread.rank}DTranspose",
        x,
        {"kernel": kernel.with_layout(layout), **({"bias": bias} if bias and biased else {})},
        filters=kernel.shape[1],
        kernel_size=spread.extents,
        strides=spread.strides,
        padding="same" if spread.is_same else "valid",
        use_bias=biased,
    )
    croppings = tuple((max(begin, 0), max(end, 0)) for begin, end in spread.croppings)
    if not spread.is_same and any(map(any, croppings)):
        y = k.layer(f"Cropping{spread.rank}D", y, cropping=_for_rank(croppings))
    if is_longer:
        y = zeros_around(k, y, beyond)
        y = y if bias is None else k.op("add", y, bias)
    return y


def _grouped(
    k: Recorder, x: Ref, spread: Spread, kernel: Weight, bias: Weight | None, group: int
) -> Ref:
    """One layer per group: Keras's transposed convolutions have no groups."""
    inputs, outputs = kernel.shape[0] // group, kernel.shape[1]
    leading = (slice(None),) * (spread.rank + 1)
    results = []
    for i in range(group):
        part = k.op("get_item", x, (*leading, slice(i * inputs, (i + 1) * inputs)))
        group_bias = None if bias is None else _rows(bias, i * outputs, (i + 1) * outputs)
        group_kernel = _rows(kernel, i * inputs, (i + 1) * inputs)
        channels = [Layout.identity((size,)) for size in (inputs, outputs)]
        results.append(_transposed(k, part, spread, group_kernel, group_bias, *channels))
    return k.layer("Concatenate", results, axis=spread.rank + 1)


def _rows(weight: Weight, start: int, end: int) -> Weight:
    shape = (end - start, *weight.shape[1:])
    return Weight.derived(shape, lambda w: w[start:end], weight)


def _depthwise(k: Recorder, x: Ref, spread: Spread, kernel: Weight, bias: Weight | None) -> Ref:
    """Zeros between the elements, and a DepthwiseConv with the flipped kernel."""
    channels = kernel.shape[0]
    reverse = (slice(None), slice(None), *(slice(None, None, -1),) * spread.rank)
    flipped = Weight.derived(kernel.shape, lambda w: w[reverse], kernel).with_layout(
        Layout.ordered(kernel.shape, (*range(2, spread.rank + 2), 0, 1))
    )
    pairs = [
        (extent - 1 - begin, extent - 1 - end)
        for extent, begin, end in zip(spread.extents, spread.begins, spread.ends, strict=True)
    ]
    y = _with_zeros_between(k, x, spread, channels)
    # A pad larger than the kernel's extent crops the result; a smaller one is padding.
    padding = tuple((max(b, 0), max(e, 0)) for b, e in pairs)
    cropping = tuple((max(-b, 0), max(-e, 0)) for b, e in pairs)
    if any(map(any, padding)):
        y = k.layer(f"ZeroPadding{spread.rank}D", y, padding=_for_rank(padding))
    if any(map(any, cropping)):
        y = k.layer(f"Cropping{spread.rank}D", y, cropping=_for_rank(cropping))
    return k.layer(
        f"DepthwiseConv{spread.rank}D",
        y,
        {"depthwise": flipped, **({} if bias is None else {"bias": bias})},
        kernel_size=spread.extents,
        use_bias=bias is not None,
    )


def _for_rank(pairs: tuple[tuple[int, int], ...]) -> object:
    return pairs[0] if len(pairs) == 1 else pairs


def _with_zeros_between(k: Recorder, x: Ref, spread: Spread, channels: int) -> Ref:
    """n *s c -> n *(stride · (s - 1) + 1) c

    Each position gets zeros behind it: along the last axis as more channels, so that the pad of an
    image has 5 axes, the most that LiteRT pads.
    """
    if max(spread.strides) == 1:
        return x
    if not all(isinstance(size, int) for size in spread.sizes):
        raise UnsupportedError(
            "a depthwise transposed convolution over axes of unknown size",
            hint="fix the sizes of the inputs",
        )
    sizes = [int(size) for size in spread.sizes]
    *outer, last = spread.strides
    separated = [axis for size in sizes[:-1] for axis in (size, 1)]
    enlarged = [size * s for size, s in zip(sizes, spread.strides, strict=True)]
    behind = [(0, s - 1) for s in outer]
    pads = [(0, 0), *(p for pad in behind for p in ((0, 0), pad)), (0, 0)]
    pads.append((0, (last - 1) * channels))
    y = k.layer("Reshape", x, target_shape=(*separated, sizes[-1], channels))
    y = k.op("pad", y, pad_width=pads)
    y = k.layer("Reshape", y, target_shape=(*enlarged, channels))
    crops = tuple((0, s - 1) for s in spread.strides)
    return k.layer(f"Cropping{spread.rank}D", y, cropping=_for_rank(crops))


def dilated(weight: Weight, steps: Sequence[int]) -> Weight:
    """w: i o *k, with zeros between its elements: Keras has no dilated transposed convolution."""
    if max(steps) == 1:
        return weight
    shape = weight.shape
    for axis, step in enumerate(steps, 2):
        weight = _dilated_along(weight, axis, step)
    extents = tuple((k - 1) * d + 1 for k, d in zip(shape[2:], steps, strict=True))
    key = (slice(None), slice(None), *(slice(0, extent) for extent in extents))
    return Weight.derived((*shape[:2], *extents), lambda w: w[key], weight)


def _dilated_along(weight: Weight, axis: int, step: int) -> Weight:
    """Each element along an axis followed by step - 1 zeros."""
    shape = weight.shape
    separated = (*shape[: axis + 1], 1, *shape[axis + 1 :])
    enlarged = (*shape[:axis], shape[axis] * step, *shape[axis + 1 :])
    pads = [(0, 0)] * len(separated)
    pads[axis + 1] = (0, step - 1)

    def read(w: Array) -> Array:
        return np.pad(w.reshape(separated), pads).reshape(enlarged)

    return Weight.derived(enlarged, read, weight)
