"""What all sides of a comparison have in common."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

Array = NDArray[Any]
Given = tuple[tuple[int | str, ...], str]
"""The shape and the dtype of an input; a free size is a symbol."""


@dataclass(frozen=True)
class Origin:
    """What makes a value: a layer, its operator, and the values that it reads."""

    layer: str
    operator: str
    inputs: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.layer} ({self.operator})"


class Backend(Protocol):
    """One side. All names are those of ONNX's values, which are Caffe's blobs; all arrays have
    ONNX's axis order, whatever the side itself holds."""

    @property
    def title(self) -> str:
        """What it is and what runs it."""

    @property
    def inputs(self) -> Mapping[str, Given]:
        """What it must be fed; nothing where its values are recorded."""

    @property
    def dtypes(self) -> Collection[str]:
        """What it computes in, as far as it says."""

    @property
    def outputs(self) -> Sequence[str]:
        """What it is there to compute."""

    @property
    def values(self) -> Sequence[str]:
        """Everything it can give, in the order in which it is computed."""

    @property
    def origins(self) -> Mapping[str, Origin]:
        """Where values come from, as far as this side knows; in the order of `values`."""

    def run(self, feeds: Mapping[str, Array], wanted: Sequence[str]) -> Iterator[tuple[str, Array]]:
        """Computes the wanted values and gives each as soon as it is there, keeping none."""
