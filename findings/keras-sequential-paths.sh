#!/usr/bin/env bash
# Keras: a Sequential model trains on by other rates after loading, if its optimizer is chosen by paths.
#
# Expected: keras.optimizers.OptimizerMap gives a variable the optimizer of the pattern that its path
# matches (keras.io/api/optimizers); a saved model goes on as before.
# Seen 2026-12-01 with keras 3.15.1 on jax 0.10.2: the path of a bias is sequential/d/bias while the model
# is built, and d/bias once it is loaded. A pattern taken from variable.path matches no more: the bias that
# moved by a learning rate of 0.5 stays where it is, by the default's 0.0. No warning, no error. With
# momentum load_model raises that a shape of sgd/iteration does not fit. A Functional model goes on.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/env"
python3 -m pip --python "$work/env" install --quiet --no-compile keras==3.15.1 jax==0.10.2 numpy==2.4.6
cd "$work"
KERAS_BACKEND=jax env/bin/python -W error::UserWarning - <<'PY'
import keras
import numpy as np
from keras.optimizers import SGD, MultiOptimizer, OptimizerMap

x, y = np.ones((8, 3), np.float32), np.ones((8, 2), np.float32)


def sequential() -> keras.Model:
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="d")])


def functional() -> keras.Model:
    entry = keras.Input((3,))
    return keras.Model(entry, keras.layers.Dense(2, name="d")(entry))


def step(model: keras.Model) -> float:
    """How far the bias moves in a step."""
    bias = model.get_layer("d").bias
    before = np.asarray(bias)
    model.fit(x, y, verbose=0)
    return float(np.abs(np.asarray(bias) - before).max())


def saved(model: keras.Model, momentum: float) -> None:
    pattern = model.get_layer("d").bias.path
    rates = OptimizerMap(SGD(0.0, momentum=momentum), {pattern: SGD(0.5, momentum=momentum)})
    model.compile(MultiOptimizer(rates), "mse")
    model.fit(x, y, verbose=0)
    model.save("model.keras")


for build in (functional, sequential):
    model = build()
    saved(model, 0.0)
    loaded = keras.models.load_model("model.keras")
    paths = model.get_layer("d").bias.path, loaded.get_layer("d").bias.path
    moved = step(model), step(loaded)
    print(build.__name__, paths, "moves by", moved)
    if build is functional:
        assert paths[0] == paths[1]
        assert moved[0] == moved[1] > 0
    else:
        assert paths[0] != paths[1], "it changed"
        assert moved[0] > 0
        assert moved[1] == 0, "it changed"

saved(sequential(), 0.9)
try:
    keras.models.load_model("model.keras")
except ValueError as error:
    print("with momentum:", str(error)[:60])
    assert "could not be loaded" in str(error)
else:
    raise AssertionError("it changed")
PY
echo "as seen"
