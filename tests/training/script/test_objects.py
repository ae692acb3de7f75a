"""Keras's objects as source."""

from __future__ import annotations

import keras

from bridge.training.script.objects import source_of
from bridge.training.solving.optimizer import CaffeOptimizer
from bridge.training.solving.rates import InverseRate
from bridge.training.solving.rules import RULES, Settings


def test_what_keras_is_given_is_spelled_without_its_defaults() -> None:
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([2], [0.1, 0.01])
    optimizer = keras.optimizers.SGD(rate, momentum=0.9, global_clipnorm=2.0)
    schedule = (
        "keras.optimizers.schedules.PiecewiseConstantDecay(boundaries=[2], values=[0.1, 0.01])"
    )
    settings = f"learning_rate={schedule}, momentum=0.9, global_clipnorm=2.0"
    assert str(source_of(optimizer)) == f"keras.optimizers.SGD({settings})"
    assert str(source_of(keras.regularizers.L1(0.25))) == "regularizers.L1(0.25)"
    metric = keras.metrics.SparseCategoricalAccuracy(name="top1")
    assert str(source_of([metric])) == '[keras.metrics.SparseCategoricalAccuracy(name="top1")]'
    assert str(source_of([None, 1.5])) == "[None, 1.5]"


def test_caffes_own_optimizer_is_spelled_with_its_rule() -> None:
    settings = Settings(momentum=0.5, momentum2=0.999, rms_decay=0.99, delta=1e-8)
    rate = InverseRate(0.1, 0.5, 0.75)
    optimizer = CaffeOptimizer(RULES["Adam"], rate, settings, rates={".*/bias": 2.0})
    text = str(source_of(optimizer))
    assert text.startswith('CaffeOptimizer(Rule(adam, ("momentum", "squares")), InverseRate(')
    assert text.endswith('delta=1e-08), rates={".*/bias": 2.0})')
    assert "decay=0.0" not in text
