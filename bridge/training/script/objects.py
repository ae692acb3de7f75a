"""The sources of Keras's objects: optimizers, schedules, losses, metrics and regularizers."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

import keras

from bridge.script.lines import Brackets, Source, keyword, listed
from bridge.script.literals import literal, quoted, shortest
from bridge.training.solving.optimizer import CaffeOptimizer
from bridge.training.solving.rates import Rate

_MODULES: Mapping[str, type] = {
    "optimizers.schedules": keras.optimizers.schedules.LearningRateSchedule,
    "optimizers": keras.optimizers.Optimizer,
    "losses": keras.losses.Loss,
    "metrics": keras.metrics.Metric,
    "regularizers": keras.regularizers.Regularizer,
}
_ALWAYS = frozenset({"learning_rate", "momentum", "epsilon", "rho", "beta_1", "beta_2"})


def source_of(value: Any) -> Source:
    """The source of an object of Keras's, without the arguments that are its defaults; of a list,
    that of its items."""
    if isinstance(value, (list, tuple)):
        return listed([source_of(item) for item in value])
    if isinstance(value, CaffeOptimizer):
        return _of_caffe(value)
    if isinstance(value, getattr(keras.optimizers, "MultiOptimizer", ())):
        return _several(value)
    module = next((name for name, kind in _MODULES.items() if isinstance(value, kind)), None)
    if module is None:
        return literal(shortest(value))
    return _single(value, module)


def rate_of(optimizer: Any) -> Rate:
    """The rate of an optimizer, a number or a schedule: its config has a schedule as a dict."""
    own = optimizer._learning_rate
    is_schedule = isinstance(own, keras.optimizers.schedules.LearningRateSchedule)
    return own if is_schedule else optimizer.get_config()["learning_rate"]


def is_own(value: Any) -> bool:
    """Whether this package defines it, and not Keras."""
    return type(value).__module__.startswith("bridge.")


def _single(value: Any, module: str = "optimizers") -> Brackets:
    config = value.get_config()
    if isinstance(value, keras.optimizers.Optimizer):
        config |= {"learning_rate": rate_of(value)}
    if module == "regularizers":  # each has one number
        return Brackets(
            f"regularizers.{type(value).__name__}", [literal(shortest(*config.values()))]
        )
    words = [
        keyword(name, source_of(config[name]))
        for name, parameter in signature(type(value)).parameters.items()
        if name in config and _is_said(value, name, config[name], parameter.default)
    ]
    name = type(value).__name__
    return Brackets(name if is_own(value) else f"keras.{module}.{name}", words)


def _several(optimizer: Any) -> Source:
    """The source of an optimizer for each of several lr_mults."""
    own = optimizer._optimizer_map
    items = [
        Brackets(f"{quoted(pattern)}: {source.head}", source.items)
        for pattern, source in ((pattern, _single(part)) for pattern, part in own.items())
    ]
    arguments = [source_of(own.default_optimizer), listed(items, "{}")]
    inner = Brackets("keras.optimizers.OptimizerMap", arguments)
    return Brackets("keras.optimizers.MultiOptimizer", [inner])


def _of_caffe(optimizer: CaffeOptimizer) -> Source:
    """The source of Caffe's own rule, with the options that are not its defaults."""
    rule, settings = optimizer.rule, optimizer.settings
    options = {
        "decay": (optimizer.decay, 0.0),
        "regularization": (optimizer.regularization, "L2"),
        "rates": (optimizer.rates, {}),
        "decays": (optimizer.decays, {}),
        "global_clipnorm": (optimizer.global_clipnorm, None),
        "gradient_accumulation_steps": (optimizer.gradient_accumulation_steps, None),
    }
    return Brackets(
        type(optimizer).__name__,
        [
            Brackets("Rule", [rule.step.__name__, literal(rule.memory)]),
            source_of(rate_of(optimizer)),
            Brackets(
                "Settings", [keyword(n, source_of(value)) for n, value in vars(settings).items()]
            ),
            *(
                keyword(name, _mapped(value))
                for name, (value, default) in options.items()
                if value != default
            ),
        ],
    )


def _mapped(value: Any) -> Source:
    if not isinstance(value, Mapping):
        return source_of(value)
    return listed([f"{quoted(key)}: {source_of(item)}" for key, item in value.items()], "{}")


def _is_said(owner: Any, name: str, value: Any, default: Any) -> bool:
    if name in ("name", "dtype"):
        return name == "name" and isinstance(owner, keras.metrics.Metric)
    return name in _ALWAYS or value != default
