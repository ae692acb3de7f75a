from __future__ import annotations

import numpy as np
import pytest

from bridge.errors import WeightsError
from tests.training.training_runs import run


def test_the_optimizer_has_what_the_solver_remembers() -> None:
    """Adam's first moment of the bias f[1] is the fourth blob, its second the eighth."""
    case = run("adam")
    optimizer = case.training("mid", "mid.solverstate").optimizer
    assert int(optimizer.iterations) == 4
    data = case.file("mid.solverstate").read_bytes()
    for memory in (optimizer._momentums, optimizer._velocities):
        values = np.asarray(memory[3], np.float32)
        assert values.any()
        assert values.tobytes() in data


def test_the_snapshot_of_another_solver_is_refused() -> None:
    case = run("sgd_plain")
    with pytest.raises(WeightsError, match="does not fit the net and its solver") as refusal:
        case.training("mid", str(run("adam").file("mid.solverstate")))
    assert "8 blobs" in str(refusal.value)
