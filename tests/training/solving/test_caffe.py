"""A solver's own optimizer, of a net: factors by the kinds of its blobs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.errors import UnsupportedError
from bridge.training.solving.caffe import caffe_optimizer
from tests.training.training_runs import run


def test_factors_are_by_the_kinds_of_variables() -> None:
    case = run("lr_and_decay_mult").training()
    optimizer = caffe_optimizer(case._setup, case.solver)
    by_path = {item.variable.path: (item.rate, item.decay) for item in case._setup.trained}
    assert dict(zip(by_path, optimizer.factors, strict=True)) == by_path
    assert len(set(by_path.values())) > 1
    assert ".*/bias" in {*optimizer.rates, *optimizer.decays}


def test_clipping_and_passes_are_those_of_the_solver() -> None:
    case = run("clip_gradients").training()
    solver = replace(case.solver, iter_size=2)
    optimizer = caffe_optimizer(case._setup, solver)
    assert optimizer.global_clipnorm == pytest.approx(case.solver.clip_gradients / 2)
    assert optimizer.gradient_accumulation_steps == 2


def test_clipping_parameters_that_keras_has_twice_is_refused() -> None:
    case = run("clip_gradients").training()
    setup = replace(case._setup)
    object.__setattr__(setup, "is_tied", True)
    with pytest.raises(UnsupportedError, match="Keras has twice"):
        caffe_optimizer(setup, case.solver)
