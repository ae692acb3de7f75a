"""Where the elements of a tensor lie: a pure algebra, which needs numpy only.

layout.py   Layout: atoms, axes and store; what Transpose, Reshape, Concat, ... make of one
concatenated.py  the one atom that is no number: Concat of axes with different inner layouts
binding.py  numbers in the place of symbols, as an array has them
size.py     Size: numbers and symbols, multiplied, divided and added
moves.py    moves: from one store to another, by reshape, transpose, reshape
text.py     layouts in the notation of einops
weight.py   Weight: an unread constant and how it is to be stored
traced.py   Traced: arrays that write down what is done to them
"""

from bridge.layout.concatenated import Array, Atom, Concatenated
from bridge.layout.layout import Layout, Shape
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
