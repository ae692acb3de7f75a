"""Broadcasting before opset 7: only where a node asks for it, and from an axis on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge import ir
from bridge.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.graph.lifting.writer import Writer


def binary(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """The axes of the second operand are those of the first from `axis` on, or its last."""
    x, y = node.inputs
    of = node.attributes
    if "axis" in of and of.get_int("broadcast", 0) != 0:
        axis = of.get_int("axis")
        y = trailing(w, y, rank_of(x) - axis % rank_of(x) - rank_of(y))
    return w.again(node, [x, y], without=("axis", "broadcast"))


def prelu(w: Writer, node: ir.Node) -> Sequence[ir.Value]:
    """A slope for each channel, or one for all."""
    x, slope = node.inputs
    shared = slope is not None and slope.shape is not None and slope.shape == (1,)
    if rank_of(slope) == 1 and not shared:
        slope = trailing(w, slope, rank_of(x) - 2)
    return w.again(node, [x, slope])


def trailing(w: Writer, x: ir.Value | None, count: int) -> ir.Value | None:
    """x with axes of size 1 after its own."""
    rank = rank_of(x)
    if count < 0:
        raise UnsupportedError("an operand does not fit the axes that it is spread over")
    return w.one("Unsqueeze", x, w.constant(range(rank, rank + count))) if count else x


def rank_of(x: ir.Value | None) -> int:
    """Raises UnsupportedError where it is not known."""
    if x is None or x.shape is None:
        raise UnsupportedError(
            "an operator of an old opset needs to know the axes of its input",
            received=f"{'no input' if x is None else repr(x.name)}, of unknown shape",
            hint="fix the sizes of the inputs: --input-shape NAME:DIMS",
        )
    return len(x.shape)
