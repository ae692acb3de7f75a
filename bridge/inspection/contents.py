"""What is in a file, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.lower.values import Dims
    from bridge.raising.open_sizes import OpenSizes


@dataclass(frozen=True)
class Part:
    """A layer of a net or a node of a graph.

    `shapes` has one for each value that it writes, None if it is unknown. `refused` is why it
    cannot be converted; empty if it can.
    """

    name: str
    type: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    shapes: tuple[Dims | None, ...] = ()
    weights: tuple[Dims, ...] = ()
    refused: str = ""
    where: str = ""

    @property
    def parameters(self) -> int:
        return sum(map(size_of, self.weights))


@dataclass(frozen=True)
class Inspection:
    """One file, or a net and its weights. `facts` is any further information, by name.

    `open_sizes` are those of an ONNX graph's inputs, None if there are none. `parameters` counts
    shared ones once; `bytes` is the size of the parameters in the files.
    """

    files: tuple[str, ...]
    kind: str
    name: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, Dims | None] = field(default_factory=dict)
    outputs: Mapping[str, Dims | None] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    parameters: int = 0
    bytes: int = 0
    warnings: tuple[str, ...] = ()
    open_sizes: OpenSizes | None = None

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return asdict(self)


def size_of(shape: Dims) -> int:
    """How many numbers an array of this shape has; a size that is free counts as one."""
    return prod(size for size in shape if isinstance(size, int))
