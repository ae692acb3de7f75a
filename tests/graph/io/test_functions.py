"""Functions that call functions are counted before anybody puts them in."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import helper

from bridge.errors import GraphError
from bridge.graph.io import functions, load

OPSETS = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]


def doubling(levels: int, within: bool = False) -> onnx.ModelProto:
    """A function of one node, and others that each call the one before twice, perhaps within a
    branch."""
    definitions = []
    for level in range(levels):
        nodes = [
            helper.make_node(
                f"f{level - 1}" if level else "Relu", [x], [y], domain="own" * (level > 0)
            )
            for x, y in (("x", "t"), ("t", "y"))[: 1 + (level > 0)]
        ]
        nodes[-1].output[0] = "y"
        definitions.append(helper.make_function("own", f"f{level}", ["x"], ["y"], nodes, OPSETS))
    node = helper.make_node(f"f{levels - 1}", ["x"], ["y"], domain="own")
    x, y = (helper.make_tensor_value_info(name, 1, [3]) for name in "xy")
    if within:
        branch = helper.make_graph([node], "branch", [], [y])
        truth = helper.make_tensor("c", onnx.TensorProto.BOOL, [], [True])
        node = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
        graph = helper.make_graph([node], "g", [x], [y], [truth])
    else:
        graph = helper.make_graph([node], "g", [x], [y])
    return helper.make_model(graph, opset_imports=OPSETS, functions=definitions, ir_version=8)


@pytest.mark.parametrize(("within", "nodes"), [(False, 16), (True, 33)])
def test_what_doubles_at_each_level_is_counted(
    within: bool, nodes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(doubling(5, within), path)
    monkeypatch.setattr(functions, "MOST_NODES", nodes)
    load(path)
    monkeypatch.setattr(functions, "MOST_NODES", nodes - 1)
    with pytest.raises(GraphError, match=f"at most {nodes - 1}\n  received: {nodes}\n"):
        load(path)
