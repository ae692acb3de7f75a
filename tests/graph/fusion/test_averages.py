"""Averages whose divisors a product sets right are averages over zeros around the map again."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.convert import raise_caffe
from tests.helpers.golden_cases import case
from tests.helpers.keras_against_onnx import Array, graph, raise_and_compare, seeded

ON_MAP = np.float32([2, 3, 3, 3, 2])  # of windows of 3, around each of 5 positions
SAME = "kernel_shape=[3,3], strides=[1,1], pads=[1,1,1,1]"
PADDED = ["layers.ZeroPadding2D", "layers.AveragePooling2D"]


def functions(attributes: str, factors: Array, size: int = 5) -> list[str]:
    count = factors.shape[-1]
    text = f"a = AveragePool<{attributes}>(x) y = Mul(a, f)"
    ends = f"(float[b,2,{size},{size}] x) => (float[b,2,{count},{count}] y)"
    model = graph(f"g {ends} {{ {text} }}", {"f": factors.astype(np.float32)[None, None]})
    raised = raise_and_compare(model, {"x": seeded((2, 2, size, size))})
    return [call.target for call in raised.plan.calls]


def test_zeros_that_count() -> None:
    assert functions(SAME, np.multiply.outer(ON_MAP, ON_MAP) / 9) == PADDED


def test_a_window_that_ends_beyond_them() -> None:
    """Of 6 positions and 3 of a stride of 2, Caffe's last window has two of the divisor's three."""
    on_map, divisors = np.float32([2, 3, 3, 1]), np.float32([3, 3, 3, 2])
    factors = np.multiply.outer(on_map, on_map) / np.multiply.outer(divisors, divisors)
    attributes = "kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1], ceil_mode=1"
    assert functions(attributes, factors, 6) == [*PADDED, "ops.multiply"]


def test_a_factor_besides() -> None:
    factors = 0.7 * np.multiply.outer(ON_MAP, ON_MAP) / 9
    assert functions(SAME, factors) == [*PADDED, "ops.multiply"]


@pytest.mark.parametrize(
    ("attributes", "factors"),
    [
        (SAME, seeded((5, 5))),  # no divisors
        (f"{SAME}, count_include_pad=1", np.multiply.outer(ON_MAP, ON_MAP) / 9),
        ("kernel_shape=[1,1]", np.full((5, 5), 0.5)),  # no zeros
    ],
)
def test_other_products_stay(attributes: str, factors: Array) -> None:
    assert functions(attributes, factors)[-1] in ("ops.multiply", "layers.Multiply")


@pytest.mark.parametrize(
    "name", ["pool_ave_k3s2p1_even", "spp_ave", "net_squeezenet", "reduction_asum_axis1"]
)
def test_a_value_that_is_another_has_another_name(name: str) -> None:
    """The check of a conversion compares values by their names."""
    net = case(name)
    report = raise_caffe(net.prototxt, net.caffemodel if net.caffemodel.is_file() else None).report
    assert report is not None
    assert report.ok
