"""The registry of raise rules: one function for each ONNX operator.

A rule is called with its `Node`, the node's inputs as `Operand`s (None for an optional one that is
absent) and its attributes as keyword arguments. It returns a `Candidate`: the layout that each
input must have, the layouts of the outputs, and a function that builds the node; or several equally
correct ones, of which the layout pass takes the one that moves the fewest bytes.

The law that every rule keeps, for any layouts of its inputs:

    output_layout.apply(op(x, ...)) == build(input_layout.apply(x), ...)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.plan import Ref, Size
from bridge.registry import Registry
from bridge.types import Array

Shape = tuple[Size, ...]


@dataclass(frozen=True)
class Node:
    """What a rule may know of its node besides the inputs: a description for messages, the shapes
    of the outputs, and for each output the layout that its consumers prefer, if that is known.

    `absent` are the indices of outputs that the node omits; their shapes are empty.
    """

    description: str
    shapes: tuple[Shape, ...]
    preferred_layouts: tuple[Layout | None, ...] = ()
    absent: frozenset[int] = frozenset()

    @property
    def shape(self) -> Shape:
        """The shape of the first output."""
        return self.shapes[0]

    def has_output(self, index: int) -> bool:
        """Whether the node has this output, or omits it."""
        return index < len(self.shapes) and index not in self.absent

    @property
    def preferred_layout(self) -> Layout | None:
        """The preferred layout of the first output, if there is one that fits its shape."""
        preferred = self.preferred_layouts[0] if self.preferred_layouts else None
        return (
            preferred if preferred is not None and preferred.logical_shape == self.shape else None
        )


@dataclass(frozen=True)
class Operand:
    """An input of a node: a tensor that the model computes, or a constant of the graph.

    `layout` is how the tensor is stored at this point; that of a constant is the identity layout
    until a rule asks for another one. `producer` is the operator that computed the tensor,
    looking past Transposes.
    """

    name: str
    dtype: str
    shape: Shape
    layout: Layout
    constant: Weight | None = field(default=None, repr=False, compare=False)
    producer: str = ""

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def is_constant(self) -> bool:
        return self.constant is not None

    def array(self) -> Array:
        """The values of a constant, in identity layout. Raises UnsupportedError for a tensor."""
        if self.constant is None:
            raise UnsupportedError(
                f"input '{self.name}' must be a constant", received="a tensor that is computed"
            )
        return self.constant.array()

    def weight(self, layout: Layout | None = None) -> Weight:
        """A constant as a weight to be stored in `layout`, by default the identity layout."""
        shape = tuple(dim for dim in self.shape if isinstance(dim, int))
        if self.constant is None or len(shape) < self.rank:
            raise UnsupportedError(
                f"input '{self.name}' must be a constant to become a weight",
                received="a tensor that is computed",
            )
        if layout is not None and layout.logical_shape != shape:
            raise UnsupportedError(
                f"input '{self.name}' spans an axis of unknown size",
                expected=layout.logical_shape,
                received=shape,
                hint="fix the sizes of the inputs",
            )
        return self.constant if layout is None else self.constant.with_layout(layout)


@dataclass(frozen=True)
class Candidate:
    """One way to build a node, which a rule offers.

    `input_layouts` has, for each input of the node, the layout that it must have, or None for those
    that the rule consumes itself (constants, absent inputs). `build(recorder, *refs)` records the
    Keras calls, with one Ref for each input that has a layout, and returns one Ref for each output.

    `backward` is for operators that relabel axes: it returns the layout of the first input that
    leads to a layout of the output. Without it, an input of the same rank has the output's layout.
    """

    input_layouts: tuple[Layout | None, ...]
    output_layouts: tuple[Layout, ...]
    build: Callable[..., Ref | tuple[Ref, ...]]
    backward: Callable[[Layout], Layout | None] | None = None


Rule = Callable[..., Candidate | Sequence[Candidate]]


@dataclass(frozen=True)
class Entry:
    """A rule, whose signature is the operator's schema."""

    rule: Rule


TABLE = Registry[Entry]("raises", "operator")

Choice = TypeVar("Choice")


def lookup(choices: Mapping[str, Choice], name: str, attribute: str) -> Choice:
    """The choice that an attribute names. Raises UnsupportedError if there is none of that name."""
    if name not in choices:
        raise UnsupportedError(
            f"unknown {attribute}", expected=", ".join(choices), received=repr(name)
        )
    return choices[name]


def raises(*operators: str, since: int = 1) -> Callable[[Rule], Rule]:
    """Registers a rule for operators from an opset on. A second one for the same opset is refused.

    An operator outside ONNX's own domain is named `domain::Operator`.
    """
    return TABLE.register(operators, Entry, since)
