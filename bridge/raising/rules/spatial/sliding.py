"""Windows that slide over the spatial axes of `n *s c`, as layers and as slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bridge.errors import UnsupportedError
from bridge.raising.building.padding import Window, window_of, zero_padding
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref
from bridge.raising.table import Node, Operand

LOWEST = -3.4028234663852886e38  # float32's; Caffe's -FLT_MAX


def pooling(
    x: Operand,
    kernel: Sequence[int],
    strides: Sequence[int] | None,
    dilations: Sequence[int] | None,
    pads: Sequence[int] | None,
    auto_pad: str,
    ceil_mode: int,
) -> Window:
    """The window of a pooling. Raises UnsupportedError for more axes than Keras's layers have."""
    if not 3 <= x.rank <= 5:
        raise UnsupportedError(f"pooling over {x.rank - 2} spatial axes")
    return window_of(x.shape[2:], kernel, strides, dilations, pads, auto_pad, ceil_mode)


def pooled(k: Recorder, kind: str, x: Ref, window: Window, padding: str) -> Ref:
    """A pooling layer of a kind: Max or Average."""
    return k.layer(
        f"{kind}Pooling{window.rank}D",
        x,
        pool_size=window.kernel,
        strides=window.strides,
        padding=padding,
    )


def every_window(offsets: Sequence[int], window: Window) -> tuple[slice, ...]:
    """The slices of the padded `n *s c`, of any sizes, that hold the element at these offsets of
    every window."""
    sides = zip(offsets, window.kernel, window.dilations, window.strides, strict=True)
    spatial = (_elements(*side) for side in sides)
    return (slice(None), *spatial, slice(None))


def _elements(offset: int, kernel: int, dilation: int, stride: int) -> slice:
    """Those that the offset-th element of a window may be: so many from the end it cannot reach."""
    return slice(offset * dilation, -(kernel - 1 - offset) * dilation or None, stride)


def slid(k: Recorder, x: Ref, window: Window, combine: str) -> Ref:
    """The padded `n *s c` -> n *t c, the elements of each window combined: dilated windows, which
    Keras's pooling does not have. One axis after the other, so that few slices are needed."""
    sides = zip(window.kernel, window.dilations, window.strides, strict=True)
    for axis, (kernel, dilation, stride) in enumerate(sides, 1):
        result: Ref | None = None
        for offset in range(kernel):
            key = (*[slice(None)] * axis, _elements(offset, kernel, dilation, stride))
            part = k.op("get_item", x, key)
            result = part if result is None else k.op(combine, result, part)
        x = x if result is None else result
    return x


@dataclass(frozen=True)
class Counted:
    """A window, and where its elements count in an average: over x, or over x and this padding."""

    window: Window
    padding: Window | None

    def ordered(self, axes: Sequence[int]) -> Counted:
        """The same, with the axes in another order."""
        padding = self.padding and self.padding.ordered(axes)
        return Counted(self.window.ordered(axes), padding)

    def counts(self) -> list[NDArray[np.float32]]:
        """For each axis the number of elements that count in each window along it. Raises
        UnsupportedError where a window has none: onnxruntime does not run such a graph."""
        if not self.window.is_padded:
            return [np.array([size], np.float32) for size in self.window.kernel]
        if not self.window.has_known_sizes:
            raise UnsupportedError(
                "averages over windows at the borders of an axis of unknown size",
                hint="fix the sizes of the inputs",
            )
        window, results = self.window, []
        for axis, size in enumerate(map(int, window.sizes)):
            begin, end = window.begins[axis], window.ends[axis]
            low, high = begin, begin + size
            if self.padding is not None:
                low, high = 0, high + self.padding.ends[axis]
            offsets = np.arange(window.kernel[axis]) * window.dilations[axis]
            stop = begin + size + end - offsets[-1]
            elements = np.arange(0, stop, window.strides[axis])[:, None] + offsets
            counts = ((elements >= low) & (elements < high)).sum(1)
            if not counts.all():
                raise UnsupportedError(
                    "a window that lies in the padding, and has nothing to average",
                    expected="padding that is smaller than the window",
                    received=f"{begin} before and {end} behind {size} elements, for windows of "
                    f"{window.kernel[axis]}",
                )
            results.append(counts.astype(np.float32))
        return results

    def check(self, node: Node) -> None:
        """Refuses windows that begin in the trailing padding, which ONNX's inference counts up to
        opset 21 and onnxruntime does not."""
        if self.padding is None or self.padding.ends == self.window.ends:
            return
        for size, counts in zip(node.shape[2:], self.counts(), strict=True):
            if isinstance(size, int) and size != len(counts):
                raise UnsupportedError(
                    "a window that begins in the padding that counts",
                    received=f"{size} windows along an axis",
                    hint="export the graph with opset 22 or later, or without ceil_mode",
                )

    def average_of_slices(self, k: Recorder, x: Ref) -> Ref:
        """n *s c -> n *t c"""
        x = zero_padding(k, x, self.window) if self.window.is_padded else x
        return self._scaled(k, slid(k, x, self.window, "add"), 1)

    def corrected(self, k: Recorder, y: Ref) -> Ref:
        """Averages over whole windows, whose elements beyond the padding must not count."""
        return self._scaled(k, y, None)

    def _scaled(self, k: Recorder, y: Ref, total: int | None) -> Ref:
        for axis, counts in enumerate(self.counts()):
            kernel = self.window.kernel[axis] if total is None else total
            if (counts != kernel).any():
                shape = (-1, *(1,) * (self.window.rank - axis))
                y = k.op("multiply", y, (kernel / counts).astype(np.float32).reshape(shape))
        return y
