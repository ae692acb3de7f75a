"""Windows over the axes of a map: of convolutions and of pooling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from bridge.tflite.building import expanded, squeezed
from bridge.tflite.graph import Dims, Graph, NotWrittenError, Tensor
from bridge.tflite.schema import PADDING

PerAxis = int | Sequence[int] | None


def per_axis(value: PerAxis, rank: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
    if value is None:
        return default
    return (value,) * rank if isinstance(value, int) else tuple(value)


@dataclass(frozen=True)
class Windows:
    """Along each of the axes between n and c; a line of them is a plane of height 1."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    padding: str

    @classmethod
    def of(
        cls, rank: int, kernel: PerAxis, strides: PerAxis, padding: str, dilations: PerAxis = 1
    ) -> Windows:
        """Raises NotWrittenError for a padding that LiteRT lacks."""
        if padding not in PADDING:
            raise NotWrittenError(f"padding {padding!r}")
        line = (1,) if rank == 1 else ()
        size = per_axis(kernel, rank)
        step, dilation = per_axis(strides, rank, size), per_axis(dilations, rank)
        return cls(line + size, line + step, line + dilation, padding)

    @property
    def is_dilated(self) -> bool:
        return prod(self.dilations) != 1

    @property
    def extents(self) -> list[int]:
        pairs = zip(self.kernel, self.dilations, strict=True)
        return [1 + (size - 1) * dilation for size, dilation in pairs]

    def counts(self, sizes: Dims) -> Dims:
        """How many windows there are along each axis of these sizes."""
        ends = self.extents if self.padding == "valid" else [1] * len(sizes)
        sides = zip(sizes, ends, self.strides, strict=True)
        return tuple(None if s is None else -(-(s - end + 1) // stride) for s, end, stride in sides)

    @property
    def options(self) -> dict[str, Any]:
        """Padding and strides, by the names of the schema."""
        strides = zip("hw" if len(self.strides) == 2 else "dhw", self.strides, strict=True)
        return {"padding": PADDING[self.padding], **{f"stride_{k}": v for k, v in strides}}

    @property
    def dilation_options(self) -> dict[str, Any]:
        dilations = zip("hw" if len(self.strides) == 2 else "dhw", self.dilations, strict=True)
        return {f"dilation_{name}_factor": number for name, number in dilations}


def on_a_plane(g: Graph, x: Tensor, emit: Callable[[Tensor], Tensor]) -> Tensor:
    """Of n w c, as of n 1 w c."""
    if x.rank != 3:
        return emit(x)
    return squeezed(g, emit(expanded(g, x, 1)), [1])


def sides_of(value: Any, rank: int) -> list[tuple[int, int]]:
    """What is added or cut before and behind each of the axes between n and c: Keras has a pair for
    each, a number for both sides, or one for all."""
    entries = [value] if rank == 1 and not isinstance(value, int) else per_axis(value, rank)
    return [(entry, entry) if isinstance(entry, int) else tuple(entry) for entry in entries]
