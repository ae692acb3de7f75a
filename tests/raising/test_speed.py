from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bridge.caffe import read
from bridge.check.compare import compare
from bridge.convert import raise_caffe
from bridge.errors import UsageError
from bridge.graph.io import to_ir
from bridge.graph.passes import run_passes
from bridge.raising import Plan, raise_model
from bridge.raising.plan import Call
from bridge.raising.speed import faster
from tests.helpers.golden_cases import Case, assert_outputs, case, cases, feeds, lowered
from tests.helpers.keras_against_onnx import Array, Raised, graph, in_onnxruntime, plan_of, seeded
from tests.helpers.map_evaluation import evaluated

NORM = "BatchNormalization"


def build(plan: Plan) -> Raised:
    from bridge.keras.build import build

    return Raised(plan, build(plan))


def constants(**shapes: tuple[int, ...]) -> dict[str, Array]:
    """Seeded ones; with `norm`, the four of a normalisation of so many channels."""
    channels = shapes.pop("norm", (1,))
    feeds = {name: seeded(shape, seed) for seed, (name, shape) in enumerate(shapes.items())}
    norm = {name: seeded(channels, 7 + seed) for seed, name in enumerate("gbmv")}
    return {**feeds, **norm, "v": norm["v"] ** 2 + 0.1}


LINEAR_THEN_NORM = {
    "Conv": ("N,3,5,4", "N,6,4,3", "Conv(x, w)", {"w": (6, 3, 2, 2)}),
    "Conv with bias": ("N,3,5", "N,6,4", "Conv(x, w, c)", {"w": (6, 3, 2), "c": (6,)}),
    "Conv in groups": ("N,6,5,4", "N,4,4,3", "Conv<group=2>(x, w)", {"w": (4, 3, 2, 2)}),
    "depthwise": ("N,3,5,4", "N,3,4,3", "Conv<group=3>(x, w)", {"w": (3, 1, 2, 2)}),
    "depthwise, several": ("N,3,5,4", "N,6,4,3", "Conv<group=3>(x, w)", {"w": (6, 1, 2, 2)}),
    "ConvTranspose": ("N,3,5,4", "N,6,6,5", "ConvTranspose(x, w)", {"w": (3, 6, 2, 2)}),
    "Gemm": ("N,3", "N,6", "Gemm<transB=1>(x, w, c)", {"w": (6, 3), "c": (6,)}),
}


@pytest.mark.parametrize(
    ("x", "y", "linear", "shapes"), LINEAR_THEN_NORM.values(), ids=LINEAR_THEN_NORM
)
def test_a_norm_goes_into_the_weights_before_it(
    x: str, y: str, linear: str, shapes: dict[str, tuple[int, ...]]
) -> None:
    channels = int(y.split(",")[1])
    text = f"""net (float[{x}] x) => (float[{y}] y)
               {{ z = {linear}  n = {NORM}(z, g, b, m, v)  y = Relu(n) }}"""
    model = graph(text, constants(**shapes, norm=(channels,)))
    natural = plan_of(model)
    speedy = build(faster(natural))
    kinds = [type(layer).__name__ for layer in speedy.model.layers]
    assert NORM in {call.target.split(".")[1] for call in natural.calls}
    assert NORM not in kinds
    assert "z" not in speedy.plan.values
    feeds = {"x": seeded((2, *map(int, x.split(",")[1:])), 3)}
    row = compare("y", in_onnxruntime(model, feeds)["y"], speedy.run(feeds)["y"])
    assert row.ok, row


KEPT = {
    "another reader": f"z = Conv(x, w)  n = {NORM}(z, g, b, m, v)  y = Add(n, z)",
    "no linear layer": f"z = Relu(x)  y = {NORM}(z, g, b, m, v)",
}


@pytest.mark.parametrize("nodes", KEPT.values(), ids=KEPT)
def test_a_norm_stays_where_the_value_before_it_is_needed(nodes: str) -> None:
    model = graph(
        f"net (float[N,3,5,4] x) => (float[N,3,5,4] y) {{ {nodes} }}",
        {
            name: array
            for name, array in constants(w=(3, 3, 1, 1), norm=(3,)).items()
            if name in nodes
        },
    )
    plan = plan_of(model)
    assert faster(plan) == plan


def test_a_norm_stays_behind_an_output() -> None:
    model = graph(
        f"""net (float[N,3,5,4] x) => (float[N,3,5,4] y, float[N,3,5,4] z)
            {{ z = Conv(x, w)  y = {NORM}(z, g, b, m, v) }}""",
        constants(w=(3, 3, 1, 1), norm=(3,)),
    )
    plan = plan_of(model)
    assert faster(plan) == plan


def test_a_norm_that_is_an_output_leaves_its_name() -> None:
    model = graph(
        f"""net (float[N,3,3,3] x) => (float[N,4,2,2] y)
            {{ z = Conv(x, w)  y = {NORM}(z, g, b, m, v) }}""",
        constants(w=(4, 3, 2, 2), norm=(4,)),
    )
    model.graph.node[1].name = "y"
    assert [call.name for call in faster(plan_of(model)).calls] == ["y"]


def test_a_norm_over_another_axis_stays() -> None:
    model = graph(
        f"""net (float[N,3,4] x) => (float[N,3,4] y)
            {{ z = MatMul(x, w)  y = {NORM}(z, g, b, m, v) }}""",
        constants(w=(4, 4), norm=(3,)),
    )
    plan = plan_of(model)
    assert faster(plan) == plan


def test_a_layer_that_is_applied_again_stays() -> None:
    model = graph(
        f"""net (float[N,4,3,3] x) => (float[N,4,2,2] y)
            {{ z = Conv<group=2>(x, w)  y = {NORM}(z, g, b, m, v) }}""",
        constants(w=(4, 2, 2, 2), norm=(4,)),
    )
    plan = plan_of(model)
    conv = plan.calls[0]
    again = Call(99, conv.name, conv.target, conv.arguments, again=conv.id)
    plan = replace(plan, calls=(*plan.calls, again))
    assert faster(plan) == plan


PADDED = """net (float[N,{x}] x) => (float[N,{y}] y{more}) {{
    p = Pad(x, pads)
    y = Conv<strides=[{strides}]{options}>(p, w)
}}"""


@pytest.mark.parametrize(
    ("x", "y", "strides", "pads", "w", "is_same"),
    [
        ("3,6,8", "4,3,4", "2,2", (0, 0, 1, 1), (4, 3, 3, 3), True),
        ("3,6,8", "4,3,4", "2,2", (1, 1, 0, 0), (4, 3, 3, 3), False),
        ("3,6,8", "4,3,4", "2,2", (1, 1, 1, 1), (4, 3, 3, 3), False),
        ("3,5,7", "4,3,4", "2,2", (1, 1, 1, 1), (4, 3, 3, 3), True),
        ("3,h,8", "4,g,4", "2,2", (0, 0, 1, 1), (4, 3, 3, 3), False),
        ("3,h,8", "4,h,8", "1,1", (1, 1, 1, 1), (4, 3, 3, 3), True),
    ],
)
def test_a_convolution_pads_itself_where_its_own_padding_is_the_same(
    x: str, y: str, strides: str, pads: tuple[int, ...], w: tuple[int, ...], is_same: bool
) -> None:
    rank = len(w) - 2
    both = np.array([0, 0, *pads[:rank], 0, 0, *pads[rank:]])
    text = PADDED.format(x=x, y=y, strides=strides, more="", options="")
    model = graph(text, {"pads": both, "w": seeded(w)})
    speedy = build(faster(plan_of(model)))
    kinds = [type(layer).__name__ for layer in speedy.model.layers]
    assert ("ZeroPadding" not in " ".join(kinds)) == is_same
    assert ("p" not in speedy.plan.values) == is_same
    feeds = {"x": seeded((2, *map(int, x.replace("h", "6").split(","))), 3)}
    row = compare("y", in_onnxruntime(model, feeds)["y"], speedy.run(feeds)["y"])
    assert row.ok, row


def test_padding_that_others_read_stays() -> None:
    text = PADDED.format(
        x="3,6,8", y="3,3,4", strides="2,2", more=", float[N,3,7,9] p", options=", group=3"
    )
    pads = np.array([0, 0, 0, 0, 0, 0, 1, 1])
    plan = faster(plan_of(graph(text, {"pads": pads, "w": seeded((3, 1, 3, 3))})))
    assert [call.target for call in plan.calls[:2]] == [
        "layers.ZeroPadding2D",
        "layers.DepthwiseConv2D",
    ]


def test_each_group_becomes_a_layer() -> None:
    model = graph(
        "net (float[N,6,5,5] x) => (float[N,4,3,3] y) { y = Conv<group=2>(x, w, c) }",
        constants(w=(4, 3, 3, 3), c=(4,)),
    )
    model.graph.node[0].name = "a/b"
    speedy = build(faster(plan_of(model)))
    names = [operation.name for operation in speedy.model.operations[1:]]
    assert names == ["a>b>split", "a>b>group0", "a>b>group1", "a>b", "y"]
    assert [layer.kernel.shape for layer in speedy.model.layers[1:3]] == [(3, 3, 3, 2)] * 2


def changed(case: Case) -> bool:
    plan = raise_model(run_passes(to_ir(lowered(case))))
    return faster(plan) != plan


CHANGED = [golden for golden in cases(without={"alias"}) if changed(golden)]


@pytest.mark.parametrize("golden", CHANGED, ids=str)
def test_a_model_for_speed_gives_what_caffe_gives(golden: Case) -> None:
    model = lowered(golden)
    speedy = build(raise_model(run_passes(to_ir(model)), target="speed"))
    results = speedy.run(feeds(golden, model))
    assert_outputs(golden, {name: np.asarray(result) for name, result in results.items()})


@pytest.mark.parametrize("name", ["conv_group2", "bn_scale_relu_inplace"])
def test_the_map_says_how_its_weights_are_made(name: str) -> None:
    golden = case(name)
    net = read(golden.prototxt, golden.caffemodel)
    done = raise_caffe(golden.prototxt, golden.caffemodel, target="speed")
    assert done.map.weights
    for weight in done.map.weights:
        stored = getattr(done.model.get_layer(weight.layer), weight.role).numpy()
        np.testing.assert_array_equal(evaluated(weight, net, {}), stored)


def test_another_target_is_refused() -> None:
    golden = case("conv_group2")
    with pytest.raises(UsageError, match="unknown target") as refusal:
        raise_caffe(golden.prototxt, golden.caffemodel, target="haste")
    assert refusal.value.expected == "natural or speed"
