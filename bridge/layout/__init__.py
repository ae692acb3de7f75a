"""How the elements of a tensor are stored: a pure algebra, which needs numpy only.

size.py          Size: numbers and symbols, multiplied, divided and added
cached.py        results that are worked out once
concatenated.py  Concatenated: the one atom that is not a size
arrangement.py   Arrangement: atoms, logical axes and stored axes
binding.py       symbols replaced by the numbers of an array
text.py          layouts in einops notation
layout.py        Layout: an arrangement and its operations, Transpose, Reshape, Concat, ...
moves.py         moves: from one physical array to another, by reshape, transpose, reshape
weight.py        Weight: a lazy constant and its layout; Span: where a file has its bytes
traced.py        Traced: arrays that record what is done to them
"""

from bridge.layout.arrangement import Shape
from bridge.layout.cached import cached
from bridge.layout.concatenated import Concatenated
from bridge.layout.layout import Atom, Layout
from bridge.layout.moves import Moves, moves
from bridge.layout.size import Size, known_factor, product, quotient, total
from bridge.layout.text import einops_sizes
from bridge.layout.traced import Traced, constant_text
from bridge.layout.weight import Span, Weight, release

__all__ = [
    "Atom",
    "Concatenated",
    "Layout",
    "Moves",
    "Shape",
    "Size",
    "Span",
    "Traced",
    "Weight",
    "cached",
    "constant_text",
    "einops_sizes",
    "known_factor",
    "moves",
    "product",
    "quotient",
    "release",
    "total",
]
