"""What is drawn: nodes, and the values between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Mark = Literal["", "equal", "differs", "cannot tell"]
Shape = tuple[int | str, ...]


@dataclass(frozen=True)
class Step:
    """A node of a graph: what it computes of which values. An input has the operator `INPUT`."""

    name: str
    operator: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]


INPUT = "Input"


@dataclass(frozen=True)
class Form:
    """What a node is in one of the formats: in a word or two, and in full, line by line."""

    short: str
    full: tuple[str, ...] = ()


@dataclass(frozen=True)
class Node:
    """A layer of the net, which may be several operators. `forms` are by the name of the format;
    it `moves` if one of its Keras operations is a transpose that could not be avoided."""

    name: str
    forms: Mapping[str, Form]
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    is_input: bool = False
    moves: bool = False


@dataclass(frozen=True)
class Value:
    """A tensor. `shape` is Caffe's and ONNX's, `stored` Keras's, with their axes `axes` and
    `stored_axes` as far as they are known: n c h w, and n h w c."""

    name: str
    shape: Shape | None = None
    axes: str = ""
    stored: Shape | None = None
    stored_axes: str = ""
    is_output: bool = False


@dataclass(frozen=True)
class Note:
    """What a comparison says of a value."""

    mark: Mark
    text: str


@dataclass(frozen=True)
class Diagram:
    """Nodes in the order in which they compute, and their values by name."""

    nodes: tuple[Node, ...]
    values: Mapping[str, Value]
    notes: Mapping[str, Note] = field(default_factory=dict)
