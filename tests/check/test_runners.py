"""Running models, with ONNX's arrays in and out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from bridge.check.backends import runtimes
from bridge.check.runners import OnnxRunner
from bridge.errors import GraphError, UnsupportedError
from tests.helpers.keras_against_onnx import graph, raise_and_compare, seeded

TEXT = """g (float[batch,3,4,4] x) => (float[batch,2,4,4] y) {
    hidden = Conv<kernel_shape=[1,1]>(x, w)
    y = Relu(hidden)
}"""


@pytest.fixture
def model() -> onnx.ModelProto:
    return graph(TEXT, {"w": seeded((2, 3, 1, 1))})


def test_onnx(model: onnx.ModelProto, tmp_path: Path) -> None:
    onnx.save(model, tmp_path / "model.onnx")
    runner = OnnxRunner(tmp_path / "model.onnx")
    assert runner.inputs == {"x": (("batch", 3, 4, 4), "float32")}
    assert runner.outputs == ("y",)
    result = runner.run({"x": seeded((2, 3, 4, 4))})
    assert result["y"].shape == (2, 2, 4, 4)


def test_every_value(model: onnx.ModelProto, tmp_path: Path) -> None:
    onnx.save(model, tmp_path / "model.onnx")
    runner = OnnxRunner(tmp_path / "model.onnx", every_value=True)
    result = runner.run({"x": seeded((2, 3, 4, 4))})
    np.testing.assert_array_equal(result["y"], np.maximum(result["hidden"], 0))


def test_shapes_are_those_of_the_run_not_those_that_the_file_declares(tmp_path: Path) -> None:
    """onnxruntime would rather answer what the file says, which it knows before it runs."""
    text = """g (float[2,6] x, int64[2] sizes) => (float[12] y) {
        wrong = Reshape(x, sizes)
        right = Relu(x)
        flat = Reshape(wrong, minus)
        y = Neg(flat)
    }"""
    model = graph(text, {"minus": np.array([-1])})
    for name in ("wrong", "right"):
        model.graph.value_info.append(onnx.helper.make_tensor_value_info(name, 1, [2, 6]))
    onnx.save(model, tmp_path / "model.onnx")
    runner = OnnxRunner(tmp_path / "model.onnx", shapes=["right", "wrong", "y", "nothing"])
    feeds = {"x": seeded((2, 6)), "sizes": np.array([3, 4])}
    outputs, shapes = runner.run_with_shapes(feeds)
    assert shapes == {"right": (2, 6), "wrong": (3, 4), "y": (12,)}
    assert outputs.keys() == {"y"}
    np.testing.assert_array_equal(outputs["y"], -feeds["x"].reshape(-1))


def test_weights_beside_the_file_are_found(model: onnx.ModelProto, tmp_path: Path) -> None:
    onnx.save(
        model,
        tmp_path / "model.onnx",
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=0,
    )
    assert (tmp_path / "weights.bin").stat().st_size
    OnnxRunner(tmp_path / "model.onnx").run({"x": seeded((2, 3, 4, 4))})


def test_inputs_are_as_they_were_after_a_run(tmp_path: Path) -> None:
    """onnxruntime 1.32.0 writes the new variance where the mean and variance of before lie."""
    node = "y, m, v = BatchNormalization<training_mode=1, momentum=0.5>(x, s, s, s, s)"
    text = f"g (float[2,4] x, float[4] s) => (float[2,4] y, float[4] w) {{ {node} w = Neg(v) }}"
    onnx.save(graph(text), tmp_path / "net.onnx")
    feeds = {"x": np.arange(8, dtype=np.float32).reshape(2, 4), "s": np.ones(4, np.float32)}
    runs = [OnnxRunner(tmp_path / "net.onnx").run(feeds)["w"] for _ in range(2)]
    np.testing.assert_array_equal(feeds["s"], np.ones(4, np.float32))
    np.testing.assert_array_equal(*runs)


def test_a_graph_that_onnxruntime_refuses_is_a_graph_error(tmp_path: Path) -> None:
    broken = graph("g (float[2] x) => (float[2] y) { y = Relu(x) }")
    broken.graph.node[0].op_type = "Nothing"
    onnx.save(broken, tmp_path / "broken.onnx")
    with pytest.raises(GraphError, match="onnxruntime refuses the graph"):
        OnnxRunner(tmp_path / "broken.onnx")


@pytest.mark.parametrize("io_layout", ["channels_last", "onnx"])
def test_keras_takes_and_gives_onnx_s_arrays(model: onnx.ModelProto, io_layout: str) -> None:
    x = seeded((2, 3, 4, 4))
    raised = raise_and_compare(model, {"x": x}, io_layout)
    assert raised.run({"x": x})["y"].shape == (2, 2, 4, 4)


def test_several_inputs_and_outputs() -> None:
    text = """g (float[n,2] b, float[n,2] a) => (float[n,2] z, float[n,2] y) {
        y = Sub(b, a)
        z = Relu(y)
    }"""
    b, a = seeded((3, 2)), seeded((3, 2), 1)
    result = raise_and_compare(graph(text), {"a": a, "b": b}).run({"a": a, "b": b})
    np.testing.assert_array_equal(result["y"], b - a)


@pytest.mark.parametrize("kind", ["int8", "uint16", "uint64", "float16", "bool"])
def test_inputs_of_any_numbers(kind: str, tmp_path: Path) -> None:
    text = f"g ({kind}[2] x) => ({kind}[2] y) {{ y = Identity(x) }}"
    onnx.save(graph(text), tmp_path / "model.onnx")
    assert OnnxRunner(tmp_path / "model.onnx").inputs == {"x": ((2,), kind)}


def test_numbers_that_numpy_has_not(tmp_path: Path) -> None:
    text = "g (bfloat16[2] x) => (bfloat16[2] y) { y = Identity(x) }"
    onnx.save(graph(text), tmp_path / "model.onnx")
    with pytest.raises(UnsupportedError, match=r"tensor\(bfloat16\)"):
        OnnxRunner(tmp_path / "model.onnx").inputs  # noqa: B018 - reading it is what fails


def test_quantized_graphs_run_as_they_are_defined(tmp_path: Path) -> None:
    """What onnxruntime fuses of such pairs may saturate within, on some processors."""
    text = """g (float[1,4] x) => (float[1,3] y) {
        quantized = QuantizeLinear(x, xs, xz)
        rounded = DequantizeLinear(quantized, xs, xz)
        matrix = DequantizeLinear(w, ws, wz)
        product = MatMul(rounded, matrix)
        steps = QuantizeLinear(product, ys, yz)
        y = DequantizeLinear(steps, ys, yz)
    }"""
    constants = {"xs": np.float32(0.01), "xz": np.uint8(0), "ws": np.float32(0.01)}
    constants |= {"wz": np.int8(0), "ys": np.float32(0.05), "yz": np.uint8(0)}
    model = graph(text, {**constants, "w": np.full((4, 3), 127, np.int8)})
    onnx.save(model, tmp_path / "model.onnx")
    result = OnnxRunner(tmp_path / "model.onnx").run({"x": np.full((1, 4), 2.55, np.float32)})["y"]
    np.testing.assert_allclose(result, np.float32(0.05) * 255)


def test_a_loop_without_an_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "SECONDS", 0.1)
    body = "b (int64 i, bool c, float[1] a) => (bool d, float[1] b) { d = Identity(c) b = Relu(a) }"
    text = f"g (float[1] x, int64 n, bool t) => (float[1] y) {{ y = Loop<body = {body}>(n, t, x) }}"
    onnx.save(graph(text), tmp_path / "net.onnx")
    runner = OnnxRunner(tmp_path / "net.onnx")
    feeds = {"x": seeded((1,)), "t": np.array(True)}
    assert runner.run({**feeds, "n": np.array(3)})["y"].shape == (1,)
    with pytest.raises(GraphError, match=r"a loop of it has not ended after 0\.1 s"):
        runner.run({**feeds, "n": np.array(2**40)})
