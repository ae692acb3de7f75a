"""Which operators produce the values of a graph."""

from __future__ import annotations

from bridge import ir


def computed_by(value: ir.Value | None) -> str:
    """The operator that computes a value, looked up through Transposes, which only move it."""
    node = None if value is None else value.producer()
    while node is not None and node.op_type == "Transpose" and node.inputs[0] is not None:
        node = node.inputs[0].producer()
    return "" if node is None else node.op_type
