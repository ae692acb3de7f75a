from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from bridge import ir
from bridge.convert import raise_onnx
from bridge.errors import UsageError
from bridge.graph.shapes.prepare import prepare
from bridge.public.options import GraphOptions

TEXT = """
<ir_version: 8, opset_import: ["" : 17]>
net (float[N, 3, H, W] x, float[N, 1] y, float[2] unused) => (float[N, 4, a, b] out) {
  r = Relu(x)
  s = Sigmoid(y)
  t = Abs(unused)
  c = Constant <value_ints = [2, 3]> ()
  m = ReduceMean <axes = [2, 3]> (r)
  out = Mul(r, r)
}
"""


def model() -> ir.Model:
    return ir.from_proto(onnx.parser.parse_model(TEXT))


def shapes(changed: ir.Model) -> dict[str, list[object]]:
    return {str(v.name): [*map(str, v.shape or ())] for v in changed.graph.inputs}


def test_nothing_asked_changes_nothing() -> None:
    net = model()
    assert not prepare(net, GraphOptions())
    assert ir.to_proto(net) == ir.to_proto(model())


def test_a_size_is_fixed_wherever_it_is_named() -> None:
    net = model()
    assert prepare(net, GraphOptions(input_shape={"x": (2, 3, 8, 6)}))
    assert shapes(net) == {"x": ["2", "3", "8", "6"], "y": ["2", "1"], "unused": ["2"]}
    assert net.graph.outputs[0].shape is None


def test_a_batch_is_the_first_size_of_the_inputs_that_leave_it_free() -> None:
    net = model()
    prepare(net, GraphOptions(batch=5))
    assert shapes(net) == {"x": ["5", "3", "H", "W"], "y": ["5", "1"], "unused": ["2"]}
    with pytest.raises(UsageError, match="no input has a free batch"):
        prepare(net, GraphOptions(batch=3))


def test_an_input_becomes_a_constant() -> None:
    net = model()
    prepare(net, GraphOptions(input_value={"unused": 2.5}))
    assert [value.name for value in net.graph.inputs] == ["x", "y"]
    tensor = net.graph.initializers["unused"].const_value
    assert tensor is not None
    assert tensor.numpy().tolist() == [2.5, 2.5]


def test_a_number_is_rounded_to_the_dtype_of_its_input() -> None:
    net = model()
    prepare(net, GraphOptions(input_value={"unused": 0.1}))
    tensor = net.graph.initializers["unused"].const_value
    assert tensor is not None
    np.testing.assert_array_equal(tensor.numpy(), np.float32([0.1, 0.1]))


def test_a_graph_is_cut_to_any_of_its_values() -> None:
    net = model()
    prepare(net, GraphOptions(outputs=["m", "r"]))
    assert [value.name for value in net.graph.outputs] == ["m", "r"]
    assert [value.name for value in net.graph.inputs] == ["x"]
    assert [node.op_type for node in net.graph] == ["Relu", "ReduceMean"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (GraphOptions(outputs=["outt"]), "no value 'outt'(.|\n)*did you mean 'out'"),
        (GraphOptions(input_shape={"xx": (1,)}), "no input 'xx'"),
        (GraphOptions(input_shape={"x": (1, 3)}), "another number of axes"),
        (GraphOptions(input_value={"xx": 1}), "no input 'xx'"),
        (GraphOptions(input_value={"x": 1}), "sizes of input 'x' are not known"),
        (GraphOptions(input_value={"unused": 1e39}), "cannot be this number"),
    ],
)
def test_what_does_not_fit_is_refused(options: GraphOptions, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        prepare(model(), options)


def test_the_check_is_of_the_graph_that_is_raised(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(onnx.parser.parse_model(TEXT), path)
    raising = raise_onnx(path, outputs=["r", "m"], batch=2, input_shape={"x": (2, 3, 5, 4)})
    assert raising.report is not None
    assert [tuple(value.shape) for value in raising.model.inputs] == [(2, 5, 4, 3)]
