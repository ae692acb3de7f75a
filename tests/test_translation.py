from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bridge
from bridge.caffe import Net, read
from bridge.errors import UsageError
from bridge.graph.io import to_ir
from bridge.graph.passes import run_passes
from bridge.layout import Weight
from bridge.lower import lower
from bridge.lower.fold_bn import fold_batch_norms
from bridge.lower.model import LoweredModel
from bridge.raising import Plan, raise_model
from bridge.raising.plan import Call, Ref
from bridge.translation import MappedWeight, TranslationMap, translation_map
from tests.helpers.golden_cases import CASES, Case, case
from tests.helpers.map_evaluation import evaluated, rearranged


class Mapped:
    """A golden case: its net, its plan, and the map of the plan."""

    def __init__(self, net: Case, lowering: Callable[[Net], LoweredModel] = lower) -> None:
        caffemodel = net.caffemodel if net.caffemodel.is_file() else None
        self.net = read(net.prototxt, caffemodel)
        lowered = lowering(self.net)
        self.blobs = set(lowered.shapes)
        graph = run_passes(to_ir(lowered))
        self.plan = raise_model(graph)
        self.map = translation_map(self.plan, lowered)
        self.constants = {
            name: value.const_value.numpy()
            for name, value in graph.graph.initializers.items()
            if value.const_value is not None
        }

    def weight(self, layer: str, role: str) -> MappedWeight:
        (weight,) = (item for item in self.map.weights if (item.layer, item.role) == (layer, role))
        return weight


def mapped(net: Case) -> Mapped:
    try:
        return Mapped(net)
    except bridge.BridgeError as refusal:
        pytest.skip(f"not raised: {refusal}")


def stored_weights(plan: Plan) -> Mapping[str, list[Any]]:
    return {
        call.name: [
            weight.array()
            for weight in (*call.weights.values(), *call.arguments)
            if isinstance(weight, Weight)
        ]
        for call in plan.calls
        if call.again is None
    }


@pytest.mark.parametrize("net", CASES, ids=str)
def test_the_map_of_a_golden_case_is_true(net: Case) -> None:
    translated = mapped(net)
    expected = stored_weights(translated.plan)
    for weight in translated.map.weights:
        array = evaluated(weight, translated.net, translated.constants)
        np.testing.assert_array_equal(array, expected[weight.layer].pop(0), err_msg=str(weight))
    assert not any(expected.values())
    for tensor in translated.map.tensors:
        layout = translated.plan.values[tensor.value].layout
        shape = [size if isinstance(size, int) else 2 for size in tensor.shape]
        x = np.arange(np.prod(shape)).reshape(shape)
        if ";" not in tensor.order:
            result = rearranged(x, tensor.order, tensor.sizes)
            np.testing.assert_array_equal(result, layout.apply(x), err_msg=str(tensor))
    named = {tensor.value for tensor in translated.map.tensors}
    assert named | set(translated.map.absent) == translated.blobs


@pytest.mark.parametrize(
    ("name", "layer", "role", "expression"),
    [
        ("conv_basic_k3", "l", "kernel", "w.transpose(2, 3, 1, 0)"),
        ("conv_basic_k3", "l", "bias", "w"),
        ("conv_depthwise", "l", "kernel", "w.transpose(2, 3, 0, 1)"),
        (
            "flatten_conv_ip",
            "fc",
            "kernel",
            "w.reshape(5, 4, 4, 5).transpose(2, 3, 1, 0).reshape(80, 5)",
        ),
        ("ip_2d", "l", "kernel", "w.T"),
        ("bn_sf999", "l", "moving_mean", "blobs[0] / blobs[2]"),
        ("bn_sf999", "l", "moving_variance", "blobs[1] / blobs[2]"),
        ("bn_sf1", "l", "moving_mean", "w"),
        ("bn_sf0", "l", "moving_mean", "w * 0"),
        ("prelu", "l", "alpha", "w.reshape(1, 1, 3)"),
    ],
)
def test_expressions_are_what_a_person_would_write(
    name: str, layer: str, role: str, expression: str
) -> None:
    assert mapped(case(name)).weight(layer, role).expression == expression


def test_a_merged_scale_is_told_by_its_own_name() -> None:
    result = mapped(case("bn_scale_relu_inplace"))
    assert list(map(str, result.weight("bn", "gamma").sources)) == ["sc[0]"]
    assert list(map(str, result.weight("bn", "moving_mean").sources)) == ["bn[0]", "bn[2]"]
    assert result.map.absent == {"conv:bn": ("batch", 5, 5, 4)}


@pytest.mark.parametrize("name", ["bn_scale_relu_inplace", "net_mobilenet"])
def test_folded_weights_are_told_by_all_that_they_are_made_of(name: str) -> None:
    result = Mapped(case(name), lambda net: fold_batch_norms(lower(net)))
    expected = stored_weights(result.plan)
    for weight in result.map.weights:
        array = evaluated(weight, result.net, result.constants)
        np.testing.assert_array_equal(array, expected[weight.layer].pop(0), err_msg=str(weight))
    assert all(source.layer for weight in result.map.weights for source in weight.sources)
    assert any(len({x.layer for x in weight.sources}) == 3 for weight in result.map.weights)


def test_a_graph_that_is_not_caffes_is_told_by_its_initializers() -> None:
    mapping = translation_map(mapped(case("flatten_conv_ip")).plan)
    kernel = next(weight for weight in mapping.weights if weight.layer == "fc")
    assert list(map(str, kernel.sources)) == ["fc.weight"]
    assert mapping.absent == {}


def test_several_initializers_are_numbered() -> None:
    parts = tuple(
        Weight((size,), partial(np.ones, size), name=name) for name, size in (("a", 2), ("b", 3))
    )
    whole = Weight.derived((5,), lambda *arrays: np.concatenate(arrays), *parts)
    call = Call(1, "l", "layers.X", (Ref(0),), weights={"bias": whole})
    (weight,) = translation_map(Plan("", (), (call,), (), {})).weights
    assert weight.expression == "np.concatenate((w1, w2))"
    assert [source.initializer for source in weight.sources] == ["a", "b"]


@pytest.mark.parametrize("function", [np.asarray, lambda w: w.cumsum(), lambda w: w[0] + w])
def test_what_cannot_be_written_down_is_left_open(function: Callable[..., Any]) -> None:
    constant = Weight((2,), partial(np.ones, 2), name="a")
    weight = Weight.derived((2,), function, constant)
    call = Call(1, "l", "layers.X", (Ref(0),), weights={"bias": weight})
    (weight,) = translation_map(Plan("", (), (call,), (), {})).weights
    assert (weight.expression, [str(source) for source in weight.sources]) == (None, ["a"])


def test_the_map_survives_json(tmp_path: Path) -> None:
    mapping = mapped(case("bn_scale_relu_inplace")).map
    assert TranslationMap.from_json(json.loads(json.dumps(mapping.to_json()))) == mapping
    mapping.save(tmp_path / "map.json")
    text = (tmp_path / "map.json").read_text(encoding="utf-8")
    assert TranslationMap.from_json(json.loads(text)) == mapping
    assert [path.name for path in tmp_path.iterdir()] == ["map.json"]


def test_a_map_that_cannot_be_written_is_a_users_mistake(tmp_path: Path) -> None:
    mapping = mapped(case("conv_basic_k3")).map
    with pytest.raises(UsageError, match="no such folder"):
        mapping.save(tmp_path / "no" / "map.json")


def test_a_transpose_says_who_gives_and_who_asks() -> None:
    mapping = bridge.explain(case("conv_basic_k3").prototxt, io_layout="onnx")
    first, last = mapping.transposes
    assert (first.have, first.want) == ("n c h w -> n c h w", "n c h w -> n h w c")
    assert (first.given_by, first.asked_by) == ("data", "node 'l' (Conv)")
    assert (last.given_by, last.asked_by) == ("l", "the output")
    assert TranslationMap.from_json(json.loads(json.dumps(mapping.to_json()))) == mapping
