"""Recurrent layers of real Caffe whose `cont` is a constant: native layers, in ONNX and in Keras.

The cases feed it. So each is cut off before any stream begins anew, and its `cont` made a constant
that says the same; what Caffe gave up to there cannot depend on what comes later.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from bridge.caffe import Net, read
from bridge.check.runners import KerasRunner, OnnxRunner
from bridge.graph.io import save, to_ir, to_proto
from bridge.graph.passes import run_passes
from bridge.keras.build import build
from bridge.lower import lower
from bridge.lower.model import LoweredModel
from bridge.raising import raise_model
from bridge.translation import translation_map
from tests.helpers.golden_cases import CASES, Case, assert_close, lowered
from tests.helpers.map_evaluation import evaluated

CONT = re.compile(r'layer \{\s*name: "cont".*?\n\}\n', re.DOTALL)
RECURRENT = [case for case in CASES if case.layers & {"LSTM", "RNN"}]
LAYERS = {"LSTM": keras.layers.LSTM, "RNN": keras.layers.SimpleRNN}
# An indicator lets all streams begin with the first step, which some of them do not.
KNOWN = [(case, "DummyData") for case in RECURRENT] + [
    (case, "ContinuationIndicator") for case in RECURRENT if "h0" not in case.inputs
]


@dataclass(frozen=True)
class Cut:
    """A case up to the step before which some stream begins anew."""

    case: Case
    net: Net
    model: LoweredModel
    feeds: dict[str, NDArray[Any]]
    outputs: dict[str, NDArray[Any]]


def cut(case: Case, kind: str, folder: Path) -> Cut:
    cont = case.inputs["cont"]
    anew = np.flatnonzero((cont[1:] != 1).any(axis=1))
    steps, streams = int(anew[0]) + 1 if anew.size else len(cont), cont.shape[1]
    text = {
        "DummyData": "dummy_data_param { data_filler { type: 'constant' value: 1 } shape "
        f"{{ dim: {steps} dim: {streams} }} }}",
        "ContinuationIndicator": "continuation_indicator_param "
        f"{{ time_step: {steps} batch_size: {streams} }}",
    }[kind]
    known = f'layer {{ name: "cont" type: "{kind}" top: "cont" {text} }}\n'
    prototxt = folder / "net.prototxt"
    prototxt.write_text(CONT.sub(known, case.prototxt.read_text()))
    feeds = {
        name: array[:steps] if len(array) == len(cont) else array
        for name, array in case.inputs.items()
        if name != "cont"
    }
    shapes = {name: array.shape for name, array in feeds.items()}
    net = read(prototxt, case.caffemodel, input_shape=shapes)
    model = lower(net, input_shape=shapes)
    outputs = {name: x[:steps] for name, x in case.outputs.items() if len(x) == len(cont)}
    return Cut(case, net, model, feeds, outputs)


@pytest.fixture(params=KNOWN, ids=lambda param: "-".join(map(str, param)))
def known(request: pytest.FixtureRequest, tmp_path: Path) -> Cut:
    return cut(*request.param, tmp_path)


def test_onnx_has_its_own_operator(known: Cut, tmp_path: Path) -> None:
    proto = to_proto(known.model)
    onnx.checker.check_model(proto, full_check=True)
    kinds = {node.op_type for node in proto.graph.node}
    assert kinds & {"LSTM", "RNN"} == known.case.layers & {"LSTM", "RNN"}
    assert "Split" not in kinds
    results = OnnxRunner(save(known.model, tmp_path / "net.onnx")).run(known.feeds)
    for name, expected in known.outputs.items():
        assert_close(results[name], expected, name)


@pytest.mark.parametrize("io_layout", ["channels_last", "onnx"])
def test_keras_has_its_own_layer(known: Cut, io_layout: Any) -> None:
    graph = run_passes(to_ir(known.model))
    plan = raise_model(graph, io_layout)
    model = build(plan)
    for layer in known.net.layers:
        if layer.type in LAYERS:
            layers = [x for x in model.layers if x.name.startswith(layer.name)]
            assert [type(candidate) for candidate in layers].count(LAYERS[layer.type]) == 1
            assert layer.type != "LSTM" or type(model.get_layer(layer.name)) is keras.layers.LSTM
    results = KerasRunner(model, plan).run(known.feeds)
    for name, expected in known.outputs.items():
        assert_close(np.asarray(results[name]), expected, name)


def test_the_expressions_make_keras_weights_of_caffes(known: Cut) -> None:
    plan = raise_model(run_passes(to_ir(known.model)))
    arrays = {
        (call.name, role): weight.array()
        for call in plan.calls
        for role, weight in call.weights.items()
    }
    weights = translation_map(plan, known.model).weights
    assert {"kernel", "recurrent_kernel", "bias"} <= {weight.role for weight in weights}
    for weight in weights:
        assert all(source.layer for source in weight.sources)
        role = "recurrent" if weight.role == "recurrent_kernel" else weight.role
        expected = arrays[weight.layer, role]
        np.testing.assert_array_equal(evaluated(weight, known.net, {}), expected, str(weight))


@pytest.mark.parametrize("case", RECURRENT, ids=str)
def test_what_is_spelled_out_step_by_step_has_caffes_weights_once(case: Case) -> None:
    model = build(raise_model(run_passes(to_ir(lowered(case)))))
    blobs = [blob for layer in read(case.prototxt, case.caffemodel).layers for blob in layer.blobs]
    unread = 4 * 6 * 6 if str(case) == "lstm_one_step" else 0  # no step goes before the first
    assert model.count_params() == sum(int(np.prod(blob.shape)) for blob in blobs) - unread
