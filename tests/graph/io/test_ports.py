"""What stands at the ends of an ONNX model that was written from Keras."""

from __future__ import annotations

import pickle

from bridge.graph.io.ports import Port
from bridge.layout import Layout


def test_a_port_has_its_axes_as_onnx_has_them() -> None:
    port = Port("x", Layout.ordered(["batch", 3, 8, 9], (0, 2, 3, 1)), "float32")
    assert port.layout.stored_shape == ("batch", 8, 9, 3)
    assert (port.order, port.shape) == ((0, 2, 3, 1), (None, 3, 8, 9))


def test_it_comes_from_another_process_as_it_was() -> None:
    port = Port("x", Layout.ordered(["batch", 3, 8, 9], (0, 2, 3, 1)), "float32")
    assert pickle.loads(pickle.dumps(port)) == port
