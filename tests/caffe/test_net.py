"""Blobs that are unread, and layers as messages name them."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.caffe.net import Blob, Layer, Origin
from bridge.errors import Location


def unread() -> np.ndarray:
    raise AssertionError("nothing has asked for the values")


def test_a_blob_is_reshaped_unread() -> None:
    blob = Blob((2, 3, 4), unread)
    assert blob.reshaped(6, -1).shape == (6, 4)
    assert blob.reshaped(24).reshaped(4, 6).shape == (4, 6)


def test_a_reshaped_blob_has_the_same_values() -> None:
    values = np.arange(6, dtype=np.float32)
    assert Blob((6,), lambda: values).reshaped(2, -1).array().tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_shape_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"cannot reshape a blob of \(2, 3\) to \(4, 2\)"):
        Blob((2, 3), unread).reshaped(4, 2)


def test_a_blob_keeps_the_shape_that_it_has_in_its_layer() -> None:
    blob = Blob((1, 1, 5, 4), unread).belonging_to("fc", 0).reshaped(5, 4)
    assert blob.origin == Origin("fc", 0, (1, 1, 5, 4))


def test_a_layer_is_named_with_its_file_and_line() -> None:
    layer = Layer("conv", "Convolution", ("x",), ("y",), Location("net.prototxt", 7, 1))
    assert str(layer) == "net.prototxt:7:1, layer 'conv' (Convolution)"
