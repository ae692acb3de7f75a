"""A .tflite of LiteRT's own operators: what suppression and its kin become, and what is refused."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import bridge
from bridge.check.backends.exported import tflite
from bridge.errors import UnsupportedError
from bridge.keras.export import save, write
from bridge.keras.litert import Rounding
from tests.helpers.golden_cases import case


def test_a_suppression_gives_caffes_boxes(tmp_path: Path) -> None:
    """Loops, a condition, and indices of 64 bits, in a LiteRT that has no operators of TensorFlow:
    it could not run the file."""
    net, path = case("detout_corner"), tmp_path / "net.tflite"
    model = bridge.caffe_to_keras(net.prototxt, net.caffemodel, check=False)
    save(model, path)
    exported = tflite(path)
    (boxes,) = exported.run([net.inputs[port.name] for port in exported.inputs])
    assert boxes.shape == net.outputs["det"].shape == (1, 1, 17, 7)
    np.testing.assert_array_equal(boxes, net.outputs["det"])


def test_what_the_steps_of_a_loop_return_is_kept_where_it_is_used(tmp_path: Path) -> None:
    state = keras.Input((2,), batch_size=1)
    following = keras.layers.Rescaling(2.0)(state)
    step = keras.Model(state, [following, following])
    x = keras.Input((2,), batch_size=1, name="x")
    last, every = keras.ops.scan(step, x, length=3)
    model = keras.Model(x, [last, every])
    save(model, tmp_path / "net.tflite")
    results = tflite(tmp_path / "net.tflite").run([np.float32([[1, -3]])])
    assert results[0].tolist() == [[8, -24]]
    assert results[1].tolist() == [[[2, -6]], [[4, -12]], [[8, -24]]]
    with pytest.raises(UnsupportedError, match="does not run loops"):
        write(model, tmp_path / "bytes.tflite", Rounding("int8", [[np.float32([[1, -3]])]]))


def test_what_litert_has_not_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A choice of one of three. TensorFlow's own words would fill pages."""
    y = keras.Input((2,))
    branches = [keras.Model(y, keras.layers.Rescaling(float(k))(y)) for k in range(3)]
    x = keras.Input((2,))
    index = keras.ops.cast(keras.ops.sum(x), "int32")
    model = keras.Model(x, keras.ops.switch(index, branches, x))
    with pytest.raises(UnsupportedError, match=r"lacks operators\n  received: Case"):
        save(model, tmp_path / "net.tflite")
    assert not list(tmp_path.iterdir())
    assert "tf.Case" not in capfd.readouterr().err
