"""Softmax and its like before opset 13: all axes from `axis` on are one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge import ir
from bridge.graph.lifting.broadcasting import rank_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.graph.lifting.writer import Writer


def flattened(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """Over the one axis of several elements, if there is no other one; else the axes are put
    together and taken apart again."""
    x = node.inputs[0]
    rank = rank_of(x)
    axis = node.attributes.get_int("axis", 1)
    first = axis + rank if axis < 0 else axis
    sizes = [*x.shape] if x is not None and x.shape is not None else []
    several = [axis for axis in range(first, rank) if sizes[axis] != 1]
    if len(several) <= 1 and rank > first:
        return w.again(node, without=("axis",), axis=several[0] if several else rank - 1)
    merged = w.one("Flatten", x, axis=first)
    y = w.again(node, [merged], without=("axis",), axis=1)[0]
    return w.op("Reshape", y, w.one("Shape", x))
