"""The registry of raise rules: one function for each ONNX operator.

A rule is called with its `Node`, the node's inputs as `Operand`s (None where an optional one is
absent) and its attributes as keyword arguments. It answers with a `Candidate`: the layout in which
each input must come, the layouts that the outputs then have, and what to build; or with several,
equally right, of which the layout pass takes the one that moves the fewest bytes.

The law that every rule keeps, for all layouts that it may be given:

    out.apply(op(x, ...)) == build(want.apply(x), ...)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from numpy.typing import NDArray

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.plan import Ref, Size
from bridge.registry import Registry

Shape = tuple[Size, ...]


@dataclass(frozen=True)
class Node:
    """What a rule may know of the node beside its inputs: its description, its outputs' shapes,
    and for each output the order that would serve its consumers best, where that is known.

    `absent` are the outputs that the node leaves out before others; their shapes are empty.
    """

    description: str
    shapes: tuple[Shape, ...]
    preferred_layouts: tuple[Layout | None, ...] = ()
    absent: frozenset[int] = frozenset()

    @property
    def shape(self) -> Shape:
        """The shape of the first output."""
        return self.shapes[0]

    def gives(self, index: int) -> bool:
        """Whether the node has an output, which ONNX lets it leave out."""
        return index < len(self.shapes) and index not in self.absent

    @property
    def preferred_layout(self) -> Layout | None:
        """The order that is wished of the first output, if any is that fits its shape."""
        preferred = self.preferred_layouts[0] if self.preferred_layouts else None
        return (
            preferred if preferred is not None and preferred.logical_shape == self.shape else None
        )


@dataclass(frozen=True)
class Operand:
    """An input of a node: a tensor that the model computes, or a constant of the graph.

    `layout` says how the tensor is stored at this point; a constant is stored as ONNX has it
    until a rule asks for another order. `producer` is the operator that computed the tensor,
    before Transposes.
    """

    name: str
    dtype: str
    shape: Shape
    layout: Layout
    read: Callable[[], NDArray[Any]] | None = field(default=None, repr=False, compare=False)
    producer: str = ""

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def is_constant(self) -> bool:
        return self.read is not None

    def array(self) -> NDArray[Any]:
        """The values of a constant, in ONNX's order. Raises UnsupportedError for a tensor."""
        if self.read is None:
            raise UnsupportedError(
                f"input '{self.name}' must be a constant", received="a tensor that is computed"
            )
        return self.read()

    def weight(self, layout: Layout | None = None) -> Weight:
        """A constant as a weight that will be stored in `layout`: ONNX's order by default."""
        shape = tuple(dim for dim in self.shape if isinstance(dim, int))
        if self.read is None or len(shape) < self.rank:
            raise UnsupportedError(
                f"input '{self.name}' must be a constant to become a weight",
                received="a tensor that is computed",
            )
        if 0 in shape:
            raise UnsupportedError(f"input '{self.name}' has no elements", received=self.shape)
        return Weight(self.read, shape, layout or Layout.identity(shape), name=self.name)


@dataclass(frozen=True)
class Candidate:
    """A rule's answer.

    `input_layouts` has, for each input of the node, the layout in which it must come, or None for
    those that the rule has used up itself (constants, absent inputs). `build(recorder, *refs)`
    records the Keras calls, with one Ref for each input that has a layout, and returns one Ref for
    each output.

    `backward` is for operators that relabel axes: it gives the layout of the first input that leads
    to a layout of the output. Without it an input of the same rank has the output's layout.
    """

    input_layouts: tuple[Layout | None, ...]
    output_layouts: tuple[Layout, ...]
    build: Callable[..., Ref | tuple[Ref, ...]]
    backward: Callable[[Layout], Layout | None] | None = None


Rule = Callable[..., Candidate | Sequence[Candidate]]


@dataclass(frozen=True)
class Entry:
    """A rule: there is nothing else to know of it, for its signature is the operator's schema."""

    rule: Rule


TABLE = Registry[Entry]("raises", "operator")

Choice = TypeVar("Choice")


def chosen(choices: Mapping[str, Choice], name: str, attribute: str) -> Choice:
    """What an attribute of a few values stands for. Raises UnsupportedError for another value."""
    if name not in choices:
        raise UnsupportedError(
            f"unknown {attribute}", expected=", ".join(choices), received=repr(name)
        )
    return choices[name]


def raises(*operators: str, since: int = 1) -> Callable[[Rule], Rule]:
    """Registers a rule for operators, from an operator set on; a second one for it is refused.

    An operator outside ONNX's own domain is named `domain::Operator`.
    """
    return TABLE.register(operators, Entry, since)
