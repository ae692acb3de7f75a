from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest

from bridge.caffe import Net
from bridge.caffe.net import Layer
from bridge.errors import (
    GraphError,
    UnsupportedError,
    UnsupportedLayerError,
    UsageError,
    WeightsError,
)
from bridge.lower import TABLE, Emitter, Value, layer, lower

NetOf = Callable[..., Net]

CHAIN = """
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip"
        inner_product_param { num_output: 2 } }
layer { name: "relu" type: "ReLU" bottom: "ip" top: "ip" }
layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }
"""
WEIGHTS = {"ip": [np.ones((2, 12)), np.zeros(2)]}


def test_names_are_those_of_caffe(net_of: NetOf) -> None:
    model = lower(net_of(CHAIN, WEIGHTS, x=(5, 3, 4)))
    assert [(node.name, *node.output) for node in model.proto.graph.node] == [
        ("ip/flatten", "ip/flatten"),
        ("ip", "ip:ip"),
        ("relu", "ip"),
        ("prob", "prob"),
    ]
    assert list(model.weights) == ["ip.weight", "ip.bias"]


def test_every_value_has_its_shape(net_of: NetOf) -> None:
    model = lower(net_of(CHAIN, WEIGHTS, x=(5, 3, 4)))
    assert model.inputs == {"x": ("batch", 3, 4)}
    assert model.outputs == {"prob": ("batch", 2)}
    assert model.values["ip:ip"] == ("batch", 2)
    graph = model.proto.graph
    described = {info.name for info in (*graph.input, *graph.value_info, *graph.output)}
    assert described == {"x"} | {name for node in graph.node for name in node.output}


def test_the_file_format_is_the_oldest_that_has_the_opset(net_of: NetOf) -> None:
    model = lower(net_of(CHAIN, WEIGHTS, x=(5, 12)), opset=17)
    assert (model.proto.ir_version, model.proto.opset_import[0].version) == (8, 17)


@pytest.mark.parametrize("opset", [12, 99])
def test_an_opset_that_nobody_has_is_refused(net_of: NetOf, opset: int) -> None:
    with pytest.raises(UsageError, match="opset"):
        lower(net_of(CHAIN, WEIGHTS, x=(5, 12)), opset=opset)


def test_inputs_can_be_reshaped(net_of: NetOf) -> None:
    net = net_of(CHAIN, WEIGHTS, x=(5, 3, 4))
    assert lower(net, input_shape={"x": (7, 12)}).inputs == {"x": ("batch", 12)}
    with pytest.raises(UsageError, match="'label'"):
        lower(net, input_shape={"label": (1,)})


def test_outputs_cut_the_net(net_of: NetOf) -> None:
    model = lower(net_of(CHAIN, WEIGHTS, x=(5, 12)), outputs=["ip:ip"])
    assert [node.name for node in model.proto.graph.node] == ["ip"]
    assert list(model.outputs) == ["ip:ip"]


def test_missing_weights_are_named(net_of: NetOf) -> None:
    with pytest.raises(WeightsError, match=r"layer 'ip' \(InnerProduct\)"):
        lower(net_of(CHAIN, x=(5, 12)))


def test_all_unknown_layers_are_listed_at_once(net_of: NetOf) -> None:
    text = """
    layer { name: "a" type: "Wondrous" bottom: "x" top: "a" }
    layer { name: "b" type: "ReLU" bottom: "a" top: "b" }
    layer { name: "c" type: "Strange" bottom: "b" top: "c" }
    layer { name: "d" type: "conv_olution" bottom: "c" top: "d" }
    layer { name: "e" type: "Camera" top: "e" }
    """
    with pytest.raises(UnsupportedLayerError) as caught:
        lower(net_of(text, x=(1, 2)))
    message = str(caught.value)
    assert "net.prototxt:3:5, layer 'a' (Wondrous)" in message
    assert "net.prototxt:5:5, layer 'c' (Strange)" in message
    assert "layer 'd' (conv_olution): did you mean 'Convolution'?" in message
    assert "layer 'e' (Camera): an input? pass its shape: --input-shape e:" in message
    assert "'b'" not in message
    assert "--plugin" in message
    assert "--outputs x" in message


def test_a_net_that_computes_nothing_is_refused(net_of: NetOf) -> None:
    net = net_of('layer { name: "s" type: "Silence" bottom: "x" }', x=(1, 2))
    with pytest.raises(UnsupportedError, match="computes nothing") as caught:
        lower(net)
    assert caught.value.received == "s (Silence)"
    assert str(caught.value.hint).startswith("no layer has a top")
    with pytest.raises(UnsupportedError, match="only inputs") as caught:
        lower(net_of("", x=(1, 2)))
    assert caught.value.hint == "is the prototxt complete?"


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Rules of a plug-in, gone again after the test."""
    monkeypatch.setattr(TABLE, "_versions", {**TABLE._versions})
    return layer


def test_a_plugin_rule_needs_no_shape_rule(
    net_of: NetOf, run: Callable[..., Any], plugin: Callable[..., Any]
) -> None:
    @plugin("Doubling")
    def doubling(e: Emitter, layer: Layer, x: Value) -> Value:
        return e.Concat(x, x, axis=1)

    text = 'layer { name: "d" type: "Doubling" bottom: "x" top: "y" }'
    model = lower(net_of(text, x=(1, 2)))
    assert model.outputs == {"y": ("batch", 4)}
    assert run(model, x=[[1, 2]])["y"].tolist() == [[1, 2, 1, 2]]


def test_a_rule_that_breaks_caffes_shape_is_caught(
    net_of: NetOf, plugin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(TABLE._versions, "Sigmoid")

    @plugin("Sigmoid")
    def broken(e: Emitter, layer: Layer, x: Value) -> Value:
        return e.Flatten(x)

    text = 'layer { name: "s" type: "Sigmoid" bottom: "x" top: "y" }'
    with pytest.raises(GraphError, match="differs from Caffe's"):
        lower(net_of(text, x=(1, 2, 3)))


def test_values_of_layers_with_one_name_stay_apart(net_of: NetOf) -> None:
    text = "".join(
        f'layer {{ name: "same" type: "AbsVal" bottom: "{x}" top: "{y}" }}'
        for x, y in ("xa", "ab", "bc")
    )
    graph = lower(net_of(text, x=(1, 2))).proto.graph
    assert [node.name for node in graph.node] == ["same", "same_2", "same_3"]
    assert [list(node.output) for node in graph.node] == [["a"], ["b"], ["c"]]


def test_a_large_net_takes_no_longer_for_each_layer(net_of: NetOf) -> None:
    """Not timed, but run: ten thousand layers would take minutes if anything were quadratic."""
    text = "".join(
        f'layer {{ name: "l" type: "AbsVal" bottom: "x{i}" top: "x{i + 1}" }}'
        for i in range(10_000)
    )
    model = lower(net_of(text, x0=(1, 1)))
    assert len({node.name for node in model.proto.graph.node}) == 10_000
    assert isinstance(model.proto, onnx.ModelProto)
