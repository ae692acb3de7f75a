from __future__ import annotations

import numpy as np
import onnx
import pytest

from bridge import ir
from bridge.errors import UnsupportedError
from bridge.graph.passes import run_passes
from tests.helpers.keras_against_onnx import in_onnxruntime, seeded


def with_function(opset: int, own: int, body: str) -> ir.Model:
    return ir.from_proto(
        onnx.parser.parse_model(f"""<ir_version: 8, opset_import: ["":{opset}, "own":1]>
        g (float[2,3] x) => (float[2,3] y) {{ y = own.f(x) }}
        <domain: "own", opset_import: ["":{own}, "own":1]> f (a) => (b) {{ {body} }}
        <domain: "own", opset_import: ["":{own}]> h <alpha> (a) => (b) {{
            b = Elu<alpha: float = @alpha>(a) }}""")
    )


@pytest.mark.parametrize(("opset", "own"), [(17, 17), (17, 16), (15, 18), (9, 13)])
def test_functions_within_functions_of_another_opset(opset: int, own: int) -> None:
    model = run_passes(with_function(opset, own, "c = own.h<alpha = 0.3>(a) b = Sigmoid(c)"))
    assert [node.op_type for node in model.graph] == ["Elu", "Sigmoid"]
    x = seeded((2, 3))
    received = in_onnxruntime(ir.to_proto(model), {"x": x})["y"]
    elu = np.where(x < 0, 0.3 * np.expm1(x), x)
    np.testing.assert_allclose(received, 1 / (1 + np.exp(-elu)), rtol=1e-5)


def test_a_function_whose_operators_mean_something_else_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="Softmax is something else"):
        run_passes(with_function(11, 13, "b = Softmax(a)"))


def test_the_longer_name_of_the_standard_domain() -> None:
    model = with_function(17, 17, "b = Relu(a)")
    model.opset_imports["ai.onnx"] = model.opset_imports.pop("")
    assert [node.op_type for node in run_passes(model).graph] == ["Relu"]
