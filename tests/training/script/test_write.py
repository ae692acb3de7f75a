"""Trainings as scripts: their steps are Caffe's, without bridge."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import bridge
from bridge.errors import UnsupportedError, UsageError
from tests.script.scripts import assert_clean
from tests.training.script.scripts import arrays, assert_script_trains, converted
from tests.training.training_runs import Run, assert_blobs, run, runs

BY_DAY = {"frozen", "batchnorm", "contrastive"}


def packages(script: Path) -> set[str]:
    """What a script imports."""
    nodes = list(ast.walk(ast.parse(script.read_text())))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=[] if str(case) in BY_DAY else [pytest.mark.nightly], id=str(case))
        for case in runs()
    ],
)
def test_a_script_trains_as_caffe_does(case: Run, tmp_path: Path) -> None:
    """Each loss, and the weights at the end, whatever plain Keras lacks for it."""
    keras.backend.clear_session()
    script = tmp_path / "train.py"
    assert_script_trains(case, script)
    assert_clean(script.read_text())
    assert packages(script) - sys.stdlib_module_names <= {"keras", "numpy"}


# As a program of its own, where bridge cannot be imported.
RUN = """
import runpy, sys
sys.modules["bridge"] = None
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["adam", "contrastive", "clip_gradients"])
def test_a_script_trains_when_it_is_run(name: str, tmp_path: Path) -> None:
    case = run(name)
    converted(case, tmp_path / "train.py")
    np.savez(tmp_path / "data.npz", **arrays(case.training(), case))
    files = (str(tmp_path / "train.py"), str(tmp_path / "data.npz"))
    command = [sys.executable, "-I", "-c", RUN, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    training = case.training()
    training.model.set_weights(keras.saving.load_model(tmp_path / "train.keras").get_weights())
    assert_blobs(training.blobs(), case.by_blob("final"))


def test_what_no_script_computes_has_none(tmp_path: Path) -> None:
    case = run("batchnorm_scale")
    text = case.file("train.prototxt").read_text()
    stored = text.replace("batch_norm_param {", "batch_norm_param { use_global_stats: true")
    (tmp_path / "net.prototxt").write_text(stored)
    with pytest.raises(UnsupportedError, match=r"no script trains this net.*\n.*stored statistics"):
        bridge.caffe_to_keras(
            tmp_path / "net.prototxt",
            case.file("init.caffemodel"),
            tmp_path / "train.py",
            solver=case.file("solver.prototxt"),
        )
    state = run("nesterov").file("mid.solverstate")
    with pytest.raises(UsageError, match="a script begins at the first step"):
        converted(run("nesterov"), tmp_path / "train.py", solverstate=state)
    assert [path.name for path in tmp_path.iterdir()] == ["net.prototxt"]
