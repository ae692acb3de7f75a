"""Nets that are deeper than whoever loads them may nest calls in Python."""

from __future__ import annotations

from collections.abc import Iterator

from bridge.raising.plan import Plan

DEEP = 900  # Python's limit is 1,000, and loading a file takes some calls itself


def depth_warnings(plan: Plan) -> Iterator[str]:
    """What whoever loads the file of a deep model has to do."""
    depth = plan.depth
    if depth > DEEP:
        yield (
            f"the model is {depth} layers deep, for which Keras needs as many nested calls: "
            f"before keras.models.load_model, call sys.setrecursionlimit({depth + 1000})"
        )
