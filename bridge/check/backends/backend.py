"""The protocol of the models in a comparison."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bridge.layout import Layout
from bridge.types import Array

InputSpec = tuple[tuple[int | str, ...], str]
"""The shape and the dtype of an input; a free size is a symbol."""


def in_onnx_order(array: Array, layout: Layout | None) -> Array:
    """An array of a model as ONNX has it; None for a layout that is ONNX's. One of another shape
    than planned is transposed by whole axes: the data may say the size that a file says too, and
    the report can show what the shape is."""
    if layout is None:
        return array
    try:
        return layout.undo(array)
    except ValueError:
        order = [layout.where(axis) for axis in range(layout.rank)]
        axes = [axis for axis in order if axis is not None]
        return array.transpose(axes) if len(axes) == array.ndim else array


@dataclass(frozen=True)
class Origin:
    """The layer that computes a value, its operator, and the values that it reads."""

    layer: str
    operator: str
    inputs: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.layer} ({self.operator})"


class Backend(Protocol):
    """One of the two models. All names are those of ONNX's values, which are Caffe's blobs; all
    arrays have ONNX's axis order, however the model itself stores them."""

    @property
    def title(self) -> str:
        """The name of the model, and what runs it."""

    @property
    def inputs(self) -> Mapping[str, InputSpec]:
        """The inputs that it needs; none if its values are recorded."""

    @property
    def dtypes(self) -> Collection[str]:
        """Those that it computes in, as far as it is known."""

    @property
    def outputs(self) -> Sequence[str]:
        """Its results."""

    @property
    def values(self) -> Sequence[str]:
        """All values that it can yield, in the order in which they are computed."""

    @property
    def origins(self) -> Mapping[str, Origin]:
        """How values are computed, as far as this model knows; in the order of `values`."""

    def run(self, feeds: Mapping[str, Array], wanted: Sequence[str]) -> Iterator[tuple[str, Array]]:
        """Computes the wanted values, yields each as soon as it is computed, and keeps none."""
