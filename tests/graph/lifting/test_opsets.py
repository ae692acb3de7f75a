"""Nodes of old operator sets against onnxruntime, or against arithmetic where that has no such."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from bridge import ir
from bridge.errors import UnsupportedError
from bridge.graph.lifting.opsets import LIFTS, TARGET
from bridge.graph.passes import run_passes
from tests.helpers.keras_against_onnx import in_onnxruntime, seeded

Array = NDArray[Any]


def graph(text: str, opset: int) -> onnx.ModelProto:
    return onnx.parser.parse_model(f'<ir_version: 3, opset_import: ["":{opset}]>\n{text}')


def lifted(model: onnx.ModelProto) -> onnx.ModelProto:
    return ir.to_proto(run_passes(ir.from_proto(model)))


def feeds_of(model: onnx.ModelProto) -> dict[str, Array]:
    return {
        value.name: seeded(tuple(d.dim_value or 2 for d in value.type.tensor_type.shape.dim), index)
        for index, value in enumerate(model.graph.input)
    }


X = "float[2,3,4,5] x"
COMPARED = {
    "Softmax, axis 1": (11, f"g ({X}) => (float[2,3,4,5] y) {{ y = Softmax(x) }}"),
    "Softmax, last axis": (7, f"g ({X}) => (float[2,3,4,5] y) {{ y = Softmax<axis=3>(x) }}"),
    "Softmax, axis 0": (11, "g (float[2,3] x) => (float[2,3] y) { y = Softmax<axis=0>(x) }"),
    "Softmax, from behind": (11, f"g ({X}) => (float[2,3,4,5] y) {{ y = Softmax<axis=-2>(x) }}"),
    "Softmax of a column": (8, "g (float[n,3,1,1] x) => (float[n,3,1,1] y) { y = Softmax(x) }"),
    "Softmax of any batch": (8, "g (float[n,3,2] x) => (float[n,3,2] y) { y = Softmax(x) }"),
    "Softmax, of axes known by arithmetic on shapes": (
        9,
        """g (float[2,3,4] x) => (float[2,6,2] y) {
            s = Shape(x) n = Slice<axes=[0], starts=[0], ends=[1]>(s)
            r = Constant<value = int64[2] {-1, 2}>() t = Concat<axis=0>(n, r)
            a = Reshape(x, t) y = Softmax<axis=2>(a) }""",
    ),
    "LogSoftmax": (11, f"g ({X}) => (float[2,3,4,5] y) {{ y = LogSoftmax<axis=2>(x) }}"),
    "Hardmax": (11, f"g ({X}) => (float[2,3,4,5] y) {{ y = Hardmax<axis=1>(x) }}"),
    "Pad": (
        2,
        f"""g ({X}) => (float[2,3,7,6] y) {{
            y = Pad<pads=[0,0,1,0,0,0,2,1], value=1.5>(x) }}""",
    ),
    "Pad, reflected": (
        2,
        f"""g ({X}) => (float[2,3,7,6] y) {{
            y = Pad<pads=[0,0,1,0,0,0,2,1], mode="reflect">(x) }}""",
    ),
    "Slice": (
        9,
        f"""g ({X}) => (float[2,2,4,3] y) {{
            y = Slice<starts=[1,0], ends=[3,-2], axes=[1,3]>(x) }}""",
    ),
    "Slice of the first axes": (
        9,
        f"g ({X}) => (float[1,2,4,5] y) {{ y = Slice<starts=[0,1], ends=[1,9]>(x) }}",
    ),
    "Split": (
        11,
        f"""g ({X}) => (float[2,1,4,5] y, float[2,2,4,5] z) {{
            y, z = Split<axis=1, split=[1,2]>(x) }}""",
    ),
    "Split in halves": (
        7,
        f"g ({X}) => (float[1,3,4,5] y, float[1,3,4,5] z) {{ y, z = Split(x) }}",
    ),
    "Squeeze and Unsqueeze": (
        9,
        """g (float[2,1,3,1] x) => (float[2,3,1] y) {
            a = Squeeze<axes=[1,3]>(x) b = Unsqueeze<axes=[0,3]>(a) y = Squeeze<axes=[0]>(b) }""",
    ),
    "ReduceSum": (
        11,
        """g (float[2,3,4] x) => (float[3] y) {
            a = ReduceSum<axes=[0,-1], keepdims=0>(x) s = ReduceSum(x) r = Reshape(s, one)
            y = Add(a, r) }""".replace("{\n", "{ one = Constant<value = int64[1] {1}>()\n", 1),
    ),
    "TopK": (
        9,
        "g (float[3,4] x) => (float[3,2] y, int64[3,2] i) { y, i = TopK<k=2, axis=1>(x) }",
    ),
    "Clip": (6, "g (float[3,4] x) => (float[3,4] y) { y = Clip<min=-0.2, max=0.3>(x) }"),
    "Clip from below": (6, "g (float[3,4] x) => (float[3,4] y) { y = Clip<min=-0.2>(x) }"),
    "Dropout": (10, "g (float[3,4] x) => (float[3,4] y) { y = Dropout<ratio=0.3>(x) }"),
    "statistics for each element": (
        8,
        """g (float[2,3,4] x, float[3,4] s, float[3,4] b, float[3,4] m) => (float[2,3,4] y) {
            v = Exp(m) y = BatchNormalization<spatial=0, epsilon=0.1>(x, s, b, m, v) }""",
    ),
    "Upsample by an input": (
        9,
        f"""g ({X}) => (float[2,3,8,15] y) {{
            s = Constant<value = float[4] {{1.0, 1.0, 2.0, 3.0}}>() y = Upsample(x, s) }}""",
    ),
    "Upsample by fractions": (
        7,
        f"g ({X}) => (float[2,3,6,6] y) {{ y = Upsample<scales=[1.0, 1.0, 1.5, 1.3]>(x) }}",
    ),
    "Upsample, linear": (
        8,
        f"""g ({X}) => (float[2,3,8,10] y) {{
            y = Upsample<scales=[1.0, 1.0, 2.0, 2.0], mode="linear">(x) }}""",
    ),
    "Resize, to more and to less": (
        10,
        f"""g ({X}) => (float[2,3,8,3] y) {{
            s = Constant<value = float[4] {{1.0, 1.0, 2.0, 0.7}}>() y = Resize(x, s) }}""",
    ),
    "Resize to less": (
        10,
        f"""g ({X}) => (float[2,3,2,3] y) {{
            s = Constant<value = float[4] {{1.0, 1.0, 0.6, 0.7}}>() y = Resize(x, s) }}""",
    ),
    "Resize, linear": (
        10,
        f"""g ({X}) => (float[2,3,6,3] y) {{
            s = Constant<value = float[4] {{1.0, 1.0, 1.5, 0.7}}>()
            y = Resize<mode="linear">(x, s) }}""",
    ),
    "Resize by nothing": (
        10,
        f"""g ({X}) => (float[2,3,4,5] y) {{
            s = Constant<value = float[4] {{1.0, 1.0, 1.0, 1.0}}>() y = Resize(x, s) }}""",
    ),
    "Scatter": (
        9,
        """g (float[3,4] x, float[1,4] u) => (float[3,4] y) {
            i = Constant<value = int64[1,4] {2, 0, 1, 2}>() y = Scatter<axis=0>(x, i, u) }""",
    ),
    "a branch": (
        9,
        """g (float[1,3] x) => (float[3] y) {
            t = Constant<value = bool {1}>()
            y = If(t) <
                then_branch = a () => (float[3] p) { p = Squeeze<axes=[0]>(x) },
                else_branch = b () => (float[3] q) { q = ReduceSum<axes=[0], keepdims=0>(x) }>
        }""",
    ),
}


@pytest.mark.parametrize("case", COMPARED)
def test_a_lifted_node_computes_the_same(case: str) -> None:
    opset, text = COMPARED[case]
    model = graph(text, opset)
    new = lifted(model)
    assert {entry.version for entry in new.opset_import if not entry.domain} == {TARGET}
    received = in_onnxruntime(new, feeds_of(model))
    for name, expected in in_onnxruntime(model, feeds_of(model)).items():
        np.testing.assert_allclose(received[name], expected, rtol=1e-5, atol=1e-6)


# onnxruntime has no kernels for most of what changed up to opset 7.
EXPECTED: dict[str, tuple[int, str, Callable[..., Array]]] = {
    "Add from an axis on": (
        6,
        "g (float[2,3,4] x, float[3] b) => (float[2,3,4] y) { y = Add<broadcast=1, axis=1>(x, b) }",
        lambda x, b: x + b[:, None],
    ),
    "Mul from an axis on, counted from behind": (
        6,
        """g (float[2,3,4] x, float[2,3] b) => (float[2,3,4] y) {
            y = Mul<broadcast=1, axis=-3>(x, b) }""",
        lambda x, b: x * b[:, :, None],
    ),
    "Sub of the last axes": (
        1,
        """g (float[2,3,4] x, float[3,4] b) => (float[2,3,4] y) {
            y = Sub<broadcast=1, consumed_inputs=[0,0]>(x, b) }""",
        lambda x, b: x - b,
    ),
    "Gemm": (
        6,
        """g (float[2,3] x, float[3,4] w, float[4] b) => (float[2,4] y) {
            y = Gemm<broadcast=1>(x, w, b) }""",
        lambda x, w, b: x @ w + b,
    ),
    "PRelu": (
        6,
        "g (float[2,3,4,5] x, float[3] s) => (float[2,3,4,5] y) { y = PRelu(x, s) }",
        lambda x, s: np.where(x < 0, x * s[:, None, None], x),
    ),
    "PRelu of one slope": (
        6,
        "g (float[2,3,4] x, float[1] s) => (float[2,3,4] y) { y = PRelu(x, s) }",
        lambda x, s: np.where(x < 0, x * s, x),
    ),
    "BatchNormalization": (
        6,
        """g (float[2,3,4] x, float[3] s, float[3] b, float[3] m, float[3] r) => (float[2,3,4] y) {
            v = Abs(r) y = BatchNormalization<is_test=1, epsilon=0.5>(x, s, b, m, v) }""",
        lambda x, s, b, m, r: (
            (x - m[:, None]) / np.sqrt(abs(r) + 0.5)[:, None] * s[:, None] + b[:, None]
        ),
    ),
    "Dropout": (
        6,
        "g (float[2,3] x) => (float[2,3] y) { a = Dropout<is_test=1>(x) y = Neg(a) }",
        lambda x: -x,
    ),
    "Cast": (
        1,
        """g (float[2,3] x) => (float[2,3] y) {
            i = Cast<to="INT32">(x) y = Cast<to="float">(i) }""",
        np.trunc,
    ),
    "Concat": (
        1,
        "g (float[2,3] x, float[2,1] b) => (float[2,4] y) { y = Concat(x, b) }",
        lambda x, b: np.concatenate([x, b], 1),
    ),
    "Reshape": (
        1,
        "g (float[2,3] x) => (float[3,2] y) { y = Reshape<shape=[3,-1]>(x) }",
        lambda x: x.reshape(3, 2),
    ),
    "Pad": (
        1,
        "g (float[2,3] x) => (float[3,5] y) { y = Pad<paddings=[1,0,0,2]>(x) }",
        lambda x: np.pad(x, [(1, 0), (0, 2)]),
    ),
    "Tile": (
        1,
        """g (float[2,3] x) => (float[2,6] y) {
            n = Constant<value = float {2}>() a = Constant<value = float {1}>()
            y = Tile(x, n, a) }""",
        lambda x: np.tile(x, (1, 2)),
    ),
    "Upsample": (
        1,
        f"""g ({X}) => (float[2,3,8,15] y) {{
            y = Upsample<height_scale=2.0, width_scale=3.0>(x) }}""",
        lambda x: x.repeat(2, 2).repeat(3, 3),
    ),
    "Selu": (
        1,
        "g (float[2,3] x) => (float[2,3] y) { y = Selu(x) }",
        lambda x: 1.0507 * np.where(x > 0, x, 1.6732 * np.expm1(x)),
    ),
    "GlobalLpPool": (
        1,
        f"g ({X}) => (float[2,3,1,1] y) {{ y = GlobalLpPool<p=3.0>(x) }}",
        lambda x: (abs(x) ** 3).sum((2, 3), keepdims=True) ** (1 / 3),
    ),
}


@pytest.mark.parametrize("case", EXPECTED)
def test_what_onnxruntime_has_no_kernel_for(case: str) -> None:
    opset, text, function = EXPECTED[case]
    model = graph(text, opset)
    feeds = feeds_of(model)
    received = in_onnxruntime(lifted(model), feeds)["y"]
    np.testing.assert_allclose(received, function(*feeds.values()), rtol=1e-4, atol=1e-5)


EXPERIMENTAL: dict[str, Callable[[Array], Array]] = {
    "Affine<alpha=2.0, beta=0.5>": lambda x: 2 * x + 0.5,
    "Scale<scale=3.0>": lambda x: 3 * x,
    "ImageScaler<scale=2.0, bias=[1.0, 2.0, 3.0]>": (
        lambda x: 2 * x + np.float32([1, 2, 3])[:, None, None]
    ),
    "ParametricSoftplus<alpha=2.0, beta=3.0>": lambda x: 2 * np.log1p(np.exp(3 * x)),
    "ScaledTanh<alpha=2.0, beta=3.0>": lambda x: 2 * np.tanh(3 * x),
    "Crop<border=[1, 0, 2, 3]>": lambda x: x[:, :, 0:1, 1:3],
    "Crop<border=[1, 2, 0, 0], scale=[2, 3]>": lambda x: x[:, :, 2:4, 1:4],
    "MeanVarianceNormalization": lambda x: (
        (x - x.mean((2, 3), keepdims=True)) / x.std((2, 3), keepdims=True)
    ),
    "MeanVarianceNormalization<across_channels=1, normalize_variance=0>": (
        lambda x: x - x.mean((1, 2, 3), keepdims=True)
    ),
}


@pytest.mark.parametrize("call", EXPERIMENTAL)
def test_the_experimental_operators_of_opset_1(call: str) -> None:
    model = graph(f"g ({X}) => (float[a,b,c,d] y) {{ y = {call}(x) }}", 1)
    feeds = feeds_of(model)
    received = in_onnxruntime(lifted(model), feeds)["y"]
    np.testing.assert_allclose(received, EXPERIMENTAL[call](feeds["x"]), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("text", "opset", "problem"),
    [
        ("y = Resize(x, s)", 10, "by scales that are computed"),
        ("n = Neg(s) y = Tile(x, n, n)", 1, "by numbers that are computed"),
        ('y = Cast<to="number">(x)', 1, "no such dtype"),
        ("y = LpPool<p=1.5, kernel_shape=[1,1]>(x)", 1, "no whole number"),
        ("y = Scan<num_scan_inputs=1>(x)", 8, "Scan of opset 8"),
    ],
)
def test_what_an_old_opset_leaves_open_is_refused(text: str, opset: int, problem: str) -> None:
    model = graph(f"g ({X}, float[4] s) => (float[a,b,c,d] y) {{ {text} }}", opset)
    with pytest.raises(UnsupportedError, match=problem):
        lifted(model)


# Changes up to TARGET that leave the older form one of the newer: a new optional input or attribute
# whose default is what was, another dtype.
COMPATIBLE = frozenset(
    "ArgMax ArgMin AveragePool Constant DepthToSpace DequantizeLinear GatherND MaxPool "
    "QuantizeLinear".split()
)


def test_every_operator_that_changed_is_in_the_table() -> None:
    """Attributes or required inputs that went away, and defaults that are others now."""
    versions: dict[str, list[Any]] = {}
    for schema in onnx.defs.get_all_schemas_with_history():
        if not schema.domain and schema.since_version <= TARGET:
            versions.setdefault(schema.name, []).append(schema)
    changed = {
        name
        for name, schemas in versions.items()
        if len({_form(schema) for schema in schemas}) > 1 or schemas[-1].deprecated
    }
    assert changed - LIFTS.keys() == COMPATIBLE


def _form(schema: Any) -> tuple[Any, ...]:
    attributes = {
        (name, str(attribute.default_value))
        for name, attribute in schema.attributes.items()
        if name != "consumed_inputs"
    }
    inputs = tuple(operand.option.name for operand in schema.inputs)
    return frozenset(attributes), inputs, schema.deprecated
