"""Windows and padding: ONNX's are explicit, Keras has `valid`, `same` and padding layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

from bridge.errors import UnsupportedError
from bridge.graph.sizes import end_of_windows
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref, Size


@dataclass(frozen=True)
class PerAxis:
    """Attributes of the spatial axes of `n c *s`, in ONNX's terms: each tuple has one entry per
    axis."""

    sizes: tuple[Size, ...]

    @property
    def rank(self) -> int:
        return len(self.sizes)

    def ordered(self, axes: Sequence[int]) -> Self:
        """The same attributes with the axes, numbered as in `n c *s`, in another order."""
        values = (getattr(self, field.name) for field in fields(self))
        return type(self)(*(tuple(value[axis - 2] for axis in axes) for value in values))


@dataclass(frozen=True)
class Window(PerAxis):
    """A sliding window."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    begins: tuple[int, ...]
    ends: tuple[int, ...]

    @property
    def is_padded(self) -> bool:
        return any(self.begins + self.ends)

    @property
    def has_known_sizes(self) -> bool:
        return all(isinstance(size, int) for size in self.sizes)

    @property
    def is_same(self) -> bool:
        """Whether Keras's `same` has exactly these pads, for every size of the input."""
        return all(
            same_pads(size, 1 + (kernel - 1) * dilation, stride) == (begin, end)
            for size, kernel, stride, dilation, begin, end in zip(
                self.sizes,
                self.kernel,
                self.strides,
                self.dilations,
                self.begins,
                self.ends,
                strict=True,
            )
        )


def same_pads(size: Size, extent: int, stride: int) -> tuple[int, int] | None:
    """TensorFlow's pads. None if they depend on an unknown size."""
    if stride == 1:
        total = extent - 1
    elif isinstance(size, int):
        total = max((-(-size // stride) - 1) * stride + extent - size, 0)
    else:
        return None
    return total // 2, total - total // 2


def window_of(
    sizes: Sequence[Size],
    kernel: Sequence[int],
    strides: Sequence[int] | None,
    dilations: Sequence[int] | None,
    pads: Sequence[int] | None,
    auto_pad: str,
    ceil_mode: int = 0,
) -> Window:
    """The window of ONNX's attributes and their defaults; `auto_pad` and `ceil_mode` become pads.

    Raises UnsupportedError for negative pads, and if the pads depend on an unknown size.
    """
    rank = len(sizes)
    kernel, ones = tuple(kernel), (1,) * rank
    strides, dilations = tuple(strides or ones), tuple(dilations or ones)
    pads = tuple(pads or (0,) * (2 * rank))
    begins, ends = pads[:rank], pads[rank:]
    extents = [1 + (k - 1) * d for k, d in zip(kernel, dilations, strict=True)]
    if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        same = [same_pads(*axis) for axis in zip(sizes, extents, strides, strict=True)]
        known = [pair for pair in same if pair is not None]
        if len(known) < rank:
            raise UnsupportedError(
                f"auto_pad {auto_pad} with a stride over an axis of unknown size",
                hint="fix the sizes of the inputs",
            )
        halves = known if auto_pad == "SAME_UPPER" else [(end, begin) for begin, end in known]
        begins, ends = tuple(b for b, _ in halves), tuple(e for _, e in halves)
    if min(begins + ends) < 0:
        raise UnsupportedError("negative pads", received=pads)
    if ceil_mode:
        ends = tuple(map(_ceil_end, sizes, extents, strides, begins, ends))
    return Window(tuple(sizes), kernel, strides, dilations, begins, ends)


def _ceil_end(size: Size, extent: int, stride: int, begin: int, end: int) -> int:
    if not isinstance(size, int):
        raise UnsupportedError("ceil_mode over an axis of unknown size")
    return end_of_windows(size, extent, stride, begin, end)


def zero_padding(k: Recorder, x: Ref, window: Window) -> Ref:
    """A ZeroPadding layer over the spatial axes of `n *s c`."""
    pairs = tuple(zip(window.begins, window.ends, strict=True))
    return zeros_around(k, x, pairs) if window.is_padded else x


def zeros_around(k: Recorder, x: Ref, pairs: Sequence[tuple[int, int]]) -> Ref:
    """A ZeroPadding layer with a pair for each of one to three spatial axes of `n *s c`."""
    rank = len(pairs)
    return k.layer(f"ZeroPadding{rank}D", x, padding=pairs[0] if rank == 1 else tuple(pairs))


def constant_padding(k: Recorder, x: Ref, window: Window, value: float) -> Ref:
    """`ops.pad` over the spatial axes of `n *s c` with a value."""
    pairs = [(0, 0), *zip(window.begins, window.ends, strict=True), (0, 0)]
    return k.op("pad", x, pad_width=pairs, mode="constant", constant_values=value)


def subsampled(k: Recorder, x: Ref, strides: Sequence[int]) -> Ref:
    """Every stride-th position of `n *s c`, as a stride would leave of a dense result."""
    options: dict[str, Any] = {"pool_size": (1,) * len(strides), "strides": tuple(strides)}
    return k.layer(f"MaxPooling{len(strides)}D", x, **options)
