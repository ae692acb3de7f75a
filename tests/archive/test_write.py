"""Archives of whole plans: they load as what Keras itself saves, and are the same each time."""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import ZipFile

import keras
import numpy as np
import pytest

from bridge.archive import write as module
from bridge.archive.write import write
from bridge.errors import BridgeError, UnsupportedError
from bridge.graph.io import to_ir
from bridge.graph.passes import run_passes
from bridge.layout import Layout
from bridge.raising import raise_model
from bridge.raising.plan import Call, Plan, PlanInput, Ref, Stored
from tests.helpers.archives import loaded_from_archive
from tests.helpers.golden_cases import CASES, Case, case, lowered
from tests.helpers.keras_against_onnx import Raised, assert_right, graph, plan_of, seeded

# Between them the kinds of weights that Caffe's nets have, a layer that is applied several times,
# several inputs and outputs, constants and slices as arguments.
SAMPLE = [
    "bn_scale_relu_inplace",
    "conv_depthwise",
    "deconv_group2",
    "detout_corner",
    "embed_2d",
    "interp_zoom",
    "lstm_static",
    "multi_output",
    "net_lenet",
    "prelu",
]
SMALL = "g (float[b,4] x) => (y) { a = Gemm<transB=1>(x, w, c) s = Sin(a) y = Relu(s) }"
WEIGHTS = {"w": seeded((3, 4)), "c": seeded((3,), 1)}


def plan_of_case(case: Case) -> Plan:
    return raise_model(run_passes(to_ir(lowered(case))))


@pytest.mark.parametrize("name", SAMPLE)
def test_it_loads_as_what_keras_saves(name: str) -> None:
    loaded_from_archive(plan_of_case(case(name)))


@pytest.mark.nightly
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_golden_case_loads_as_what_keras_saves(case: Case) -> None:
    keras.backend.clear_session(free_memory=False)
    try:
        plan = plan_of_case(case)
    except BridgeError:
        return
    loaded_from_archive(plan)


def test_it_computes_what_the_graph_does() -> None:
    model = graph(SMALL, WEIGHTS)
    plan = plan_of(model)
    assert_right(Raised(plan, loaded_from_archive(plan)), model, {"x": seeded((2, 4), 2)})


def test_the_same_plan_gives_the_same_bytes(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one.keras", "two.keras")]
    for path in paths:
        write(plan_of(graph(SMALL, WEIGHTS)), path)
    one, two = (path.read_bytes() for path in paths)
    assert one == two


def test_a_large_file_has_large_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LARGE", 1)
    path = tmp_path / "net.keras"
    write(plan_of(graph(SMALL, WEIGHTS)), path)
    with ZipFile(path) as archive:
        assert archive.testzip() is None
        start = archive.getinfo("model.weights.h5").header_offset
    # The length of the extra field in the member's header: of a record with two sizes of 64 bits.
    assert int.from_bytes(path.read_bytes()[start + 28 : start + 30], "little") == 20
    assert keras.models.load_model(path).count_params() == 15


def test_a_model_without_outputs_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.keras"
    with pytest.raises(UnsupportedError, match="inputs and outputs"):
        write(Plan("net", (), (), (), {}), path)
    assert not path.exists()


def test_what_no_table_has_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "net.keras"
    unknown = Call(2, "f", "ops.no_such_function", (Ref(1),))
    entry = PlanInput(1, "x", "x", ("b", 3), "float32")
    plan = Plan("net", (entry,), (unknown,), ("y",), {"y": Stored(Ref(2), Layout.identity(()))})
    with pytest.raises(UnsupportedError, match="no_such_function"):
        write(plan, path)
    assert not path.exists()


def test_the_config_is_plain_json(tmp_path: Path) -> None:
    path = tmp_path / "net.keras"
    write(plan_of(graph(SMALL, WEIGHTS)), path)
    with ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    assert [layer["class_name"] for layer in config["config"]["layers"]] == [
        "InputLayer",
        "Dense",
        "Sin",
        "ReLU",
    ]


def test_a_number_keeps_its_dtype() -> None:
    """Of a number without one, Keras's operations on bits cannot be loaded."""
    text = "g (int64[b,4] x) => (int64[b,4] y) { y = BitwiseXor(x, five) }"
    model = graph(text, {"five": np.int64(5)}, opset=18)
    plan = plan_of(model)
    x = np.arange(8).reshape(2, 4)
    assert_right(Raised(plan, loaded_from_archive(plan)), model, {"x": x})
