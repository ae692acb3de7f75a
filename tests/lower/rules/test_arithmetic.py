"""`--portable`: the same numbers by arithmetic of floats, and what runtimes lack is not there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from bridge.caffe import Net, read
from bridge.lower import lower
from bridge.types import Array
from tests.helpers.golden_cases import Case, assert_close, assert_outputs, cases, feeds

RANDOM = np.random.default_rng(0)
TIES = RANDOM.integers(-1, 2, (2, 5, 3, 4)).astype(np.float32)
SIGNED = RANDOM.standard_normal((2, 3, 4)).astype(np.float32)
TABLE = RANDOM.standard_normal((6, 3)).astype(np.float32)
KERNELS = RANDOM.standard_normal((3, 2, 3, 2)).astype(np.float32)
MAPS = RANDOM.standard_normal((1, 3, 4, 5)).astype(np.float32)
SMALL = np.float32([[-np.inf, -0.2, -1e-45, 0, 1e-45, 0.2, 0.20000002, np.inf]])
LACKING = {"ArgMax", "Cast", "Dropout", "Gather", "Greater", "Identity", "Pow", "Slice", "TopK"}


def layer(type_: str, settings: str = "", *bottoms: str) -> str:
    """The text of a layer `l` with a top `y`."""
    names = " ".join(f'bottom: "{name}"' for name in bottoms or ("x",))
    return f'layer {{ name: "l" type: "{type_}" {names} top: "y" {settings} }}'


def _depthwise(channels: int, settings: str = "") -> str:
    return (
        f"convolution_param {{ num_output: {channels} group: {channels} kernel_h: 3 kernel_w: 2 "
        f"stride: 2 pad: 1 bias_term: false {settings} }}"
    )


ROWS: Mapping[str, tuple[str, Mapping[str, Array], Sequence[Array]]] = {
    "index": (layer("ArgMax", "argmax_param { axis: 1 }"), {"x": TIES}, ()),
    "index of a sample": (layer("ArgMax"), {"x": TIES}, ()),
    "indices": (layer("ArgMax", "argmax_param { axis: 1 top_k: 4 }"), {"x": TIES}, ()),
    "indices and values": (
        layer("ArgMax", "argmax_param { out_max_val: true top_k: 3 }"),
        {"x": TIES},
        (),
    ),
    "index and value": (layer("ArgMax", "argmax_param { out_max_val: true }"), {"x": TIES}, ()),
    "above 0": (layer("Threshold"), {"x": SMALL}, ()),
    "above a number": (layer("Threshold", "threshold_param { threshold: 0.2 }"), {"x": SMALL}, ()),
    "table": (
        layer("Embed", "embed_param { num_output: 3 input_dim: 6 }"),
        {"x": np.float32([[5, 0, 3], [3, 1.5, 2]])},
        (TABLE, np.float32([1, -1, 2])),
    ),
    "samples": (
        layer("BatchReindex", "", "x", "order"),
        {"x": TIES, "order": np.float32([1, 1, 0])},
        (),
    ),
    "one input": (layer("Concat"), {"x": SIGNED}, ()),
    "no dropout": (layer("Dropout"), {"x": SIGNED}, ()),
    "dilation": (
        layer(
            "Deconvolution",
            "convolution_param { num_output: 2 kernel_h: 3 kernel_w: 2 dilation: 3 dilation: 2 "
            "stride: 2 bias_term: false }",
        ),
        {"x": MAPS},
        (KERNELS,),
    ),
    **{
        f"{channels} groups": (
            layer("Deconvolution", _depthwise(channels, settings)),
            {"x": RANDOM.standard_normal((2, channels, 4, 5)).astype(np.float32)},
            (RANDOM.standard_normal((channels, 1, 3, 2)).astype(np.float32),),
        )
        for channels, settings in ((2, ""), (3, ""), (6, "dilation: 2"), (35, ""))
    },
    "reverse": (layer("Reverse", "reverse_param { axis: 1 }"), {"x": MAPS}, ()),
    "flip": (
        layer("Flip", "flip_param { flip_width: true flip_height: true }"),
        {"x": MAPS},
        (),
    ),
    "nearest": (
        layer("Interp", "interp_param { height: 7 width: 8 interp_type: 'nearest_neighbor' }"),
        {"x": MAPS},
        (),
    ),
    "reflection": (
        layer("Pad", "pad_param { pad: 2 type: REFLECT }"),
        {"x": MAPS},
        (),
    ),
    **{
        f"power {power}": (
            layer("Power", f"power_param {{ power: {power} }}"),
            {"x": SIGNED},
            (),
        )
        for power in (0, 4, 5, 16, -1, -6)
    },
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_the_same_numbers(net_of: Callable[..., Net], run: Callable[..., Any], row: Any) -> None:
    text, inputs, weights = row
    net = net_of(text, {"l": weights}, **{name: array.shape for name, array in inputs.items()})
    batch = next(iter(inputs.values())).shape[0]
    plain, portable = lower(net), lower(net, portable=True, batch=batch)
    assert not {node.op_type for node in portable.proto.graph.node} & LACKING
    assert not any(map(_is_dilated, portable.proto.graph.node))
    expected = run(plain, **inputs)["y"]
    scale = np.maximum(1, np.abs(expected))
    assert_close(run(portable, **inputs)["y"] / scale, expected / scale)


def _is_dilated(node: Any) -> bool:
    return any(a.name == "dilations" and max(a.ints) > 1 for a in node.attribute)


@pytest.mark.parametrize(
    ("channels", "groups"), [(1, 1), (2, 1), (6, 3), (21, 7), (61, 1), (67, 67)]
)
def test_groups_of_one_channel_are_widened(
    net_of: Callable[..., Net], channels: int, groups: int
) -> None:
    """IREE compiles no group for each channel; too many zeros would cost too much."""
    kernels = np.ones((channels, 1, 3, 2), np.float32)
    text = layer("Deconvolution", _depthwise(channels))
    net = net_of(text, {"l": [kernels]}, x=(1, channels, 4, 5))
    (node,) = lower(net, portable=True).proto.graph.node
    assert [a.i for a in node.attribute if a.name == "group"] == [groups]


def test_a_power_that_is_no_product_stays(net_of: Callable[..., Net]) -> None:
    for power in (2, 17, 0.5):
        net = net_of(layer("Power", f"power_param {{ power: {power} }}"), x=(2, 3))
        assert [node.op_type for node in lower(net, portable=True).proto.graph.node] == ["Pow"]


def test_many_indices_are_sorted_all_the_same(net_of: Callable[..., Net]) -> None:
    net = net_of(layer("ArgMax", "argmax_param { top_k: 17 }"), x=(2, 20))
    assert "TopK" in {node.op_type for node in lower(net, portable=True).proto.graph.node}


OUTPUTS = {
    "twice": 'layer { name: "s" type: "Split" bottom: "x" top: "y" top: "z" }',
    "as it came": 'layer { name: "f" type: "Flatten" bottom: "x" top: "y" }',
    "a constant": 'layer { name: "p" type: "PriorBox" bottom: "x" bottom: "x" top: "y" '
    "prior_box_param { min_size: 2 } }",
}


@pytest.mark.parametrize("text", OUTPUTS.values(), ids=OUTPUTS)
def test_every_output_is_a_result(
    net_of: Callable[..., Net], run: Callable[..., Any], text: str
) -> None:
    x = MAPS if "PriorBox" in text else np.float32([[1, -np.inf, np.nan, 0], [-0.0, 2, 3, np.inf]])
    net = net_of(text, x=x.shape)
    portable = lower(net, portable=True)
    assert "Identity" not in {node.op_type for node in portable.proto.graph.node}
    assert "x" in {name for node in portable.proto.graph.node for name in node.input}
    results, expected = run(portable, x=x), run(lower(net), x=x)
    assert results.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(results[name], array)


FAMILIES = ("argmax", "batchreindex", "deconv_d", "embed", "net_seg", "power", "prior", "thresh")


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=() if str(case).startswith(FAMILIES) else pytest.mark.nightly)
        for case in cases()
    ],
    ids=str,
)
def test_golden(case: Case, run: Callable[..., Any]) -> None:
    shapes = {name: array.shape for name, array in case.inputs.items()}
    net = read(case.prototxt, case.caffemodel)
    shape = shapes if "reshaped" in case.tags else {}
    model = lower(net, input_shape=shape, portable=True)
    assert_outputs(case, run(model, **feeds(case, model)))
