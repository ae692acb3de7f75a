"""Graphs that ONNX itself refuses are told so, whatever breaks over them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import bridge
from bridge.errors import BridgeError, GraphError, UnsupportedError
from bridge.graph.validity import problem_of, valid_graphs
from bridge.inspection import inspect


def saved(path: Path, kernel: tuple[int, ...] = (2, 3, 3, 3), height: int = 8) -> Path:
    x = helper.make_tensor_value_info("x", 1, [1, 3, height, 8])
    y = helper.make_tensor_value_info("y", 1, list("nchw"))
    w = numpy_helper.from_array(np.ones(kernel, np.float32), "w")
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="c")
    graph = helper.make_graph([node], "g", [x], [y], [w])
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def test_what_breaks_over_a_valid_graph_is_raised(tmp_path: Path) -> None:
    path = saved(tmp_path / "net.onnx")
    assert problem_of(path) is None
    with pytest.raises(KeyError), valid_graphs([path]):
        raise KeyError


def test_what_breaks_over_another_is_the_graphs_fault(tmp_path: Path) -> None:
    path = saved(tmp_path / "net.onnx", (2, 3))
    refused = pytest.raises(GraphError, match=r"net\.onnx: the graph breaks ONNX's rules")
    with refused, valid_graphs([path]):
        raise KeyError
    with pytest.raises(UnsupportedError), valid_graphs([path]):
        raise UnsupportedError("what is told already")


@pytest.mark.parametrize("height", [0, -1])
def test_axes_without_elements(height: int, tmp_path: Path) -> None:
    path = saved(tmp_path / "net.onnx", height=height)
    if height < 0:  # in a graph that is a size that is open
        bridge.onnx_to_keras(path)
    else:
        with pytest.raises(BridgeError):
            bridge.onnx_to_keras(path)
    assert bridge.check(path, path).rows
    inspect([path])


def test_types_of_elements_that_keras_has_not(tmp_path: Path) -> None:
    x = helper.make_tensor_value_info("x", onnx.TensorProto.INT4, [1, 3])
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 3])
    node = helper.make_node("Cast", ["x"], ["y"], name="c", to=onnx.TensorProto.FLOAT)
    graph = helper.make_graph([node], "g", [x], [y])
    opsets = [helper.make_opsetid("", 21)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), tmp_path / "n.onnx")
    with pytest.raises(UnsupportedError, match="'x' has elements of a type that Keras has not"):
        bridge.onnx_to_keras(tmp_path / "n.onnx", check=False)
