"""Runtimes in processes of their own: what goes in and comes out, and what one that ends leaves.

tract is a stand-in here (stand_in/tract.py), as is onnxruntime-web; OpenCV is itself.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import onnx
import pytest

from bridge.check.backends import runtime_process, runtime_server
from bridge.check.backends.runtime_process import NODE, VARIABLE, RuntimeEndedError
from bridge.check.backends.runtimes import RUNTIMES, runtime
from bridge.cli.check import RuntimeName
from bridge.errors import GraphError, UsageError
from tests.helpers.keras_against_onnx import graph

TWO = "g (float[2,3] a, float[2,3] b) => (float[2,3] y, bool[2,3] z, float s)"
BODY = "{ y = Sub(a, b)  z = Less(a, b)  s = ReduceSum<keepdims=0>(y) }"
FEEDS = {"a": np.float32([[1, 2, 3], [4, 5, 6]]), "b": np.float32([[3, 0, 9], [1, 1, 1]])}


@pytest.fixture(autouse=True)
def own_processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The stand-in beside bridge, and no process that another test has started, or will find."""
    monkeypatch.syspath_prepend(Path(__file__).with_name("stand_in"))
    runtime_process.process.cache_clear()
    yield
    for name in ("tract", NODE):
        entry = RUNTIMES[name]
        if runtime_process.process.cache_info().currsize:
            entry._process.close()
    runtime_process.process.cache_clear()


def named(name: str) -> onnx.ModelProto:
    model = graph(f"{TWO} {BODY}", {})
    model.graph.name = name
    return model


def test_arrays_go_there_and_back(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    y, z, s = runtime("tract").ready(named("plain"), tmp_path)(FEEDS)
    np.testing.assert_array_equal(y, FEEDS["a"] - FEEDS["b"])
    np.testing.assert_array_equal(z, FEEDS["a"] < FEEDS["b"])
    assert (y.dtype, z.dtype, s.shape, float(s)) == (np.float32, bool, (), 6)
    assert str(RUNTIMES["tract"]) == "tract 0.1"
    assert capfd.readouterr().out == ""


def test_names_of_sizes_that_are_numbers_are_left_out(tmp_path: Path) -> None:
    model = named("plain")
    dim = model.graph.output[0].type.tensor_type.shape.dim[0]
    dim.dim_param = "batch"
    assert len(runtime("tract").ready(model, tmp_path)(FEEDS)) == 3
    assert dim.dim_param == "batch"


def test_a_refusal_is_no_end(tmp_path: Path) -> None:
    tract = runtime("tract")
    with pytest.raises(GraphError, match="cannot run the graph") as e:
        tract.ready(named("refused"), tmp_path)(FEEDS)
    assert (type(e.value), e.value.received) == (GraphError, "no operator of this name")
    process = tract._process._process
    assert len(tract.ready(named("plain"), tmp_path)(FEEDS)) == 3
    assert tract._process._process is process


def test_after_an_end_the_next_graph_gets_a_new_process(tmp_path: Path) -> None:
    tract = runtime("tract")
    with pytest.raises(RuntimeEndedError, match=r"tract 0\.1 cannot run the graph") as e:
        tract.ready(named("crash"), tmp_path)(FEEDS)
    assert e.value.received == "its process ended with SIGSEGV: the last words"
    assert len(tract.ready(named("plain"), tmp_path)(FEEDS)) == 3


def test_a_graph_is_loaded_once_for_several_runs(tmp_path: Path) -> None:
    run = runtime("tract").ready(named("plain"), tmp_path)
    run(FEEDS)
    model = runtime("tract").ready(named("other"), tmp_path)
    for factor in (2, 3):
        (y, *_) = run({name: factor * array for name, array in FEEDS.items()})
        np.testing.assert_array_equal(y, factor * (FEEDS["a"] - FEEDS["b"]))
        model(FEEDS)


def test_an_environment_is_found_by_the_runtimes_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "tract" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho \'{"version": "7.7", "arrays": []}\'\n', encoding="utf-8")
    python.chmod(0o755)
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert str(runtime("tract")) == "tract 7.7"


@pytest.mark.parametrize(
    ("program", "message"),
    [("exit 3", "cannot be started\n  received: .* status 3"), ("", "Exec format error")],
)
def test_an_interpreter_that_does_not_start_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, message: str
) -> None:
    python = tmp_path / "tract" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\n{program}\n" if program else "", encoding="utf-8")
    python.chmod(0o755)
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(UsageError, match=message):
        runtime("tract")


@pytest.mark.parametrize("name", ["tvm", "opencv4"])
def test_what_is_not_installed_is_said(name: str) -> None:
    """OpenCV 5 is, and not the 4 that is asked for."""
    with pytest.raises(UsageError, match=f"{name} is not installed"):
        runtime(name)


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
def test_node_speaks_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / NODE / "node_modules" / NODE
    (package / "dist").mkdir(parents=True)
    exports = {"version": "9.9", "exports": {"./wasm": "./dist/wasm.js"}}
    (package / "package.json").write_text(json.dumps(exports), encoding="utf-8")
    (package / "dist" / "wasm.js").write_text(WASM, encoding="utf-8")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    web = runtime(NODE)
    assert str(web) == f"{NODE} 9.9"
    y, z, s = web.ready(named("plain"), tmp_path)(FEEDS)
    np.testing.assert_array_equal(y, 2 * FEEDS["a"])
    np.testing.assert_array_equal(z, [[True, False, True], [False, False, False]])
    assert (s.shape, float(s)) == ((), 7)
    with pytest.raises(GraphError, match="cannot run") as e:
        web.ready(named("refused"), tmp_path)(FEEDS)
    assert e.value.received == "no such kernel"


WASM = """
class Tensor {
  constructor(type, data, dims) { Object.assign(this, { type, data, dims }); }
}
const run = async ({ a }, names) => ({
  y: new Tensor("float32", a.data.map((x) => 2 * x), a.dims),
  z: new Tensor("bool", new Uint8Array([1, 0, 1, 0, 0, 0]), [2, 3]),
  s: new Tensor("float32", new Float32Array([7]), []),
});
const InferenceSession = {
  create: async (bytes) => {
    console.log("what a runtime prints");
    if (Buffer.from(bytes).includes("refused")) throw new Error("no such kernel");
    return { run, release: async () => {} };
  },
};
module.exports = { InferenceSession, Tensor, env: {} };
"""


def test_the_tables_agree() -> None:
    served = {entry.adapter or name for name, entry in RUNTIMES.items() if entry.open is None}
    assert served == {*runtime_server.LOADERS, NODE}
    assert set(get_args(RuntimeName)) == RUNTIMES.keys()
