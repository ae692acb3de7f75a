"""Plans as `.tflite` files: which are written without TensorFlow, and that these are right."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from bridge.errors import UnsupportedError
from bridge.graph.io import to_ir
from bridge.graph.passes import run_passes
from bridge.raising import Plan, raise_model
from bridge.tflite.emission import lite_model
from tests.helpers.golden_cases import CASES, Case, assert_outputs, case, feeds, lowered
from tests.helpers.keras_against_onnx import graph, plan_of, seeded
from tests.tflite.litert import in_litert, written

# Boxes, of which the numbers decide how many there are, and a mask of positions.
BY_TENSORFLOW = {
    "detout_batch2",
    "detout_center_size",
    "detout_corner",
    "detout_corner_size",
    "detout_keep_few",
    "detout_no_threshold",
    "detout_none",
    "filter",
    "net_ssd",
}
# TensorFlow 2.21.0's copy of LiteRT computes it wrong, whoever wrote it; LiteRT 2.3.0 does not.
WRONG_IN_TENSORFLOW = {"conv_kernel_hw"}


def golden_plan(net: Case) -> Plan:
    return raise_model(run_passes(to_ir(lowered(net))))


@pytest.mark.parametrize("net", [net for net in CASES if str(net) not in BY_TENSORFLOW], ids=str)
def test_a_golden_net_gives_what_caffe_gave(net: Case, tmp_path: Path) -> None:
    if str(net) in WRONG_IN_TENSORFLOW and "ai_edge_litert" not in sys.modules:
        pytest.skip("wrong in TensorFlow's copy of LiteRT")
    assert_outputs(net, in_litert(golden_plan(net), feeds(net, lowered(net)), tmp_path))


@pytest.mark.parametrize("net", [net for net in CASES if str(net) in BY_TENSORFLOW], ids=str)
def test_the_rest_says_which_call_has_no_emitter(net: Case) -> None:
    with pytest.raises(UnsupportedError, match=r"\(ops\.\w+\): no \.tflite is written of this"):
        lite_model(golden_plan(net))


def test_an_output_is_a_tensor_of_its_own(tmp_path: Path) -> None:
    """Also one that is an input, or that another output is."""
    net = graph(
        "g (float[b,3] x) => (float[b,3] x, y, z) { a = Relu(x) y = Identity(a) z = Identity(a) }"
    )
    model = written(net, {"x": seeded((2, 3))}, tmp_path)
    assert len({*model.inputs.values(), *model.outputs.values()}) == 4


def test_an_input_that_nothing_reads_is_one(tmp_path: Path) -> None:
    net = graph("g (float[b,3] x, float[b,2] unread) => (y) { y = Relu(x) }")
    model = written(net, {"x": seeded((2, 3)), "unread": seeded((2, 2))}, tmp_path)
    assert [*model.inputs] == ["x", "unread"]


def test_a_convolution_takes_in_what_is_around_it(tmp_path: Path) -> None:
    """The padding before it, the normalisation and the activation behind it."""
    text = (
        "g (float[b,3,6,6] x) => (y) { "
        "c = Conv<pads=[1,1,1,1]>(x, w) n = BatchNormalization(c, s, o, m, v) y = Relu(n) }"
    )
    vectors = {name: seeded((4,), seed) for seed, name in enumerate("som")}
    weights = {"w": seeded((4, 3, 3, 3)), **vectors, "v": np.abs(seeded((4,), 5))}
    model = written(graph(text, weights), {"x": seeded((2, 3, 6, 6))}, tmp_path)
    assert [operator.code for operator in model.operators] == ["CONV_2D"]


def test_a_layer_that_is_applied_again_has_its_weights_once(tmp_path: Path) -> None:
    model = lite_model(golden_plan(case("lstm_basic")))
    kernels = [o.inputs[1] for o in model.operators if o.code == "FULLY_CONNECTED"]
    assert len(set(kernels)) < len(kernels)


def test_a_shape_that_is_not_the_plan_s_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from bridge.tflite import building
    from bridge.tflite.emitters import elementwise

    plan = plan_of(graph("g (float[b,3] x, float[b,3] y) => (z) { z = Add(x, y) }"))
    monkeypatch.setattr(elementwise, "broadcast", lambda one, other: (*one, 1))
    assert building.broadcast((1,), (2,)) == (2,)
    with pytest.raises(UnsupportedError, match="where the plan has"):
        lite_model(plan)
