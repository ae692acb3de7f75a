"""A written caffemodel, as protobuf reads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bridge.caffe.write import write_caffemodel


def test_protobuf_reads_what_is_written(tmp_path: Path, new_message: Callable[[str], Any]) -> None:
    kernel, bias = np.arange(24, dtype=np.float64).reshape(2, 3, 2, 2), np.array([0.5, -1])
    layers = [("conv", "Convolution", [kernel, bias]), ("relu", "ReLU", [])]
    write_caffemodel(tmp_path / "net.caffemodel", "small", layers)
    net = new_message("NetParameter")
    net.ParseFromString((tmp_path / "net.caffemodel").read_bytes())
    assert net.name == "small"
    assert [(layer.name, layer.type) for layer in net.layer] == [
        ("conv", "Convolution"),
        ("relu", "ReLU"),
    ]
    blobs = net.layer[0].blobs
    assert [tuple(blob.shape.dim) for blob in blobs] == [(2, 3, 2, 2), (2,)]
    assert [list(blob.data) for blob in blobs] == [kernel.ravel().tolist(), [0.5, -1]]


def test_a_blob_without_axes_is_one_number(
    tmp_path: Path, new_message: Callable[[str], Any]
) -> None:
    write_caffemodel(tmp_path / "net.caffemodel", "n", [("p", "PReLU", [np.float32(0.25)])])
    net = new_message("NetParameter")
    net.ParseFromString((tmp_path / "net.caffemodel").read_bytes())
    (blob,) = net.layer[0].blobs
    assert (list(blob.shape.dim), list(blob.data)) == ([], [0.25])
