"""Nodes that ONNX's own definition of their operator does not allow."""

from __future__ import annotations

from typing import Any

import onnx
import pytest

from bridge import ir
from bridge.errors import GraphError
from bridge.graph import definitions
from bridge.graph.definitions import infer_types, refuse_unfit

FLOAT = onnx.TensorProto.FLOAT


def node(
    operator: str, result: tuple[int, ...] = (2, 3), dtype: int = FLOAT, domain: str = ""
) -> ir.Node:
    """y = operator(a, b) with a: 2 3 and b: 3, of which the file says that y has this shape."""
    info = onnx.helper.make_tensor_value_info
    proto = onnx.helper.make_graph(
        [onnx.helper.make_node(operator, ["a", "b"], ["y"], domain=domain)],
        "g",
        [info("a", FLOAT, (2, 3)), info("b", FLOAT, (3,))],
        [info("y", dtype, result)],
    )
    opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("other", 1)]
    return ir.from_proto(onnx.helper.make_model(proto, opset_imports=opsets)).graph[0]


def test_a_node_that_fits_passes() -> None:
    refuse_unfit(node("Add"), 17, "node 'n'")


def test_inputs_that_do_not_fit_are_refused() -> None:
    with pytest.raises(GraphError, match="it is not a MatMul as ONNX defines it"):
        refuse_unfit(_with_inputs(node("MatMul", (2, 4)), (2, 3), (4, 4)), 17, "node 'n'")


def _with_inputs(node: ir.Node, *shapes: tuple[int, ...]) -> ir.Node:
    for value, shape in zip(node.inputs, shapes, strict=True):
        assert value is not None
        value.shape = ir.Shape(shape)
    return node


@pytest.mark.parametrize(
    ("result", "dtype"), [((2, 4), FLOAT), ((6,), FLOAT), ((2, 3), onnx.TensorProto.INT64)]
)
def test_a_result_of_another_type_is_refused(result: tuple[int, ...], dtype: int) -> None:
    with pytest.raises(GraphError, match="what the operator does not give"):
        refuse_unfit(node("Add", result, dtype), 17, "node 'n'")


def test_operators_that_onnx_does_not_define_are_left_to_the_rules() -> None:
    refuse_unfit(node("Add", (9, 9), domain="other"), 17, "node 'n'")
    refuse_unfit(node("NoSuchOperator", (9, 9)), 17, "node 'n'")


def test_of_equal_nodes_one_is_inferred(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are no difference, sizes are, and so are numbers that say a shape."""
    calls = []
    infer = onnx.shape_inference.infer_node_outputs

    def counted(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        return infer(*arguments, **options)

    monkeypatch.setattr(onnx.shape_inference, "infer_node_outputs", counted)
    text = """<ir_version: 8, opset_import: ["" : 17]>
    g (float[2,60] x) => (y) <int64[2] k = {-1, 5}, int64[2] l = {-1, 5}, int64[2] m = {-1, 6}> {
        a = Abs(x) b = Abs(a) c = Reshape(b, k) d = Reshape(a, l) e = Reshape(a, m) y = Abs(e)
    }"""
    model = ir.from_proto(onnx.parser.parse_model(text))
    ir.infer_shapes(model)
    definitions._KNOWN.clear()
    inferred = [infer_types(node, 17) for node in model.graph]
    assert [[*types] for types in inferred] == [["a"], ["b"], ["c"], ["d"], ["e"], ["y"]]
    shapes = [str(ir.shape_of(*types.values())) for types in inferred]
    assert shapes[2:5] == ["[24,5]", "[24,5]", "[20,6]"]
    assert len(calls) == 4
