"""Reversing sequences."""

from __future__ import annotations

from bridge.layout import Layout
from bridge.raising.building.candidates import with_identity_axes
from bridge.raising.building.recorder import Recorder
from bridge.raising.building.selecting import along, arange_like
from bridge.raising.plan import Ref
from bridge.raising.table import Candidate, Node, Operand, raises


@raises("ReverseSequence", since=10)
def reverse_sequence(
    node: Node, x: Operand, sequence_lens: Operand, *, batch_axis: int = 1, time_axis: int = 0
) -> Candidate:
    """x with the first steps of each sequence, as many as its length, in reverse order

    (onnx.ai/onnx/operators, ReverseSequence)
    """
    layout = with_identity_axes(x, (batch_axis % x.rank, time_axis % x.rank))
    batch, time = (layout.where(axis % x.rank) or 0 for axis in (batch_axis, time_axis))
    rank = len(layout.stored_shape)

    def build(k: Recorder, x: Ref, lengths: Ref) -> Ref:
        others = tuple(
            slice(None) if axis in (batch, time) else slice(0, 1) for axis in range(rank)
        )
        steps = arange_like(k, k.op("get_item", x, others), time)
        count = k.op("reshape", k.op("cast", lengths, dtype="int32"), newshape=along(batch, rank))
        back = k.op("subtract", k.op("subtract", count, 1), steps)
        index = k.op("where", k.op("less", steps, count), back, steps)
        return k.op("take_along_axis", x, index, axis=time)

    return Candidate((layout, Layout.identity(sequence_lens.shape)), (layout,), build)
