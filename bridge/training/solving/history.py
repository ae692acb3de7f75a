"""A solver's snapshot as what an optimizer remembers: the next step is the one Caffe would make."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from bridge.caffe.files.solver_settings import Solver
from bridge.caffe.files.solverstate import SolverState
from bridge.errors import WeightsError
from bridge.training.net.parameters import Parameters
from bridge.training.solving.rules import RULES
from bridge.types import Array


def memories(state: SolverState, solver: Solver, parameters: Parameters) -> list[Array]:
    """What the solver remembers of all parameters' numbers, for each of its rule's memories.

    Raises WeightsError for a snapshot of another net, or of another kind of solver.
    """
    names, ordered = RULES[solver.rule].memory, parameters.ordered
    sizes = [prod(parameter.shape) for parameter in ordered]
    stored = [array.size for array in state.history]
    if stored != sizes * len(names):
        raise WeightsError(
            "the solver state does not fit the net and its solver",
            where=state.where,
            expected=f"{len(names)} × {len(ordered)} blobs, for {solver.rule}: {_text(sizes)}",
            received=f"{len(stored)} blobs: {_text(stored)}",
            hint="is it the snapshot of another net, or of another type of solver?",
        )
    count, empty = len(ordered), np.empty(0, np.float32)
    return [
        np.concatenate([empty, *(a.reshape(-1) for a in state.history[start : start + count])])
        for start in range(0, len(stored), count or 1)
    ]


def _text(sizes: Sequence[int]) -> str:
    shown = ", ".join(map(str, sizes[:8]))
    return f"{shown}, … values" if len(sizes) > 8 else f"{shown} values"
