"""Trained nets of other people, carried all the way: Caffe's numbers in plain Keras."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bridge
from bridge.check.runners import OnnxRunner
from tests.helpers.golden_cases import assert_close
from tests.real.nets import CLASSIC, LARGE, Net

# Run with -I: neither the checkout nor an installed bridge can be imported.
FRESH = """
import json, pathlib, sys
sys.modules["bridge"] = None
import numpy as np, keras
modules = set()
for folder in map(pathlib.Path, sys.argv[1:]):
    model = keras.models.load_model(folder / "net.keras", safe_mode=True)
    inputs = [np.load(folder / f"in{i}.npy") for i in range(len(model.inputs))]
    outputs = model.predict(inputs[0] if len(inputs) == 1 else inputs, verbose=0)
    for i, output in enumerate(outputs if isinstance(outputs, list) else [outputs]):
        np.save(folder / f"out{i}.npy", output)
    modules.update(type(operation).__module__ for operation in model.operations)
print(json.dumps(sorted(modules)))
"""


@pytest.fixture(params=CLASSIC)
def net(request: pytest.FixtureRequest, real_models: Path) -> Net:
    return Net(real_models / request.param)


def as_list(results: Any) -> Sequence[Any]:
    return results if isinstance(results, (list, tuple)) else [results]


def test_onnxruntime_gives_what_caffe_gave(net: Net, tmp_path: Path) -> None:
    done = bridge.caffe_to_onnx(net.prototxt, net.caffemodel, tmp_path / "net.onnx", check=False)
    assert done.path is not None
    results = OnnxRunner(done.path).run(net.arrays("in"))
    for name, expected in net.arrays("out").items():
        assert_close(results[name], expected, name)


def test_keras_gives_what_caffe_gave(net: Net) -> None:
    # The conversions' own check is held to nets in tests/check; here Caffe's numbers decide.
    model = bridge.caffe_to_keras(net.prototxt, net.caffemodel, io_layout="onnx", check=False)
    inputs = [net.arrays("in")[value.name] for value in model.inputs]
    results = as_list(model(inputs[0] if len(inputs) == 1 else inputs, training=False))
    names = list(bridge.caffe_to_onnx(net.prototxt, net.caffemodel, check=False).outputs)
    for name, result in zip(names, results, strict=True):
        assert_close(np.asarray(result), net.arrays("out")[name], name)


def test_the_default_model_is_native_and_moves_nothing(net: Net) -> None:
    model = bridge.caffe_to_keras(net.prototxt, net.caffemodel, check=False)
    kinds = {type(operation).__name__ for operation in model.operations}
    assert not kinds & {"Permute", "Transpose", "Lambda"}


@pytest.mark.parametrize(
    "names",
    [
        pytest.param([name for name in CLASSIC if name not in LARGE], id="small"),
        pytest.param(
            [name for name in CLASSIC if name in LARGE], id="large", marks=pytest.mark.nightly
        ),
    ],
)
def test_the_files_predict_where_there_is_only_keras(
    names: Sequence[str], real_models: Path, tmp_path: Path
) -> None:
    expected: dict[Path, list[Any]] = {}
    for net in (Net(real_models / name) for name in names):
        folder = tmp_path / net.folder.name
        folder.mkdir()
        model = bridge.caffe_to_keras(
            net.prototxt, net.caffemodel, folder / "net.keras", check=False
        )
        inputs = [np.moveaxis(net.arrays("in")[value.name], 1, -1) for value in model.inputs]
        for i, array in enumerate(inputs):
            np.save(folder / f"in{i}.npy", array)
        expected[folder] = as_list(model(inputs[0] if len(inputs) == 1 else inputs))
    done = subprocess.run(
        [sys.executable, "-I", "-c", FRESH, *map(str, expected)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert all(name.startswith("keras.") for name in json.loads(done.stdout.splitlines()[-1]))
    for folder, results in expected.items():
        for i, result in enumerate(results):
            assert_close(np.load(folder / f"out{i}.npy"), np.asarray(result), folder.name)


def test_fit_trains_it(net: Net) -> None:
    model = bridge.caffe_to_keras(net.prototxt, net.caffemodel, check=False)
    inputs = [np.moveaxis(net.arrays("in")[value.name], 1, -1)[:1] for value in model.inputs]
    x = inputs[0] if len(inputs) == 1 else inputs
    targets = [np.zeros_like(np.asarray(result)) for result in as_list(model(x))]
    before = [weight.numpy() for weight in model.trainable_weights]
    assert before, "nothing to train"
    model.compile(optimizer="sgd", loss="mse", run_eagerly=True)  # one step is not worth a graph
    model.fit(x, targets[0] if len(targets) == 1 else targets, epochs=1, verbose=0)
    changed = [
        not np.array_equal(old, new.numpy())
        for old, new in zip(before, model.trainable_weights, strict=True)
    ]
    assert sum(changed) > len(changed) / 2
