"""How a stored tensor is brought to another order in Keras."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.errors import UnsupportedError
from bridge.raising.plan import Ref
from bridge.raising.recorder import Recorder
from bridge.raising.table import Shape


def permuted(shape: Shape, order: Sequence[int]) -> Shape:
    return tuple(shape[axis] for axis in order)


def permute(recorder: Recorder, x: Ref, order: Sequence[int]) -> Ref:
    """A Keras Permute, or `ops.transpose` where the batch axis moves too."""
    if order[0] == 0:
        return recorder.layer("Permute", x, dims=tuple(order[1:]))
    return recorder.op("transpose", x, axes=tuple(order))


def reshape(recorder: Recorder, x: Ref, have: Shape, want: Shape) -> Ref:
    """A Keras Flatten or Reshape, or `ops.reshape` where the batch axis changes too."""
    if not want or not have or have[0] != want[0]:
        return recorder.op("reshape", x, newshape=unknown_as_rest(want))
    if len(want) == 2 and len(have) > 2:
        return recorder.layer("Flatten", x)
    return recorder.layer("Reshape", x, target_shape=unknown_as_rest(want[1:]))


def unknown_as_rest(shape: Shape) -> tuple[int, ...]:
    """Keras's spelling of a shape, where one dim may be -1, the rest."""
    symbols = [dim for dim in shape if isinstance(dim, str)]
    if len(symbols) > 1:
        raise UnsupportedError(
            "a reshape with more than one unknown size",
            received=" ".join(map(str, shape)),
            hint="fix the sizes of the inputs",
        )
    return tuple(-1 if isinstance(dim, str) else dim for dim in shape)
