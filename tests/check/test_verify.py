"""The checks of every conversion: they pass what is right, and find what is not."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import bridge
from bridge.check import runners
from bridge.check.runners import OnnxRunner
from bridge.check.verify import check_half, check_keras, check_onnx, compared, distances
from bridge.convert import raise_caffe, raise_onnx
from bridge.errors import CheckError, GraphError
from bridge.types import Array
from tests.check.faults.seeded_faults import FAULTS
from tests.check.faults.seeded_faults import seeded as seeded_with
from tests.conftest import ROOT
from tests.helpers.golden_cases import case
from tests.helpers.keras_against_onnx import graph, raise_and_compare, seeded
from tests.helpers.small_net import PROTOTXT, Small, weights

TEXT = """g (float[batch,3,4,4] x) => (float[batch,2] y) {
    hidden = Flatten(x)
    y = Gemm<transB=1>(hidden, w)
}"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    onnx.save(graph(TEXT, {"w": seeded((2, 48))}), tmp_path / "model.onnx")
    return tmp_path / "model.onnx"


def test_shapes_are_held_to_caffe_s(path: Path) -> None:
    report = check_onnx(path, {"hidden": ("batch", 48), "y": ("batch", 2)})
    assert [row.name for row in report.rows] == ["hidden", "y"]


@pytest.mark.parametrize("shape", [("batch", 47), ("batch", 48, 1), (48,)])
def test_another_shape_is_found(path: Path, shape: tuple[int | str, ...]) -> None:
    with pytest.raises(CheckError, match="'hidden' differs"):
        check_onnx(path, {"hidden": shape, "y": ("batch", 2)})


@dataclass
class Passes:
    """How often each side has computed a graph."""

    onnx: int = 0
    keras: int = 0


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Passes:
    counted, in_onnx, in_keras = Passes(), OnnxRunner._run, runners.run_keras

    def onnx_pass(*arguments: Any) -> Any:
        counted.onnx += 1
        return in_onnx(*arguments)

    def keras_pass(*arguments: Any) -> Any:
        counted.keras += 1
        return in_keras(*arguments)

    monkeypatch.setattr(OnnxRunner, "_run", onnx_pass)
    monkeypatch.setattr(runners, "run_keras", keras_pass)
    return counted


@pytest.mark.parametrize(("weight", "count"), [(1.0, 2), (0.0, 3)])
def test_a_check_takes_two_passes_of_each_side_and_a_third_if_these_cannot_tell(
    tmp_path: Path, passes: Passes, weight: float, count: int
) -> None:
    kernel, bias = weights()["fc"]
    net = Small(tmp_path).write(PROTOTXT, {**weights(), "fc": (kernel * weight, bias)})
    pair = net.prototxt, net.caffemodel
    for convert, in_onnx, in_keras in (
        (partial(bridge.caffe_to_onnx, *pair), count, 0),
        (partial(bridge.caffe_to_onnx, *pair, fp16=True), 2 * 3, 0),  # halves can tell little
        (partial(raise_onnx, net.onnx), count, count),
        (partial(raise_caffe, *pair), count, count),
    ):
        passes.onnx = passes.keras = 0
        convert()
        assert (passes.onnx, passes.keras) == (in_onnx, in_keras)


def test_shapes_are_held_to_caffe_s_in_half_precision(tmp_path: Path) -> None:
    net = Small(tmp_path).write(PROTOTXT, weights())
    half = bridge.caffe_to_onnx(net.prototxt, net.caffemodel, tmp_path / "half.onnx", fp16=True)
    assert half.path is not None
    with pytest.raises(CheckError, match="Caffe's: 'fc' differs"):
        check_half(half.path, net.onnx, {"prob": ("batch", 5), "fc": ("batch", 4)})


def test_a_keras_model_is_held_to_its_graph(path: Path) -> None:
    raised = raise_and_compare(onnx.load(path), {"x": seeded((2, 3, 4, 4))})
    report = check_keras(raised.model, raised.plan, path)
    assert report.ok
    assert [row.name for row in report.rows] == ["hidden", "y"]


def test_a_wrong_keras_weight_is_found(path: Path) -> None:
    raised = raise_and_compare(onnx.load(path), {"x": seeded((2, 3, 4, 4))})
    kernel = raised.model.weights[0]
    kernel.assign(kernel.numpy()[::-1])
    with pytest.raises(CheckError, match="'y' differs"):
        check_keras(raised.model, raised.plan, path)


def test_a_table_is_read_to_its_last_row(tmp_path: Path) -> None:
    text = "g (int64[40] ids) => (float[40,2] y) { y = Gather(table, ids) }"
    model = graph(text, {"table": seeded((9, 2))})
    onnx.save(model, tmp_path / "table.onnx")
    raised = raise_and_compare(model, {"ids": np.arange(40) % 9})
    (table,) = raised.model.weights
    table.assign(table.numpy() + np.eye(9, 2, -7))
    with pytest.raises(CheckError, match="'y' differs"):
        check_keras(raised.model, raised.plan, tmp_path / "table.onnx")


def test_the_distance_of_a_float_model_from_the_quantized_graph(tmp_path: Path) -> None:
    text = "g (float[2,8] x) => (float[2,8] y, int64[n,2] found) {{ {} found = NonZero(x) }}"
    pair = "q = QuantizeLinear(x, s) y = DequantizeLinear(q, s)"
    onnx.save(graph(text.format(pair), {"s": np.float32(0.25)}), tmp_path / "steps.onnx")
    clip = graph(text.format("y = Clip(x, low)"), {"low": np.float32(0)})
    onnx.save(clip, tmp_path / "floats.onnx")
    far, indices = distances(tmp_path / "steps.onnx", tmp_path / "floats.onnx")
    assert re.fullmatch(r"'y' differs .* by up to 0\.1[12]\d*, \d+ % of its range", far)
    assert "'found' differs from what it was by up to 0, 0 % of its range" in indices


def test_a_small_net_is_converted(tmp_path: Path) -> None:
    net = Small(tmp_path).write(PROTOTXT, weights())
    raised = raise_onnx(net.onnx)
    assert raised.report is not None
    assert raised.report.verdict == "equal"
    assert raised.warnings == ()


def test_what_a_softmax_reads_is_compared(tmp_path: Path) -> None:
    report = raise_onnx(Small(tmp_path).write(PROTOTXT, weights()).onnx).report
    assert report is not None
    assert {"prob", "fc"} <= {row.name for row in report.rows}
    assert len(report.rows) == 11


def test_a_wrong_layer_behind_a_flat_softmax_is_found(tmp_path: Path) -> None:
    """Probabilities of 1e-3 each, whatever is read: they differ by less than any absolute limit."""
    text = """g (float[batch,8] x) => (float[batch,1000] y) {
        hidden = Gemm<transB=1>(x, w)
        y = Softmax(hidden)
    }"""
    onnx.save(graph(text, {"w": 1e-2 * seeded((1000, 8))}), tmp_path / "model.onnx")
    raised = raise_onnx(tmp_path / "model.onnx")
    raised.model.weights[0].assign(np.zeros((8, 1000)))
    with pytest.raises(CheckError, match="differs"):
        check_keras(raised.model, raised.plan, tmp_path / "model.onnx")
    report = bridge.check(tmp_path / "model.onnx", raised.model)
    assert (report.verdict, report.by_name["y"].verdict) == ("differs", "differs")
    assert report.by_name["y"].error < 1e-4


@pytest.mark.parametrize(
    ("weight", "doubt"),
    [(0.0, "it is the same for all inputs"), (np.nan, "none of its numbers is finite")],
)
def test_a_dead_net_is_converted_with_a_warning(tmp_path: Path, weight: float, doubt: str) -> None:
    dead = {"fc": (np.full((5, 3), weight), np.zeros(5))}
    Small(tmp_path).write(PROTOTXT, {**weights(), **dead})
    said = f"nothing shows whether the output 'prob' is right: {doubt}"
    pair = tmp_path / "net.prototxt", tmp_path / "net.caffemodel"
    done = bridge.caffe_to_onnx(*pair)
    assert said in done.warnings
    raised = raise_caffe(*pair)
    assert said in raised.warnings
    assert raised.report is not None
    assert raised.report.verdict == "cannot tell"
    assert raised.warnings.count(said) == 1
    for result in (done, raised, raise_onnx(done.proto)):
        messages = [text for text in result.warnings if "15 of its 15 numbers are NaN" in text]
        assert len(messages) == int(np.isnan(weight))


def test_an_output_without_any_input_is_right_or_wrong(tmp_path: Path) -> None:
    text = "g (float[batch,2] x) => (float[3] c, float[batch,2] y) { c = Identity(k) y = Neg(x) }"
    onnx.save(graph(text, {"k": np.arange(3, dtype=np.float32)}), tmp_path / "model.onnx")
    report = raise_onnx(tmp_path / "model.onnx").report
    assert report is not None
    assert report.verdict == "equal"


def test_onnxruntime_s_own_words_become_an_error(path: Path) -> None:
    with pytest.raises(GraphError, match="onnxruntime cannot run the graph"):
        OnnxRunner(path).run({"x": np.zeros((2, 3, 4, 5), np.float32)})


# Its convolution is a thousand times what is left of it, and rounded unless the two are folded.
CANCELLING = """g (float[batch,1,4,4] x) => (float[batch,1,4,4] y) {
    hidden = Conv(x, k, b)
    y = BatchNormalization<epsilon=0.0>(hidden, one, zero, b2, one)
}"""


@pytest.mark.parametrize(("fault", "verdict"), [(0.0, "equal"), (5e-4, "differs")])
def test_rounding_that_onnxruntime_has_itself_is_no_difference(
    tmp_path: Path, fault: float, verdict: str
) -> None:
    constants = {
        "k": np.full((1, 1, 1, 1), 0.1),
        "b": [5000],
        "b2": [4995],
        "one": [1],
        "zero": [0],
    }
    arrays = {name: np.asarray(x, np.float32) for name, x in constants.items()}
    onnx.save(graph(CANCELLING, arrays), tmp_path / "model.onnx")
    runner, plain = (OnnxRunner(tmp_path / "model.onnx", plain=plain) for plain in (False, True))

    def node_by_node(feeds: Mapping[str, Array]) -> Mapping[str, Array]:
        return {"y": plain.run(feeds)["y"] + np.float32(fault)}

    report = compared("folded against not", runner, runner.run, node_by_node, ["float32"])
    assert report.verdict == verdict
    (row,) = report.rows
    assert row.error > 1e-5 * row.size + 1e-4 * row.range


def test_half_precision_is_right_within_its_rounding(tmp_path: Path) -> None:
    folder = ROOT / "models" / "digits-lenet"
    pair = folder / "deploy.prototxt", folder / "weights.caffemodel"
    whole = bridge.caffe_to_onnx(*pair, tmp_path / "whole.onnx")
    half = bridge.caffe_to_onnx(*pair, tmp_path / "half.onnx", fp16=True)
    assert bridge.check(whole.path, half.path).verdict == "equal"
    report = raise_onnx(tmp_path / "half.onnx").report
    assert report is not None
    assert report.verdict == "equal"


def test_weights_that_are_too_small_for_a_half_are_found(tmp_path: Path) -> None:
    kernel, bias = weights()["fc"]
    text, blobs = PROTOTXT.rpartition("layer {")[0], {"fc": [kernel * 1e-7, bias * 0]}
    net = Small(tmp_path).write(text, {**weights(), **blobs})
    with pytest.raises(CheckError, match="half precision against single: 'fc' differs"):
        bridge.caffe_to_onnx(net.prototxt, net.caffemodel, tmp_path / "half.onnx", fp16=True)
    assert not (tmp_path / "half.onnx").exists()


def test_numbers_within_that_are_too_large_for_a_half_are_found(tmp_path: Path) -> None:
    """onnxruntime's CPU has no halves: what it does not give out it leaves in single."""
    text = 'input: "x" input_shape { dim: 1 dim: 3 dim: 4 dim: 4 }' + "".join(
        f'layer {{ name: "{top}" type: "Power" bottom: "{bottom}" top: "{top}" '
        f"power_param {{ scale: {scale} }} }}"
        for bottom, top, scale in (("x", "a", 6e4), ("a", "b", 6e4), ("b", "y", 1e-9))
    )
    prototxt = tmp_path / "net.prototxt"
    prototxt.write_text(text)
    with pytest.raises(CheckError, match="the value 'b' does not fit into half precision"):
        bridge.caffe_to_onnx(prototxt, None, tmp_path / "half.onnx", fp16=True)
    whole = bridge.caffe_to_onnx(prototxt, None, tmp_path / "whole.onnx")
    half = tmp_path / "unchecked.onnx"
    bridge.caffe_to_onnx(prototxt, None, half, fp16=True, check=False)
    assert bridge.check(whole.path, half).verdict == "differs"


def test_outputs_of_which_the_data_decide_a_size_are_not_held_to_a_half(tmp_path: Path) -> None:
    net = case("detout_keep_few")
    done = bridge.caffe_to_onnx(net.prototxt, net.caffemodel, tmp_path / "half.onnx", fp16=True)
    assert done.warnings[-1] == "'det' was not compared with single precision"
    assert len(done.warnings) == 1


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_wrong_layer_in_half_precision_is_found(
    tmp_path: Path, fault: Callable[[onnx.ModelProto], None]
) -> None:
    net = Small(tmp_path).write(PROTOTXT, weights())
    bridge.caffe_to_onnx(net.prototxt, net.caffemodel, tmp_path / "half.onnx", fp16=True)
    wrong = seeded_with(onnx.load(tmp_path / "half.onnx"), fault)
    assert bridge.check(tmp_path / "half.onnx", wrong).verdict == "differs"
    raised = raise_onnx(wrong, check=False)
    with pytest.raises(CheckError, match="the graph computes in float16"):
        check_keras(raised.model, raised.plan, tmp_path / "half.onnx")
