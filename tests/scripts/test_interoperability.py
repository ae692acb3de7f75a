"""scripts/interoperability: its cells are real checks, and its page says what they gave."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest

import bridge
from tests.helpers.small_net import PROTOTXT, Small, weights

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Here:
    """This very environment, for one of the script's own."""

    python: Path = Path(sys.executable)
    variables: Any = None
    name: str = "here"


@pytest.fixture
def module(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> ModuleType:
    monkeypatch.setattr(sys, "path", [*sys.path])  # the script adds its own
    loaded = script("_interoperability.py")
    loaded.BUILD = tmp_path / "build"
    loaded.RESULTS = loaded.BUILD / "results.json"
    loaded.BUILD.mkdir()
    return loaded


@pytest.fixture
def net(module: ModuleType, tmp_path: Path) -> Any:
    """The small net in a folder such as the script looks for, with a recording of its outputs."""
    folder = tmp_path / "nets" / "small"
    folder.mkdir(parents=True)
    small = Small(tmp_path).write(PROTOTXT, weights())
    small.prototxt.rename(folder / "deploy.prototxt")
    small.caffemodel.rename(folder / "weights.caffemodel")
    x = np.random.default_rng(0).uniform(-1, 1, (2, 3, 16, 16)).astype(np.float32)
    model = bridge.onnx_to_keras(small.onnx, io_layout="onnx")
    np.savez(folder / "io.npz", **{"in/data": x, "out/prob": np.asarray(model(x))})
    return module.Net(folder)


def cell(module: ModuleType, net: Any, *arguments: str, reasons: Mapping[str, str] = {}) -> Any:
    return module.checked(net, module.Column("this", Here(variables={}), arguments), reasons)


def test_a_cell_is_a_check(module: ModuleType, net: Any) -> None:
    assert net.convert(module.COLUMNS) == {}
    outcome = cell(module, net, "{onnx}")
    assert (outcome.ok, outcome.blobs, outcome.reason) == (True, 1, "")
    assert outcome.error < 1e-5
    assert cell(module, net, "{keras}", "--graph", "{onnx}").ok
    assert cell(module, net, "{tflite}", "--graph", "{onnx}").ok
    assert "onnxruntime" in outcome.versions


def test_the_graph_is_that_of_the_runtime(module: ModuleType, net: Any) -> None:
    """With the recording's batch, which is not the one that `--for` would choose."""
    tract = next(column for column in module.COLUMNS if column.name == "tract")
    assert tract.arguments[0] == "{for-tract}"
    net.convert([tract])
    (entry,) = onnx.load(net.files["for-tract"]).graph.input
    assert entry.type.tensor_type.shape.dim[0].dim_value == 2


def test_earlier_results_stand_in_the_order_of_the_columns(module: ModuleType) -> None:
    assert module.earlier() == {}
    old, new = module.Cell(1e-6, 3, ok=True, commit="one"), module.Cell(reason="no", commit="two")
    cells = module.keep({("net", "tract"): new, ("net", "onnxruntime"): old})
    assert [*cells] == [("net", "onnxruntime"), ("net", "tract")]
    assert module.earlier() == cells
    assert module.commits(cells) == "- one: onnxruntime\n- two: tract"


def test_what_differs_is_bold_and_what_is_refused_has_a_reason(
    module: ModuleType, net: Any
) -> None:
    net.convert(module.COLUMNS[:1])
    assert not net.files["keras"].exists()
    wrong = PROTOTXT.replace("k: 2", "k: 1")
    Small(net.files["onnx"].parent).write(wrong, weights())
    assert str(cell(module, net, "{onnx}")).startswith("**")
    refused = cell(module, net, "{onnx}", "--batch", "0")
    assert (str(refused), refused.reason) == ("–", "error: batch cannot be this received: 0 (int)")
    unmade = cell(module, net, "{tflite}", reasons={"tflite": "no such operator"})
    assert unmade.reason == "no such operator"


def test_the_page_has_a_paragraph_for_each_net_and_all_reasons(module: ModuleType) -> None:
    nets = [module.Net(Path("one")), module.Net(Path("two"))]
    good = module.Cell(2e-6, 7, ok=True, versions={"onnx": "1.2"})
    cells = {(n.folder.name, c.name): good for n in nets for c in module.COLUMNS}
    cells["two", "LiteRT"] = module.Cell(reason="no such operator")
    cells["one", "tract"] = module.Cell(0.5, 7, versions={"onnx": "1.2"})
    text = module.page(nets, cells)
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    by_runtime = {name: numbers for name, *numbers in rows[2:]}
    assert by_runtime.keys() == {column.name for column in module.COLUMNS}
    assert by_runtime["LiteRT"] == ["1", "0", "1"]
    assert by_runtime["tract"] == ["1", "1", "0"]
    assert by_runtime["TVM"] == ["2", "0", "0"]
    (one,) = [line for line in text.splitlines() if line.startswith("**one**: ")]
    assert one.count("2e-06 (7)") == len(module.COLUMNS) - 1
    assert "tract **5e-01 (7)**" in one
    assert "two in LiteRT: no such operator" in text
    assert "onnxruntime: onnx 1.2" in text
