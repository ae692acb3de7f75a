"""Where the elements of a tensor lie: a pure algebra, which needs numpy only.

size.py     Size: numbers and symbols, multiplied, divided and added
concatenated.py  the one atom that is no number: Concat of axes with different inner layouts
arrangement.py   atoms, axes and store: what a layout says
binding.py  numbers in the place of symbols, as an array has them
text.py     layouts in the notation of einops
layout.py   Layout: what Transpose, Reshape, Concat, ... make of one
moves.py    moves: from one store to another, by reshape, transpose, reshape
weight.py   Weight: an unread constant and how it is to be stored
traced.py   Traced: arrays that write down what is done to them
"""

from bridge.layout.arrangement import Shape
from bridge.layout.concatenated import Array, Concatenated
from bridge.layout.layout import Atom, Layout
from bridge.layout.moves import Moves, moves
from bridge.layout.size import Size, known_factor, product, quotient, total
from bridge.layout.text import einops_sizes
from bridge.layout.traced import Traced, constant_text
from bridge.layout.weight import Weight

__all__ = [
    "Array",
    "Atom",
    "Concatenated",
    "Layout",
    "Moves",
    "Shape",
    "Size",
    "Traced",
    "Weight",
    "constant_text",
    "einops_sizes",
    "known_factor",
    "moves",
    "product",
    "quotient",
    "total",
]
