"""How graphs are spelled so that most runtimes take them, row by row: docs/spelling.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx.helper import get_attribute_value

from bridge.caffe import Net
from bridge.lower import lower
from bridge.types import Array
from tests.helpers.golden_cases import Case, assert_close, cases, lowered
from tests.lower.rules.spatial.test_pool import caffe_pool

X = np.random.default_rng(0).uniform(-1, 1, (2, 3, 6, 6)).astype(np.float32)
KERNEL = np.random.default_rng(1).uniform(-1, 1, (4, 3, 1, 1)).astype(np.float32)
BIAS = np.float32([1, -1, 2, 0.5])


class Row(NamedTuple):
    """A layer, its operators, and what it computes of x (and, with two more bottoms, of -x, x²)."""

    layer: str
    operators: str
    truth: Callable[[Array], Array]
    bottoms: int = 1
    weights: Sequence[Array] = ()


def _pooling(text: str, operators: str, *window: Any) -> Row:
    pool = "AVE" if "AVE" in text else "MAX"
    sides = [(side, side) for side in window]
    layer = f'type: "Pooling" pooling_param {{ {text} }}'
    return Row(layer, operators, lambda x: caffe_pool(x, pool, *sides))


def _pointwise(x: Array, pad: int) -> Array:
    padded = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    return np.einsum("nchw,oc->nohw", padded, KERNEL[..., 0, 0]) + BIAS[:, None, None]


def _normalized(x: Array, axes: tuple[int, ...]) -> Array:
    return 2 * x / np.sqrt(np.square(x).sum(axes, keepdims=True) + 1e-10)


NORM = 'type: "Normalize" norm_param'
REDUCTION = 'type: "Reduction" reduction_param'
ROWS = {
    "max, even": _pooling("kernel_size: 3 stride: 2 pad: 1", "MaxPool", 3, 2, 1),
    "max, pads of half a window": _pooling("kernel_size: 2 stride: 2 pad: 1", "MaxPool", 2, 2, 1),
    "max, more pads": _pooling("kernel_size: 3 stride: 2 pad: 2", "Pad MaxPool", 3, 2, 2),
    "average": _pooling("pool: AVE kernel_size: 2 stride: 2", "AveragePool", 2, 2, 0),
    "average, rounded up": _pooling("pool: AVE kernel_size: 3 stride: 2", "AveragePool", 3, 2, 0),
    "average, padded": _pooling(
        "pool: AVE kernel_size: 3 stride: 1 pad: 1", "AveragePool Mul", 3, 1, 1
    ),
    "average, padded and rounded up": _pooling(
        "pool: AVE kernel_size: 3 stride: 2 pad: 1", "AveragePool Mul", 3, 2, 1
    ),
    "1 x 1 convolution, padded": Row(
        'type: "Convolution" convolution_param { num_output: 4 kernel_size: 1 pad: 1 }',
        "Conv Pad Add",
        lambda x: _pointwise(x, 1),
        weights=(KERNEL, BIAS),
    ),
    "1 x 1 convolution, padded, with a stride": Row(
        'type: "Convolution" convolution_param { num_output: 4 kernel_size: 1 pad: 1 stride: 2 }',
        "Pad Conv",
        lambda x: _pointwise(x, 1)[..., ::2, ::2],
        weights=(KERNEL, BIAS),
    ),
    "maximum of three": Row(
        'type: "Eltwise" eltwise_param { operation: MAX }',
        "Max Max",
        lambda x: np.maximum(np.maximum(x, -x), x * x),
        bottoms=3,
    ),
    "few copies": Row(
        'type: "Tile" tile_param { tiles: 3 }', "Concat", lambda x: np.tile(x, (1, 3, 1, 1))
    ),
    "many copies": Row(
        'type: "Tile" tile_param { tiles: 17 }', "Tile", lambda x: np.tile(x, (1, 17, 1, 1))
    ),
    "cube": Row('type: "Power" power_param { power: 3 }', "Mul Mul", lambda x: x**3),
    "BNLL": Row(
        'type: "BNLL"',
        "Relu Abs Neg Exp Add Log Add",
        lambda x: np.logaddexp(0, x.astype(np.float64)),
    ),
    "sum of each image": Row(
        f"{REDUCTION} {{ axis: 1 }}", "Flatten ReduceMean Mul Squeeze", lambda x: x.sum((1, 2, 3))
    ),
    "three times the mean of each image": Row(
        f"{REDUCTION} {{ axis: 1 operation: MEAN coeff: 3 }}",
        "Flatten ReduceMean Mul Squeeze",
        lambda x: 3 * x.mean((1, 2, 3)),
    ),
    "mean of each image": Row(
        f"{REDUCTION} {{ axis: 1 operation: MEAN }}",
        "Flatten ReduceMean",
        lambda x: x.mean((1, 2, 3)),
    ),
    "norm over channels": Row(
        f"{NORM} {{ across_spatial: false }}",
        "Mul ReduceMean Mul Add Sqrt Div Mul",
        lambda x: _normalized(x, (1,)),
        weights=(np.float32([2]),),
    ),
    "norm over all": Row(
        f"{NORM} {{ across_spatial: true }}",
        "Mul Flatten ReduceMean Reshape Mul Add Sqrt Div Mul",
        lambda x: _normalized(x, (1, 2, 3)),
        weights=(np.float32([2]),),
    ),
    "LRN within channels": Row(
        'type: "LRN" lrn_param { norm_region: WITHIN_CHANNEL local_size: 3 alpha: 0.5 }',
        "Mul AveragePool Mul Add Pow Div",
        lambda x: x / (1 + 0.5 * _means_of_squares(x)) ** 0.75,
    ),
}


def _means_of_squares(x: Array) -> Array:
    return caffe_pool(np.square(x), "AVE", (3, 3), (1, 1), (1, 1))


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_row(net_of: Callable[..., Net], run: Callable[..., Any], row: Row) -> None:
    inputs = dict(zip("xyz", (X, -X, X * X), strict=True))
    inputs = dict([*inputs.items()][: row.bottoms])
    bottoms = " ".join(f'bottom: "{name}"' for name in inputs)
    text = f'layer {{ name: "l" {bottoms} top: "out" {row.layer} }}'
    shapes = {name: array.shape for name, array in inputs.items()}
    model = lower(net_of(text, {"l": row.weights}, **shapes))
    nodes = model.proto.graph.node
    assert [node.op_type for node in nodes] == row.operators.split()
    assert_close(run(model, **inputs)["out"], row.truth(X))
    assert not list(_stumbling_blocks(model.proto.graph))


def test_a_softplus_of_any_size_is_finite(
    net_of: Callable[..., Net], run: Callable[..., Any]
) -> None:
    x = np.float32([[-1e30, -100, 0, 88, 89, 1e30]])
    text = 'layer { name: "l" type: "BNLL" bottom: "x" top: "y" }'
    y = run(lower(net_of(text, x=x.shape)), x=x)["y"]
    np.testing.assert_allclose(y, np.logaddexp(0, x), rtol=1e-6, atol=1e-7)


def test_a_sum_that_is_a_mean_keeps_its_factor_within_half_precision(
    net_of: Callable[..., Net],
) -> None:
    text = f'layer {{ name: "l" bottom: "x" top: "y" {REDUCTION} {{ axis: 1 }} }}'
    nodes = lower(net_of(text, x=(1, 3, 300, 300))).proto.graph.node
    assert [node.op_type for node in nodes] == ["Flatten", "ReduceSum", "Squeeze"]


# --- all golden cases -----------------------------------------------------------------------------


def _attributes(node: onnx.NodeProto) -> Mapping[str, Any]:
    return {attribute.name: get_attribute_value(attribute) for attribute in node.attribute}


def _stumbling_blocks(graph: onnx.GraphProto) -> Iterator[str]:
    """What some runtime is wrong on, or refuses, without need."""
    names = [node.name for node in graph.node]
    for node in graph.node:
        of = _attributes(node)
        where = f"{node.op_type} {node.name}"
        if node.op_type in ("AveragePool", "MaxPool"):
            half = len(of["pads"]) // 2
            odd = of["pads"][:half] != of["pads"][half:]
            yield from (f"{where}: no {name}" for name in ("strides", "pads") if name not in of)
            if of.get("count_include_pad") or (odd and of.get("ceil_mode")):
                yield f"{where}: {of}"
            if node.op_type == "MaxPool" and odd and any(of["pads"][:half]):
                yield f"{where}: pads of {of['pads']}"
        if node.op_type == "Pad" and "mode" not in of:
            yield f"{where}: no mode"
        if node.op_type in ("Max", "Min") and len(node.input) > 2:
            yield f"{where}: of {len(node.input)}"
        if (
            node.op_type == "Conv"
            and not max(of["kernel_shape"], default=1) > 1
            and any(of["pads"])
        ):
            yield f"{where}: {of}"
        if names.count(node.name) > 1 or not node.name:
            yield f"{where}: its name is not its own"


FAMILIES = ("pool", "lrn", "spp", "eltwise", "normalize", "mvn", "reduction", "net", "v0", "pad")


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=() if str(case).startswith(FAMILIES) else pytest.mark.nightly)
        for case in cases(without={"exotic", "alias"})
    ],
    ids=str,
)
def test_no_golden_case_has_what_runtimes_stumble_over(case: Case) -> None:
    assert not list(_stumbling_blocks(lowered(case).proto.graph))


@pytest.mark.parametrize(
    "node",
    [
        helper.make_node("MaxPool", ["x"], ["y"], name="a", kernel_shape=[2, 2], pads=[0] * 4),
        helper.make_node(
            "MaxPool", ["x"], ["y"], name="a", kernel_shape=[2], strides=[2], pads=[1, 0]
        ),
        helper.make_node("Pad", ["x", "p"], ["y"], name="a"),
        helper.make_node("Max", ["x", "y", "z"], ["w"], name="a"),
        helper.make_node("Relu", ["x"], ["y"]),
    ],
    ids=lambda node: node.op_type,
)
def test_what_they_stumble_over_is_seen(node: onnx.NodeProto) -> None:
    assert list(_stumbling_blocks(helper.make_graph([node], "g", [], [])))
