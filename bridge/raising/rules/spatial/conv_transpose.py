"""Transposed convolutions (Caffe's Deconvolution)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.building.candidates import channels_last, convolution_layouts, convolved
from bridge.raising.building.padding import PerAxis
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref
from bridge.raising.table import Candidate, Node, Operand, raises


@dataclass(frozen=True)
class Spread(PerAxis):
    """How a transposed convolution goes over its axes.

    The kernel's parts lie `dilation` apart, so it reaches over `extents` places. Whole, the result
    has `stride · (size - 1) + extent` places, of which `begins` and `ends` are cut off.
    """

    extents: tuple[int, ...]
    strides: tuple[int, ...]
    begins: tuple[int, ...]
    ends: tuple[int, ...]

    @property
    def is_same(self) -> bool:
        """Whether Keras's `same` cuts off exactly so: what is more than stride · size."""
        overlaps = [k - s for k, s in zip(self.extents, self.strides, strict=True)]
        halves = tuple((o // 2, o - o // 2) for o in overlaps)
        return min(overlaps) >= 0 and halves == tuple(zip(self.begins, self.ends, strict=True))

    @property
    def croppings(self) -> tuple[tuple[int, int], ...]:
        """What to cut off of Keras's `valid`, which is never shorter than stride · size."""
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

    Keras: x n *s i, kernel *k o i. Where every channel is a group of its own, zeros are put
    between the numbers of x and a DepthwiseConv goes over them; other groups are layers of their
    own, joined. A dilated kernel gets zeros between its numbers. The spatial axes may lie in any
    order, and where there is one group the channels come out in any: the kernel follows.
    """
    rank, kernel = x.rank - 2, w.weight().shape[2:]
    if not 1 <= rank <= 3:
        raise UnsupportedError(f"a transposed convolution over {rank} axes")
    if auto_pad != "NOTSET" or output_shape is not None:
        raise UnsupportedError("a transposed convolution without explicit pads")
    steps, ones = tuple(dilations or (1,) * rank), (1,) * rank
    extents = tuple((k - 1) * d + 1 for k, d in zip(kernel, steps, strict=True))
    pads = tuple(pads or (0,) * (2 * rank))
    extra = tuple(output_padding or (0,) * rank)
    ends = tuple(end - more for end, more in zip(pads[rank:], extra, strict=True))
    at = Spread(x.shape[2:], extents, tuple(strides or ones), pads[:rank], ends)
    if min(at.begins + tuple(end for _, end in at.croppings)) < 0:
        raise UnsupportedError("output_padding beyond what the kernel reaches", received=extra)
    full = dilated(w.weight(), steps)
    return [
        _step(node, x, full, b, at, group, *orders)
        for orders in convolution_layouts(node, x, group)
    ]


def _step(
    node: Node,
    x: Operand,
    w: Weight,
    b: Operand | None,
    at: Spread,
    group: int,
    order: tuple[int, ...],
    outer: Layout,
) -> Candidate:
    """Over the spatial axes in an order, to channels in the order `outer`."""
    input_layout = channels_last(x, identity_channels=group > 1, spatial=order)
    ordered, kernel = at.ordered(order), _ordered(w, order)
    bias = None if b is None else b.weight(outer)
    depthwise = group > 1 and group == x.shape[1] == node.shape[1] and at.rank <= 2

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
    turned = w.with_layout(Layout.ordered(w.shape, (0, 1, *order)))
    return Weight.derived(turned.stored_shape, lambda w: w, turned)


def _transposed(
    k: Recorder,
    x: Ref,
    at: Spread,
    kernel: Weight,
    bias: Weight | None,
    inner: Layout,
    outer: Layout,
) -> Ref:
    """One ConvTranspose layer, and what it gives too much of cut off."""
    parts = [inner, outer, *(Layout.identity((size,)) for size in kernel.shape[2:])]
    layout = Layout.product(parts, (*range(2, len(parts)), 1, 0))
    y = k.layer(
        f"Conv{at.rank}DTranspose",
        x,
        {"kernel": kernel.with_layout(layout), **({} if bias is None else {"bias": bias})},
        filters=kernel.shape[1],
        kernel_size=at.extents,
        strides=at.strides,
        padding="same" if at.is_same else "valid",
        use_bias=bias is not None,
    )
    if at.is_same or not any(map(any, at.croppings)):
        return y
    cropping = at.croppings[0] if at.rank == 1 else at.croppings
    return k.layer(f"Cropping{at.rank}D", y, cropping=cropping)


def _grouped(
    k: Recorder, x: Ref, at: Spread, kernel: Weight, bias: Weight | None, group: int
) -> Ref:
    """Each group as a layer of its own: Keras's transposed convolutions have no groups."""
    inputs, outputs = kernel.shape[0] // group, kernel.shape[1]
    every = (slice(None),) * (at.rank + 1)
    results = []
    for i in range(group):
        part = k.op("get_item", x, (*every, slice(i * inputs, (i + 1) * inputs)))
        own_bias = None if bias is None else _rows(bias, i * outputs, (i + 1) * outputs)
        own = _rows(kernel, i * inputs, (i + 1) * inputs)
        channels = [Layout.identity((size,)) for size in (inputs, outputs)]
        results.append(_transposed(k, part, at, own, own_bias, *channels))
    return k.layer("Concatenate", results, axis=at.rank + 1)


def _rows(weight: Weight, start: int, end: int) -> Weight:
    shape = (end - start, *weight.shape[1:])
    return Weight.derived(shape, lambda w: w[start:end], weight)


def _depthwise(k: Recorder, x: Ref, at: Spread, kernel: Weight, bias: Weight | None) -> Ref:
    """Zeros between the numbers, and a DepthwiseConv with the kernel back to front."""
    channels = kernel.shape[0]
    back_to_front = (slice(None), slice(None), *(slice(None, None, -1),) * at.rank)
    flipped = Weight.derived(kernel.shape, lambda w: w[back_to_front], kernel).with_layout(
        Layout.ordered(kernel.shape, (*range(2, at.rank + 2), 0, 1))
    )
    pairs = [
        (extent - 1 - begin, extent - 1 - end)
        for extent, begin, end in zip(at.extents, at.begins, at.ends, strict=True)
    ]
    y = _with_zeros_between(k, x, at, channels)
    # A pad beyond the kernel's reach cuts results off; a shorter one is padding.
    padding = tuple((max(b, 0), max(e, 0)) for b, e in pairs)
    cropping = tuple((max(-b, 0), max(-e, 0)) for b, e in pairs)
    if any(map(any, padding)):
        y = k.layer(f"ZeroPadding{at.rank}D", y, padding=_for_rank(padding))
    if any(map(any, cropping)):
        y = k.layer(f"Cropping{at.rank}D", y, cropping=_for_rank(cropping))
    return k.layer(
        f"DepthwiseConv{at.rank}D",
        y,
        {"depthwise": flipped, **({} if bias is None else {"bias": bias})},
        kernel_size=at.extents,
        use_bias=bias is not None,
    )


def _for_rank(pairs: tuple[tuple[int, int], ...]) -> object:
    return pairs[0] if len(pairs) == 1 else pairs


def _with_zeros_between(k: Recorder, x: Ref, at: Spread, channels: int) -> Ref:
    """n *s c -> n *(stride · (s - 1) + 1) c"""
    if max(at.strides) == 1:
        return x
    if not all(isinstance(size, int) for size in at.sizes):
        raise UnsupportedError(
            "a depthwise transposed convolution over axes of unknown size",
            hint="fix the sizes of the inputs",
        )
    sizes = [int(size) for size in at.sizes]
    apart = [each for size in sizes for each in (size, 1)]
    spread = [size * s for size, s in zip(sizes, at.strides, strict=True)]
    pads = [(0, 0), *(p for s in at.strides for p in ((0, 0), (0, s - 1))), (0, 0)]
    y = k.layer("Reshape", x, target_shape=(*apart, channels))
    y = k.op("pad", y, pad_width=pads)
    y = k.layer("Reshape", y, target_shape=(*spread, channels))
    crops = tuple((0, s - 1) for s in at.strides)
    return k.layer(f"Cropping{at.rank}D", y, cropping=_for_rank(crops))


def dilated(weight: Weight, steps: Sequence[int]) -> Weight:
    """w: i o *k, with zeros between its numbers: Keras has no dilated transposed convolution."""
    if max(steps) == 1:
        return weight
    shape = weight.shape
    for axis, step in enumerate(steps, 2):
        weight = _dilated_along(weight, axis, step)
    extents = tuple((k - 1) * d + 1 for k, d in zip(shape[2:], steps, strict=True))
    ends = (slice(None), slice(None), *(slice(0, extent) for extent in extents))
    return Weight.derived((*shape[:2], *extents), lambda w: w[ends], weight)


def _dilated_along(weight: Weight, axis: int, step: int) -> Weight:
    """Each number of an axis followed by step - 1 zeros."""
    shape = weight.shape
    apart = (*shape[: axis + 1], 1, *shape[axis + 1 :])
    joined = (*shape[:axis], shape[axis] * step, *shape[axis + 1 :])
    pads = [(0, 0)] * len(apart)
    pads[axis + 1] = (0, step - 1)
    return Weight.derived(joined, lambda w: np.pad(w.reshape(apart), pads).reshape(joined), weight)
