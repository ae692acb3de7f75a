"""Scripts of whole nets: they read well, and compute what the net does."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bridge.caffe import read
from bridge.caffe.match import with_filled_weights
from bridge.check.runners import KerasRunner
from bridge.errors import BridgeError
from bridge.graph.io import to_ir
from bridge.graph.passes import run_passes
from bridge.lower import lower
from bridge.raising import raise_model
from bridge.raising.plan import Plan
from tests.helpers.golden_cases import CASES, Case, assert_close, case, lowered
from tests.helpers.keras_against_onnx import graph, plan_of
from tests.script.scripts import assert_clean, loaded_from_script, text_of

ROOT = Path(__file__).parents[2]
# Between them functions of keras.ops, and a layer that is applied again.
SAMPLE = ["interp_zoom", "shared_conv"]
DIGITS = '''\
def build():
    """The model, whose weights are not the trained ones."""
    keras.config.set_image_data_format("channels_last")
    data = keras.Input((8, 8, 1), name="data")  # h w c: 8 8 1
    x = layers.Conv2D(20, 3, padding="same", name="conv1")(data)  # h w c: 8 8 20
    x = layers.MaxPooling2D(2, name="pool1")(x)  # h w c: 4 4 20
    x = layers.Conv2D(50, 3, padding="same", name="conv2")(x)  # h w c: 4 4 50
    x = layers.MaxPooling2D(2, name="pool2")(x)  # h w c: 2 2 50
    x = layers.Flatten(name="ip1>flatten")(x)  # (h w c): 200
    x = layers.Dense(128, name="ip1")(x)  # c: 128
    x = layers.ReLU(name="relu1")(x)  # c: 128
    x = layers.Dense(10, name="ip2")(x)  # c: 10
    prob = layers.Softmax(name="prob")(x)  # c: 10
    return keras.Model(data, prob, name="digits-lenet")
'''


def plan_of_text(text: str, path: Path) -> Plan:
    path.write_text(text)
    return raise_model(run_passes(to_ir(lower(with_filled_weights(read(path))))))


def plan_of_case(case: Case) -> Plan:
    return raise_model(run_passes(to_ir(lowered(case))))


def test_a_net_reads_as_a_person_would_write_it() -> None:
    net = with_filled_weights(read(ROOT / "models" / "digits-lenet" / "deploy.prototxt"))
    text = text_of(raise_model(run_passes(to_ir(lower(net)))))
    assert DIGITS in text
    assert_clean(text)


def assert_computes(case: Case, folder: Path) -> None:
    plan = plan_of_case(case)
    results = KerasRunner(loaded_from_script(plan, folder / "net.py"), plan).run(case.inputs)
    for name in results.keys() & case.outputs.keys():
        assert_close(results[name], case.outputs[name], name)
    assert_clean((folder / "net.py").read_text())


@pytest.mark.parametrize("name", SAMPLE)
def test_it_computes_what_caffe_does(name: str, tmp_path: Path) -> None:
    assert_computes(case(name), tmp_path)


def test_functions_of_loops_are_functions_too() -> None:
    text = text_of(plan_of_case(case("detout_corner")))
    assert_clean(text)
    functions = {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    called = {
        node.func.id
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert functions == called - {"Path", "slice"}
    assert "ops.scan(" in text


@pytest.mark.nightly
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_golden_case_computes_what_caffe_does(case: Case, tmp_path: Path) -> None:
    try:
        plan_of_case(case)
    except BridgeError:
        return
    assert_computes(case, tmp_path)


UNIT = """
layer {{ name: "conv{0}" type: "Convolution" bottom: "{1}" top: "{0}"
        convolution_param {{ num_output: {2} kernel_size: 1 }} }}
layer {{ name: "bn{0}" type: "BatchNorm" bottom: "{0}" top: "{0}" }}
layer {{ name: "relu{0}" type: "ReLU" bottom: "{0}" top: "{0}" }}
"""
INPUT = """
layer { name: "x" type: "Input" top: "0" input_param { shape { dim: 1 dim: 3 dim: 4 dim: 4 } } }
"""


def test_layers_that_repeat_are_a_function(tmp_path: Path) -> None:
    units = [UNIT.format(number, number - 1, 4 + number % 2) for number in range(1, 9)]
    plan = plan_of_text(INPUT + "".join(units), tmp_path / "net.prototxt")
    text = text_of(plan)
    assert_clean(text)
    function, build = text.partition("def conv_bn_relu(x, name, filters):")[2].split("\n\n\n")[:2]
    assert function.splitlines()[1:] == [
        '    x = layers.Conv2D(filters, 1, name=f"conv{name}")(x)',
        '    x = layers.BatchNormalization(epsilon=1e-05, name=f"bn{name}")(x)',
        '    return layers.ReLU(name=f"relu{name}")(x)',
    ]
    assert build.count("conv_bn_relu(") == 7  # the last has the name of its output
    assert '    x = conv_bn_relu(x, "2", 4)  # h w c: 4 4 4' in build
    loaded_from_script(plan, tmp_path / "net.py")


HOSTILE = [
    '"); import os; os.abort() #',
    "'''\\n",
    '\\", x=(',
    "class",
    "layers",
    "x\\ny",
    "{name}",
]


def test_names_never_become_code(tmp_path: Path) -> None:
    layers = [
        f"layer {{ name: '{number}{name}' type: 'ReLU' bottom: '{number}' top: '{number + 1}' }}"
        for number, name in enumerate(name.replace("'", "\\'") for name in HOSTILE * 2)
    ]
    plan = plan_of_text(INPUT + "\n".join(layers), tmp_path / "net.prototxt")
    for hostile in (plan, replace(plan, name='""" + exit() + """')):
        text = text_of(hostile)
        assert_clean(text)
        tree = ast.parse(text)
        named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert not named & {"os", "exit", "name"}
        strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        assert strings >= {call.name for call in plan.calls}
    loaded_from_script(plan, tmp_path / "net.py")


def test_operations_have_names_where_keras_would_number_them_like_a_layer(tmp_path: Path) -> None:
    model = graph("g (float[b,4] x) => (y) { a = Relu(x) b = Sin(a) c = Exp(b) y = Cos(c) }")
    for node, name in zip(model.graph.node, ("sin_1", "q/sin", "q/exp"), strict=False):
        node.name = name
    loaded_from_script(plan_of(model), tmp_path / "net.py")
    text = (tmp_path / "net.py").read_text()
    assert 'named("q>sin", ops.sin(' in text
    assert "x = ops.exp(x)" in text
    assert 'named("y", ops.cos(' in text


def test_numbers_of_double_precision_stay_as_they_are(tmp_path: Path) -> None:
    text = "g (double[b,2] x) => (y) { y = Mul(x, w) }"
    plan = plan_of(graph(text, {"w": np.array(0.10000000149011612)}))
    assert "0.10000000149011612" in text_of(plan)
    loaded_from_script(plan, tmp_path / "net.py")
