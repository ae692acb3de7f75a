"""Sources that a script carries: whole, in an order that runs, and alone."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from bridge.training import losses
from bridge.training.measures import TABLE
from bridge.training.script.carried import Carried
from bridge.training.script.layers import CaffeBatchNorm, OverwrittenReLU
from bridge.training.solving.optimizer import CaffeOptimizer
from bridge.training.solving.rates import EachStep, InverseRate, SigmoidRate
from bridge.training.solving.rules import RULES, Rule, Settings


def run(carried: Carried) -> dict[str, object]:
    """The names that the text defines, without this package."""
    statements = [f"from {m} import {n}" if n else f"import {m}" for m, n in carried.imports]
    text = "\n".join([*statements, *carried.blocks])
    assert "bridge" not in text
    names: dict[str, object] = {"__name__": "carried"}
    exec(compile(text, "carried", "exec", dont_inherit=True), names)
    return names


ALL = [
    *(measure.function for measure in TABLE.values()),
    *((rule.step, Rule, Settings, CaffeOptimizer) for rule in RULES.values()),
    InverseRate,
    SigmoidRate,
    EachStep,
    CaffeBatchNorm,
    OverwrittenReLU,
]


@pytest.mark.parametrize("parts", ALL, ids=lambda x: getattr(x, "__name__", None))
def test_what_a_script_may_carry_runs_alone(parts: object) -> None:
    carried = Carried()
    own = parts if isinstance(parts, tuple) else (parts,)
    carried.add(*own)
    assert {part.__name__ for part in own} <= run(carried).keys() & carried.names


def test_a_carried_loss_computes_the_same() -> None:
    carried = Carried()
    carried.add(losses.infogain_loss)
    assert [*carried.constants] == ["Tensor", "THRESHOLD"]
    assert carried.imports >= {("math", "prod"), ("keras", "ops"), ("typing", "Any")}
    x, labels, matrix = np.eye(3, dtype=np.float32), np.array([0, 2, 1]), np.ones((3, 3))
    own, _ = run(carried)["infogain_loss"](x, labels, matrix.astype(np.float32))
    expected, _ = losses.infogain_loss(x, labels, matrix.astype(np.float32))
    assert ops.convert_to_numpy(own) == ops.convert_to_numpy(expected)
