"""What scripts do to images before the net takes them."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bridge
from bridge.errors import UsageError
from tests.caffe.test_preprocessing import binaryproto
from tests.script.scripts import assert_clean

PREPARED = """
name: "net"
layer { name: "d" type: "ImageData" top: "data" top: "label"
        transform_param { mean_value: 104 mean_value: 117 mean_value: 123.5 scale: 0.017
                          crop_size: 8 }
        image_data_param { source: "list.txt" batch_size: 4 new_height: 9 new_width: 9 } }
layer { name: "f" type: "InnerProduct" bottom: "data" top: "a\\"\\"\\"b"
        inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "a\\"\\"\\"b" bottom: "label" top: "loss" }
"""


SOLVER = 'net: "x" base_lr: 0.01 lr_policy: "fixed" max_iter: 5'


def converted(folder: Path, prototxt: str, **options: Any) -> Path:
    (folder / "net.prototxt").write_text(prototxt)
    (folder / "solver.prototxt").write_text(SOLVER)
    script = folder / "train.py"
    bridge.caffe_to_keras(
        folder / "net.prototxt",
        output=script,
        solver=folder / "solver.prototxt",
        allow_missing_weights=True,
        input_shape={"data": (4, 3, 8, 8), "label": (4,)},
        **options,
    )
    return script


def test_images_are_prepared_as_the_data_layer_says(tmp_path: Path) -> None:
    script = converted(tmp_path, PREPARED, check=False)
    text = script.read_text()
    assert_clean(text)
    assert "steps_per_epoch=5" in text
    assert '# - "data", of n 8 8 3' in text
    images = np.full((1, 8, 8, 3), 200, np.float32)
    expected = (images - np.array([104, 117, 123.5], np.float32)) * 0.017
    module = runpy.run_path(str(script))
    np.testing.assert_allclose(module["prepared"](images), expected, rtol=1e-6)


MEAN = np.random.default_rng(0).uniform(0, 255, (3, 9, 9)).astype(np.float32)
IN_A_FILE = PREPARED.replace(
    "mean_value: 104 mean_value: 117 mean_value: 123.5", 'mean_file: "mean.binaryproto"'
)


def test_a_mean_image_is_beside_the_script(tmp_path: Path) -> None:
    """In the file of the weights, which Keras still reads, at the size that Caffe crops from."""
    binaryproto(tmp_path / "mean.binaryproto", MEAN)
    script = converted(tmp_path, IN_A_FILE)
    assert_clean(script.read_text())
    assert "images of 9 x 9, and then crops them to 8 x 8" in script.read_text()
    images = np.full((1, 9, 9, 3), 200, np.float32)
    module = runpy.run_path(str(script))
    expected = (images - MEAN.transpose(1, 2, 0)) * np.float32(0.017)
    np.testing.assert_allclose(module["prepared"](images), expected, rtol=1e-6)
    assert module["load"]().count_params() == 8 * 8 * 3 * 3 + 3


def test_a_mean_image_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"mean\.binaryproto"):
        converted(tmp_path, IN_A_FILE, check=False)
    assert not [*tmp_path.glob("train*")]
