from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.caffe.net import Blob, Layer
from bridge.errors import GraphError, Location, WeightsError
from bridge.layout import Span
from bridge.lower.emitter import Emitter
from bridge.lower.values import FLOAT, INT64

WHERE = Location("net.prototxt", 7)


def layer(*blobs: Blob, name: str = "l", type_: str = "Type") -> Layer:
    return Layer(name, type_, (), (), WHERE, blobs=blobs)


def blob(*shape: int, span: Span | None = None) -> Blob:
    return Blob(shape, lambda: np.zeros(shape, np.float32), span)


def unreadable() -> NDArray[Any]:
    raise AssertionError("a weight was read")


def test_shape_and_type_are_known_at_once() -> None:
    e = Emitter()
    x = e.input("x", ("batch", 3, 8, 8))
    y = e.Conv(x, e.constant(np.zeros((4, 3, 3, 3), np.float32), "w"), pads=[1, 1, 1, 1])
    assert (y.dtype, y.shape, y.rank) == (FLOAT, ("batch", 4, 8, 8), 4)
    assert e.ArgMax(y, axis=1).dtype == INT64


def test_numbers_become_constants_named_by_their_operand() -> None:
    e = Emitter()
    x = e.input("x", (2, 6))
    with e.layer(layer(), [(3, 4)]):
        y = e.Reshape(e.Clip(x, 0.0, 6.0), [3, 4])
    assert y.shape == (3, 4)
    assert {name: (w.dtype, w.array().tolist()) for name, w in e.weights.items()} == {
        "l.min": ("float32", 0.0),
        "l.max": ("float32", 6.0),
        "l.shape": ("int64", [3, 4]),
    }


def test_what_onnx_refuses_is_a_graph_error_with_the_layer() -> None:
    e = Emitter()
    a, b = e.input("a", (2, 3)), e.input("b", (2, 4))
    with e.layer(layer(), []), pytest.raises(GraphError, match=r"net.prototxt:7, layer 'l'"):
        e.MatMul(a, b)


def test_an_operator_that_the_opset_has_not() -> None:
    with pytest.raises(GraphError, match="opset 17 has no Gelu"):
        Emitter().Gelu(Emitter().input("x", (1,)))
    with pytest.raises(AttributeError):
        Emitter().gelu  # noqa: B018


def test_a_size_of_the_data_is_an_error_unless_asked_for() -> None:
    e = Emitter()
    x = e.input("x", (4,))
    with pytest.raises(GraphError, match="axis 1"):
        e.NonZero(x)
    with e.dynamic():
        assert e.NonZero(x).shape == (1, "/nonzero_2.1")


def test_reshape_copies_a_symbol_where_it_is_and_deduces_it_elsewhere() -> None:
    e = Emitter()
    x = e.input("x", ("batch", 2, 6))
    assert e.reshape(x, ("batch", 2, 6)) is x
    assert e.reshape(x, ("batch", 12)).shape == ("batch", 12)
    assert e.reshape(x, (12, "batch")).shape == (12, "batch")
    assert [w.array().tolist() for w in e.weights.values()] == [[0, 12], [12, -1]]


def test_declared_shapes_cannot_contradict_inference() -> None:
    e = Emitter()
    y = e.Relu(e.input("x", ("batch", 2)))
    with pytest.raises(GraphError, match="cannot have this shape"):
        e.declared(y, ("batch", 3))


@pytest.mark.parametrize(("opset", "inputs"), [(13, 1), (17, 1), (18, 2)])
def test_reductions_take_their_axes_as_the_opset_has_it(opset: int, inputs: int) -> None:
    e = Emitter(opset)
    y = e.reduce("ReduceMax", e.input("x", (2, 3, 4)), [1, 2], keepdims=False)
    assert y.shape == (2,)
    assert len(e.nodes[-1].input) == inputs


class TestWeights:
    def test_are_not_read(self) -> None:
        e = Emitter()
        with e.layer(layer(Blob((4, 3), unreadable)), []):
            e.Gemm(e.input("x", (1, 3)), e.weight(e.blob(0, (4, 3)), "weight"), transB=1)
        assert list(e.weights) == ["l.weight"]

    def test_used_twice_are_one(self) -> None:
        span = Span(Path("net.caffemodel"), 8, 16)
        e = Emitter()
        with e.layer(layer(blob(4, span=span)), []):
            first = e.weight(e.blob(0, (4,)), "bias")
        with e.layer(layer(blob(4, span=span), name="other"), []):
            again = e.weight(e.blob(0, (4,)), "bias")
            reshaped = e.weight(e.blob(0, (4, 1)), "bias")
        assert again is first
        assert reshaped.name == "other.bias"

    def test_of_legacy_shape_are_seen_in_their_own(self) -> None:
        e = Emitter()
        with e.layer(layer(blob(1, 1, 4, 3)), []):
            assert e.weight(e.blob(0, (4, 3)), "weight").shape == (4, 3)

    @pytest.mark.parametrize(("index", "problem"), [(0, "does not fit"), (1, "too few")])
    def test_of_another_net_are_refused(self, index: int, problem: str) -> None:
        e = Emitter()
        with e.layer(layer(blob(4, 3)), []), pytest.raises(WeightsError, match=problem):
            e.blob(index, (5, 3))


class TestNames:
    def test_the_node_that_makes_the_top_has_the_layers_name(self) -> None:
        e = Emitter(reserved=["y"])
        with e.layer(layer(), [(2, 6)]):
            y = e.Relu(e.Flatten(e.input("x", (2, 3, 2))))
            e.name_tops(["y"], [y])
        assert [(node.name, *node.output) for node in e.nodes] == [
            ("l/flatten", "l/flatten"),
            ("l", "y"),
        ]
        assert e.values["y"].shape == (2, 6)

    def test_are_never_given_twice(self) -> None:
        e = Emitter(reserved=["x", "y", "z", "l.slope", "l/relu"])
        x = e.input("x", (2, 3))
        for top in ("y", "z"):
            with e.layer(layer(), [(2, 3)]):
                e.name_tops([top], [e.PRelu(e.Relu(x), 0.5)])
        assert [node.name for node in e.nodes] == ["l/relu_2", "l", "l/relu_3", "l_2"]
        assert list(e.weights) == ["l.slope_2", "l.slope_3"]

    def test_a_result_that_is_no_new_value_goes_through_identity(self) -> None:
        e = Emitter(reserved=["x", "a", "b"])
        x = e.input("x", (2, 3))
        with e.layer(layer(), [(2, 3), (2, 3)]):
            e.name_tops(["a", "b"], [x, x])
        assert [(node.op_type, *node.input, *node.output) for node in e.nodes] == [
            ("Identity", "x", "a"),
            ("Identity", "x", "b"),
        ]

    def test_of_data_dependent_sizes_are_the_tops(self) -> None:
        e = Emitter(reserved=["x", "y"])
        x = e.input("x", (4, 2))
        with e.layer(layer(), [(-1, 2)]), e.dynamic():
            rows = e.Compress(x, e.constant(np.ones(4, bool), "chosen"), axis=0)
            e.name_tops(["y"], [rows])
        assert e.values["y"].shape == ("y.0", 2)


def test_a_weight_is_made_of_its_blobs_or_of_others_instead() -> None:
    e = Emitter()
    halves, wholes = blob(3), blob(1)
    with e.layer(layer(halves, wholes), []):
        value = e.computed((3,), lambda x, s: x + s, "mean", halves, wholes)
    weight = e.weights[value.name]
    assert weight.sources == (halves, wholes)
    np.testing.assert_array_equal(weight.array(), [0, 0, 0])
    others = {halves: np.arange(3), wholes: np.array(5)}
    np.testing.assert_array_equal(weight.computed_from(others.get), [5, 6, 7])
