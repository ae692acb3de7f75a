"""What is raised of an ONNX file, and what it is compared with."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from bridge import ir
from bridge.convert import raise_onnx
from bridge.errors import UsageError
from bridge.from_onnx import reference
from bridge.graph.io import load
from bridge.public.options import GraphOptions
from bridge.public.progress import silent
from tests.helpers.keras_against_onnx import graph, seeded

TEXT = """g (float16[n,3,4,4] x) => (float16[n,2,4,4] y) {
    c = Conv<pads = [1, 1, 1, 1]>(x, w)
    y = Exp(c)
}"""


def net() -> onnx.ModelProto:
    return graph(TEXT, {"w": seeded((2, 3, 3, 3)).astype(np.float16)})


def compared(model: ir.Model, path: Path, *, check: bool = True, **options: Any) -> Any:
    return reference(model, path, GraphOptions(**options), check=check, progress=silent)


def test_a_graph_of_single_precision_is_compared_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    model = ir.from_proto(graph("g (float[n,3] x) => (float[n,3] y) { y = Exp(x) }"))
    with compared(model, path) as result:
        assert (result.path, result.notes) == (path, ())


def test_a_graph_that_is_cut_or_of_half_precision_is_written(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(net(), path)
    with compared(load(path), path, batch=2) as result:
        written = onnx.load(result.path)
        assert [node.op_type for node in written.graph.node] == ["Cast", "Conv", "Exp", "Cast"]
        assert written.graph.input[0].type.tensor_type.shape.dim[0].dim_value == 2
        (note,) = result.notes
        assert "computes in single; 'y' differs from what it was by up to " in note
    assert not result.path.exists()


def test_without_a_check_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(net(), path)
    with compared(load(path), path, check=False) as result:
        assert result.path == path
        assert result.notes == (
            "the graph is of half precision, and its Keras model computes in single",
        )


def test_half_precision_is_proved_in_single() -> None:
    raising = raise_onnx(net())
    assert raising.report is not None
    assert raising.report.verdict == "equal"
    assert raising.report.by_name["y/single"].limit < 1e-2
    far = re.search(r"by up to (\S+),", raising.warnings[0])
    assert far is not None
    assert float(far[1]) <= 2**-5
    assert raising.model.inputs[0].dtype == raising.model.outputs[0].dtype == "float16"


def test_bfloat16_is_proved_in_single(tmp_path: Path) -> None:
    proto = graph(TEXT.replace("float16", "float"), {"w": seeded((2, 3, 3, 3))})
    for value in (proto.graph.input[0], proto.graph.output[0]):
        value.type.tensor_type.elem_type = onnx.TensorProto.BFLOAT16
    del proto.graph.value_info[:]
    weight: NDArray[Any] = seeded((2, 3, 3, 3)).astype(ml_dtypes.bfloat16)
    tensor = proto.graph.initializer[0]
    tensor.data_type, tensor.raw_data = onnx.TensorProto.BFLOAT16, weight.tobytes()
    raising = raise_onnx(proto)
    assert raising.report is not None
    assert raising.report.verdict == "equal"
    assert raising.warnings[0].endswith("onnxruntime does not compute it as it was")
    assert raising.model.inputs[0].dtype == raising.model.outputs[0].dtype == "bfloat16"
    raising.model.save(tmp_path / "net.keras")


def test_other_words_for_quantized_are_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match="unknown quantized"),
        compared(ir.from_proto(net()), tmp_path / "model.onnx", quantized="int8"),
    ):
        pass
