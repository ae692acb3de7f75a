"""A solver as Caffe's own optimizer of a net, for what Keras's do not compute."""

from __future__ import annotations

from collections.abc import Iterable

from bridge.caffe.files.solver_settings import Solver
from bridge.errors import UnsupportedError
from bridge.training.net.setup import Setup
from bridge.training.solving.native import pattern
from bridge.training.solving.optimizer import CaffeOptimizer
from bridge.training.solving.rates import rate_of_passes
from bridge.training.solving.rules import RULES, Settings


def caffe_optimizer(setup: Setup, solver: Solver) -> CaffeOptimizer:
    """The solver as an optimizer of the model's trainable variables, built."""
    if setup.is_tied and solver.clip_gradients is not None:
        raise UnsupportedError(
            "gradients are clipped of a net with parameters that Keras has twice",
            where=solver.where,
            received=f"clip_gradients: {solver.clip_gradients:g}",
            hint="leave out clip_gradients, in Caffe too",
        )
    clip, passes = solver.clip_gradients, solver.iter_size
    optimizer = CaffeOptimizer(
        RULES[solver.rule],
        rate_of_passes(solver),
        Settings(solver.momentum, solver.momentum2, solver.rms_decay, solver.delta),
        decay=solver.weight_decay,
        regularization=solver.regularization,
        rates=_factors((item.variable.path, item.rate) for item in setup.trained),
        decays=_factors((item.variable.path, item.decay) for item in setup.trained),
        global_clipnorm=None if clip is None else clip / passes,
        gradient_accumulation_steps=passes if passes > 1 else None,
    )
    optimizer.build([item.variable for item in setup.trained])
    return optimizer


def _factors(by_path: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Factors of paths other than 1, by regular expressions of them."""
    paths: dict[float, list[str]] = {}
    for path, factor in by_path:
        paths.setdefault(factor, []).append(path)
    return {pattern(paths, factor): factor for factor in paths if factor != 1}
