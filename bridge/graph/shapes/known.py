"""What is known of a node before its shapes are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bridge import ir
from bridge.graph.shapes.elements import Elements
from bridge.layout.size import Size, product

Sizes: TypeAlias = Sequence["Size | None"]
"""A shape, with None for a size that is not known."""


@dataclass(frozen=True)
class Known:
    """What is known of a node: of each input its sizes, and its elements."""

    node: ir.Node
    shapes: Sequence[Elements | None]
    elements: Sequence[Elements | None]

    def integers(self, index: int, attribute: str) -> list[int] | None:
        """Numbers that are an input, or in older opsets an attribute."""
        if attribute in self.node.attributes:
            return list(self.node.attributes.get_ints(attribute))
        elements = self.elements[index] if index < len(self.elements) else None
        numbers = [number for number in elements or () if isinstance(number, int)]
        return numbers if elements is not None and len(numbers) == len(elements) else None

    @property
    def x(self) -> Elements:
        """The sizes of the first input."""
        return self.shapes[0] or ()

    def sizes(self, index: int) -> Elements | None:
        return self.shapes[index] if index < len(self.shapes) else None


def known_sizes(sizes: Sizes) -> list[Size]:
    """Those sizes that are known."""
    return [size for size in sizes if size is not None]


def product_of(sizes: Sizes) -> Size | None:
    """The product of sizes, if all are known."""
    return None if None in sizes else product(known_sizes(sizes))
