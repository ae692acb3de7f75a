"""What is one node of the drawing, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.caffe import read
from bridge.caffe.match import with_unknown_weights
from bridge.caffe.net import Net
from bridge.check.report.drawn import lowered_diagram
from bridge.drawing.assemble import Raised, assembled
from bridge.drawing.diagram import INPUT, Diagram, Node, Step
from bridge.from_caffe import lower_net
from bridge.graph.io import to_ir
from bridge.graph.passes import run_passes
from bridge.layout import Layout
from bridge.public.options import LoweringOptions
from bridge.raising import raise_model
from bridge.raising.plan import Call, Plan, PlanInput, Ref, Stored
from bridge.translation import TranslationMap, translation_map
from tests.helpers.golden_cases import case

LENET = Path(__file__).parents[2] / "models" / "digits-lenet" / "deploy.prototxt"


def drawn(path: Path, **options: bool) -> tuple[Net, Diagram]:
    net = with_unknown_weights(read(path))
    lowered = lower_net(net, LoweringOptions.of(options))
    plan = raise_model(run_passes(to_ir(lowered)))
    return net, lowered_diagram(lowered, net.layers, plan, translation_map(plan, lowered))


def node(diagram: Diagram, name: str) -> Node:
    return next(node for node in diagram.nodes if node.name == name)


def test_each_layer_is_a_node_with_its_three_forms() -> None:
    net, diagram = drawn(LENET)
    assert [x.name for x in diagram.nodes] == ["data", *(layer.name for layer in net.layers)]
    ip1 = node(diagram, "ip1")
    assert {name: form.short for name, form in ip1.forms.items()} == {
        "Caffe": "InnerProduct",
        "ONNX": "Flatten, Gemm",
        "Keras": "Flatten, Dense",
    }
    lines = [line for form in ip1.forms.values() for line in form.full]
    assert any(line.startswith("ip1: InnerProduct, deploy.prototxt:") for line in lines)
    assert "ip1/flatten: Flatten, pool2 → ip1/flatten as n (c h w) -> n (h w c)" in lines
    kernel = "w.reshape(128, 50, 2, 2).transpose(2, 3, 1, 0).reshape(200, 128) of ip1[0]"
    assert f"  kernel 200 128: {kernel}" in lines


def test_a_value_has_its_axes_and_sizes_in_both() -> None:
    _, diagram = drawn(LENET)
    conv1 = diagram.values["conv1"]
    assert (conv1.axes, conv1.shape) == ("n c h w", ("batch", 20, 8, 8))
    assert (conv1.stored_axes, conv1.stored) == ("n h w c", ("batch", 8, 8, 20))
    assert not conv1.is_output
    assert diagram.values["prob"].is_output
    assert "ip1/flatten" not in diagram.values, "within a node there is nothing to draw"


@pytest.mark.parametrize(
    ("fold_bn", "types"),
    [
        (False, {"conv": "Convolution", "bn": "BatchNorm, Scale", "relu": "ReLU"}),
        (True, {"conv": "Convolution, BatchNorm, Scale", "relu": "ReLU"}),
    ],
)
def test_layers_that_became_one_are_one_node(fold_bn: bool, types: dict[str, str]) -> None:
    _, diagram = drawn(case("bn_scale_relu_inplace").prototxt, fold_bn=fold_bn)
    forms = {node.name: node.forms["Caffe"].short for node in diagram.nodes if node.forms}
    assert forms == types


def test_a_padding_is_part_of_the_convolution_that_reads_it() -> None:
    _, diagram = drawn(case("conv_pad1_stride2_even").prototxt)
    (conv,) = (node for node in diagram.nodes if not node.is_input)
    assert conv.forms["Keras"].short == "ZeroPadding2D, Conv2D, Identity"
    assert not conv.moves


def test_a_layer_that_keras_needs_for_a_name_alone_is_shown() -> None:
    _, diagram = drawn(case("concat_single").prototxt)
    assert [node.forms["Keras"].short for node in diagram.nodes if not node.is_input] == [
        "Identity"
    ]


def test_a_call_that_a_node_needs_is_its_own_whoever_else_reads_it() -> None:
    calls = (
        Call(1, "helper", "ops.negative", (Ref(0),)),
        Call(2, "unread", "ops.ones_like", (Ref(1),)),
        Call(3, "y", "ops.exp", (Ref(1),)),
    )
    layout = Layout.identity((2,))
    values = {"x": Stored(Ref(0), layout), "y": Stored(Ref(3), layout)}
    plan = Plan("net", (PlanInput(0, "x", "x", (2,), "float32"),), calls, ("y",), values)
    steps = [Step("x", INPUT, (), ("x",)), Step("y", "Exp", ("x",), ("y",))]
    raised = Raised(plan, TranslationMap("net", (), ()))
    diagram = assembled(steps, ["y"], shapes={}, raised=raised)
    assert node(diagram, "y").forms["Keras"].short == "ops.negative, ops.exp"


def test_a_graph_without_layers_or_plan_has_its_own_nodes() -> None:
    steps = [
        Step("x", INPUT, (), ("x",)),
        Step("a", "Relu", ("x",), ("y",)),
        Step("a", "Split", ("y",), ("p", "unread")),
    ]
    diagram = assembled(steps, ["p"], shapes={"y": (2, 3)})
    assert [(node.name, node.reads, node.writes) for node in diagram.nodes] == [
        ("x", (), ("x",)),
        ("a", ("x",), ("y",)),
        ("a", ("y",), ("p", "unread")),
    ]
    assert {name: value.shape for name, value in diagram.values.items()} == {
        "x": None,
        "y": (2, 3),
        "p": None,
    }


def test_names_are_cut_and_act_on_nothing() -> None:
    step = Step("a\x1b" + "b" * 1000, "Relu", ("x",), ("y",))
    (drawn,) = assembled([step], ["y"], shapes={}).nodes
    assert "\x1b" not in drawn.name
    assert len(drawn.name) < 300
