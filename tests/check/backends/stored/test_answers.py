"""What the process of a model answers is the same on the other side, and of known classes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from bridge.check.backends.backend import Origin
from bridge.check.backends.exported import Exported, Port
from bridge.check.backends.runtime_process import RuntimeEndedError
from bridge.check.backends.stored.answers import packed, unpacked
from bridge.check.backends.stored.opening import KerasFile
from bridge.errors import BridgeError, GraphError, InternalError, Location, WeightsError
from bridge.graph.io import ports
from bridge.layout import Layout
from bridge.types import Array


def answered(value: object) -> Any:
    arrays: list[Array] = []
    tree = packed(value, arrays)
    return unpacked({"answer": tree}, arrays)


CONCATENATED = Layout.concatenated([Layout.ordered((4,), (0,)), Layout(((2, 3),), ((1, 0),))])
VALUES: Mapping[str, object] = {
    "numbers": (1, 2.5, True, None, "text", float("inf"), -(2**63)),
    "containers": {"x": ((1, "batch"), "float32"), (1, 2): [frozenset({"float16"})], "e": ()},
    "an origin": {"y": Origin("conv", "Conv2D", ("x", "w"))},
    "a Keras model": KerasFile("net", (("x", (None, 2)),), {"y": "Dense"}, None),  # type: ignore[arg-type]
    "an export": Exported("net", (Port("x", (1, None), "int8"),), (), None, frozenset(("int8",))),  # type: ignore[arg-type]
    "a layout": ports.Port("x", Layout.ordered(("n", 3, 4, "w"), (0, 2, 3, 1)), "float32"),
    "a concatenated axis": CONCATENATED,
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_is_the_same(name: str) -> None:
    value = VALUES[name]
    result = answered(value)
    assert result == value
    assert type(result) is type(value)


def test_arrays_and_numbers_of_numpy() -> None:
    name, array, size = answered(("y", np.float32([[1, 2]]), np.int64(3)))
    assert (name, size, type(size)) == ("y", 3, int)
    assert array.dtype == np.float32
    assert array.tolist() == [[1, 2]]


def test_a_graph() -> None:
    proto = onnx.ModelProto(ir_version=8, producer_name="bridge")
    port = ports.Port("x", Layout.identity((1, 2)), "float32")
    assert answered(ports.Exported(proto, (port,), ())) == ports.Exported(proto, (port,), ())


def test_an_error_has_its_parts() -> None:
    error = WeightsError(
        "broken", where=Location("a", 3), expected=2, received=b"x", hint="h", lines=("l",)
    )
    error.warnings = ("before",)
    same = answered(error)
    assert (type(same), str(same), same.warnings) == (WeightsError, str(error), ("before",))
    assert type(answered(InternalError("fault"))) is InternalError
    assert type(answered(RuntimeEndedError("ended"))) is GraphError


def test_objects_are_refused() -> None:
    with pytest.raises(GraphError, match="no number"):
        answered(np.array([b"a", {}], object))
    with pytest.raises(TypeError, match="none of the classes"):
        answered(Path("a"))


@pytest.mark.parametrize(
    "tree",
    [
        ["pathlib.Path", ["a"]],
        ["builtins.eval", ["1"]],
        ["array", 0],
        ["array"],
        ["tuple", 3],
        ["frozenset", [["list", []]]],
        ["bridge.layout.layout.Layout", [["tuple", []]]],
        ["error", ["Location", "x"]],
        {"answer": 1},
        [],
    ],
    ids=str,
)
def test_what_is_no_value_is_none(tree: object) -> None:
    with pytest.raises(ValueError, match=r".*"):
        unpacked({"answer": tree}, [])
    assert not issubclass(BridgeError, ValueError)


def test_an_endless_tree_is_none() -> None:
    tree: object = None
    for _ in range(10_000):
        tree = ["list", [tree]]
    with pytest.raises(ValueError, match="no value"):
        unpacked({"answer": tree}, [])
