"""An ONNX file, run whole and in parts."""

from __future__ import annotations

import tracemalloc
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from bridge.check.backends import onnx as side
from bridge.check.backends.onnx import OnnxBackend
from bridge.check.backends.runtimes import runtime
from bridge.errors import GraphError, UsageError
from tests.helpers.keras_against_onnx import graph, in_onnxruntime, seeded

Array = NDArray[np.float32]

CHAIN = """g (float[b,4] x) => (float[b,4] y) {
    a = Relu(x)  b1 = Add(a, one)  c = Mul(b1, a)  d = Sub(c, x)  y = Sigmoid(d)
}"""


@pytest.fixture
def chain(tmp_path: Path) -> OnnxBackend:
    path = tmp_path / "chain.onnx"
    onnx.save(graph(CHAIN, {"one": np.float32([1, 2, 3, 4])}), path)
    return OnnxBackend(path, runtime("onnxruntime"))


def one_at_a_time() -> AbstractContextManager[object]:
    return patch.multiple(side, FIRST_VALUES=1, BYTES_AT_A_TIME=1)


X = {"x": seeded((3, 4))}
VALUES = ["a", "b1", "c", "d", "y"]


def expected() -> dict[str, Array]:
    model = graph(CHAIN, {"one": np.float32([1, 2, 3, 4])})
    model.graph.output.extend(model.graph.value_info)
    return in_onnxruntime(model, X)


@pytest.mark.parametrize("first", [1, 2, 3, 24])
@pytest.mark.parametrize("size", [1, 100, 1 << 20])
def test_parts_give_what_the_whole_gives(chain: OnnxBackend, first: int, size: int) -> None:
    with patch.multiple(side, FIRST_VALUES=first, BYTES_AT_A_TIME=size):
        values = dict(chain.run(X, VALUES))
    assert values.keys() == set(VALUES)
    for name, array in expected().items():
        np.testing.assert_allclose(values[name], array, rtol=1e-6)


def test_only_what_is_wanted_is_given(chain: OnnxBackend) -> None:
    assert [name for name, _ in chain.run(X, ["c"])] == ["c"]
    assert [name for name, _ in chain.run(X, [])] == []


def test_parts_hold_no_more_than_later_ones_read(chain: OnnxBackend) -> None:
    """x and a are read late: they are kept; b1 is not."""
    requests: list[list[str]] = []
    model = chain._model

    def watched(nodes: object, feeds: dict[str, Array], gives: object) -> onnx.ModelProto:
        requests.append(sorted(feeds))
        return model(nodes, feeds, gives)

    with one_at_a_time(), patch.object(chain, "_model", watched):
        list(chain.run(X, ["a", "b1", "c", "d"]))
    assert requests == [["x"], ["a"], ["a", "b1"], ["c", "x"]]


def test_what_is_held_is_bounded_by_bytes(tmp_path: Path) -> None:
    """60 values of a megabyte each: the parts grow to four megabytes and no further."""
    names = ["x", *(f"v{i}" for i in range(59)), "y"]
    nodes = [onnx.helper.make_node("Relu", [a], [b]) for a, b in pairwise(names)]
    model = graph("g (float[b,262144] x) => (float[b,262144] y) { y = Relu(x) }")
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, tmp_path / "long.onnx")
    long = OnnxBackend(tmp_path / "long.onnx", runtime("onnxruntime"))
    feeds = {"x": seeded((1, 1 << 18))}
    list(long.run(feeds, ["y"]))
    tracemalloc.start()
    try:
        with patch.object(side, "BYTES_AT_A_TIME", 4 << 20):
            total = sum(array.nbytes for _, array in long.run(feeds, names[1:]))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 60 << 20
    assert peak < 8 << 20


def test_a_runtime_is_not_asked_for_copies(tmp_path: Path) -> None:
    """pnnx ends where an output is a copy of another."""
    text = """g (float[b,4] x) => (float[b,4] y) {
        a = Relu(x)  c = Identity(a)  d = Identity(c)  y = Neg(d)  z = Identity(x)
    }"""
    path = tmp_path / "net.onnx"
    onnx.save(graph(text, {}), path)
    backend = OnnxBackend(path, runtime("onnxruntime"))
    with patch.object(backend, "_model", wraps=backend._model) as model:
        values = dict(backend.run(X, ["a", "c", "d", "z"]))
    asked = [name for call in model.call_args_list for name in call.args[2]]
    assert asked == ["a"]
    for name in "acd":
        np.testing.assert_array_equal(values[name], np.maximum(X["x"], 0))
    np.testing.assert_array_equal(values["z"], X["x"])


def test_where_inner_values_may_be_wrong_a_part_has_one(tmp_path: Path, chain: OnnxBackend) -> None:
    """MNN gives an activation's value for what it reads, if that is an output as well."""
    careful = replace(runtime("onnxruntime"), inner_values=False)
    backend = OnnxBackend(tmp_path / "chain.onnx", careful)
    with patch.object(backend, "_model", wraps=backend._model) as model:
        values = dict(backend.run(X, VALUES[:-1]))
    assert [call.args[2] for call in model.call_args_list] == [[name] for name in VALUES[:-1]]
    for name, array in chain.run(X, VALUES[:-1]):
        np.testing.assert_allclose(values[name], array, rtol=1e-6)


def test_it_knows_where_values_come_from(chain: OnnxBackend) -> None:
    assert list(chain.values) == VALUES
    assert chain.outputs == ("y",)
    assert chain.inputs == {"x": (("b", 4), "float32")}
    assert chain.origins["b1"].operator == "Add"
    assert chain.origins["b1"].inputs == ("a",)


def test_constants_of_branches_and_values_around_them_are_found(tmp_path: Path) -> None:
    """What a branch reads from outside must be given to the part that holds the If."""
    text = """g (float[2] x, bool c) => (float[2] y) {
        a = Relu(x)
        y = If(c) <then_branch = t () => (float[2] t1) { t1 = Add(a, one) },
                   else_branch = e () => (float[2] e1) { e1 = Neg(x) }>
    }"""
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["":17]>\n{text}')
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.float32([1, 1]), "one"))
    onnx.save(model, tmp_path / "if.onnx")
    backend = OnnxBackend(tmp_path / "if.onnx", runtime("onnxruntime"))
    feeds = {"x": np.float32([-1, 2]), "c": np.array(True)}
    with one_at_a_time():
        values = dict(backend.run(feeds, ["a", "y"]))
    np.testing.assert_array_equal(values["y"], [1, 3])


def test_weights_beside_the_file_are_found(tmp_path: Path) -> None:
    text = "g (float[b,64] x) => (float[b,64] y) { p = MatMul(x, w)  y = Relu(p) }"
    x, path = {"x": seeded((2, 64))}, tmp_path / "net.onnx"
    whole = graph(text, {"w": seeded((64, 64))})
    y = in_onnxruntime(whole, x)["y"]
    onnx.save(whole, path, save_as_external_data=True, location="net.data", size_threshold=0)
    assert (tmp_path / "net.data").is_file()
    for name in ("onnxruntime", "reference"):
        values = dict(OnnxBackend(path, runtime(name)).run(x, ["p", "y"]))
        np.testing.assert_allclose(values["y"], y, atol=1e-5)
    (tmp_path / "net.data").unlink()
    with pytest.raises(GraphError, match="the weight 'w' is missing"):
        OnnxBackend(path, runtime("onnxruntime"))


@pytest.mark.parametrize("name", ["reference", "opencv"])
def test_other_runtimes_give_the_same(chain: OnnxBackend, name: str) -> None:
    if name == "opencv":
        pytest.importorskip("cv2")
    chain._runtime = runtime(name)
    for value, array in chain.run(X, VALUES):
        np.testing.assert_allclose(array, expected()[value], rtol=1e-5)


def test_what_is_no_onnx_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("not at all", encoding="utf-8")
    (tmp_path / "empty.onnx").touch()
    for path in tmp_path.iterdir():
        with pytest.raises(GraphError, match="not an ONNX file"):
            OnnxBackend(path, runtime("onnxruntime"))
    with pytest.raises(UsageError, match="cannot read the ONNX graph"):
        OnnxBackend(tmp_path / "missing.onnx", runtime("onnxruntime"))


def test_a_runtime_must_be_known_and_there() -> None:
    with pytest.raises(UsageError, match="unknown runtime"):
        runtime("caffe3")


def test_what_a_runtime_refuses_is_told_in_a_line(chain: OnnxBackend) -> None:
    with pytest.raises(GraphError, match=r"onnxruntime [0-9.]+ refuses the graph"):
        list(chain.run({"x": seeded((3, 5))}, ["y"]))
