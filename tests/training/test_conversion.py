from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import bridge
from bridge.convert import raise_caffe
from bridge.errors import UnsupportedLayerError, UsageError
from tests.training.training_runs import run


def files(name: str, weights: str = "init") -> dict[str, Path]:
    case = run(name)
    return {
        "prototxt": case.file("train.prototxt"),
        "caffemodel": case.file(f"{weights}.caffemodel"),
        "solver": case.file("solver.prototxt"),
    }


def test_a_compiled_model_has_the_solvers_memory_in_its_file(tmp_path: Path) -> None:
    state, path = run("nesterov").file("mid.solverstate"), tmp_path / "net.keras"
    raising = raise_caffe(**files("nesterov", "mid"), output=path, solverstate=state)
    assert not any("not compiled" in warning for warning in raising.warnings)
    assert raising.report is not None
    model = keras.saving.load_model(path)
    assert model.compiled
    assert (model.optimizer.momentum, model.optimizer.nesterov) == (pytest.approx(0.9), True)
    assert int(model.optimizer.iterations) == 4
    assert model.get_layer("c").kernel_regularizer.l2 == pytest.approx(0.005)
    pairs = zip(model.optimizer.momentums, raising.model.optimizer.momentums, strict=True)
    assert all(np.allclose(a, b) and np.any(a) for a, b in pairs)


def test_a_model_that_plain_keras_does_not_train_so_says_why(tmp_path: Path) -> None:
    raising = raise_caffe(**files("batchnorm_scale", "mid"), output=tmp_path / "net.keras")
    assert any("not compiled" in w and "BatchNorm remembers" in w for w in raising.warnings)
    model = keras.saving.load_model(tmp_path / "net.keras", safe_mode=True)
    assert not model.compiled
    assert type(model.get_layer("n")) is keras.layers.BatchNormalization


def test_options_that_make_another_net_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="as Caffe trains it") as refusal:
        bridge.caffe_to_keras(
            **files("adam"), output=tmp_path / "net.keras", fold_bn=True, target="speed"
        )
    assert "--fold-bn, --target" in str(refusal.value)
    own = files("adam")
    del own["solver"]
    with pytest.raises(UsageError, match="a solver state needs its solver"):
        bridge.caffe_to_keras(**own, solverstate=run("adam").file("mid.solverstate"))
    with pytest.raises(UsageError, match="would overwrite an input"):
        bridge.caffe_to_keras(**files("adam"), output=files("adam")["solver"])


def test_no_file_is_left_of_a_net_that_is_refused(tmp_path: Path) -> None:
    own = files("euclidean")
    text = own["prototxt"].read_text().replace("EuclideanLoss", "FocalLoss")
    own["prototxt"] = tmp_path / "train.prototxt"
    own["prototxt"].write_text(text)
    with pytest.raises(UnsupportedLayerError, match="FocalLoss"):
        bridge.caffe_to_keras(**own, output=tmp_path / "net.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["train.prototxt"]
