"""Whole numbers of 64 bits without a sign."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.errors import UnsupportedOperatorError
from bridge.keras.build import build
from tests.helpers.archives import loaded_from_archive
from tests.helpers.keras_against_onnx import Raised, graph, plan_of, raise_and_compare

LARGE = np.array([2**63 + 5, 2**40 + 1, 7, 2**64 - 1], np.uint64)
OTHERS = np.array([2**33, 3, 2**63, 1], np.uint64)


@pytest.mark.parametrize(
    "operator", ["Add", "Sub", "Mul", "Max", "Min", "Equal", "Greater", "LessOrEqual"]
)
@pytest.mark.parametrize("constant", [True, False])
def test_uint64_keeps_all_its_bits(operator: str, constant: bool) -> None:
    """Keras makes a uint32 of two uint64."""
    result = "bool" if operator in ("Equal", "Greater", "LessOrEqual") else "uint64"
    inputs = "uint64[4] x" if constant else "uint64[4] x, uint64[4] c"
    model = graph(
        f"g ({inputs}) => ({result}[4] y) {{ y = {operator}(x, c) }}",
        {"c": OTHERS} if constant else {},
    )
    raised = raise_and_compare(model, {"x": LARGE} if constant else {"x": LARGE, "c": OTHERS})
    loaded_from_archive(raised.plan, raised.model)


@pytest.mark.parametrize("operator", ["Div", "Mod"])
def test_a_quotient_of_uint64_is_refused(operator: str) -> None:
    text = f"g (uint64[4] x, uint64[4] c) => (uint64[4] y) {{ y = {operator}(x, c) }}"
    with pytest.raises(UnsupportedOperatorError, match="of uint64, which Keras computes in uint32"):
        plan_of(graph(text))


@pytest.mark.parametrize("operator", ["BitwiseAnd", "BitwiseOr", "BitwiseXor"])
def test_bits_of_uint64(operator: str) -> None:
    text = f"g (uint64[4] x) => (uint64[4] y) {{ y = {operator}(x, c) }}"
    raise_and_compare(graph(text, {"c": OTHERS}, opset=18), {"x": LARGE})


@pytest.mark.parametrize("direction", ["LEFT", "RIGHT"])
def test_shifts_of_uint64(direction: str) -> None:
    text = f'g (uint64[4] x) => (uint64[4] y) {{ y = BitShift<direction="{direction}">(x, c) }}'
    shifts = np.array([0, 1, 33, 63], np.uint64)
    raised = raise_and_compare(graph(text, {"c": shifts}), {"x": LARGE})
    loaded_from_archive(raised.plan, raised.model)


@pytest.mark.parametrize(
    "node",
    [
        "z = Concat<axis=0>(c, x) y = Slice(z, zero, four)",
        "y = Expand(x, shape)",
    ],
)
def test_uint64_that_is_chosen_or_moved_keeps_all_its_bits(node: str) -> None:
    inputs, others = "uint64[4] x, bool[4] b, int64[1] shape", "bool[4] a, int64[1] s"
    text = f"g ({inputs}) => (uint64[n] y, {others}) {{ {node} a = Not(b) s = Neg(shape) }}"
    constants = {"c": OTHERS, "zero": np.array([0]), "four": np.array([4])}
    used = {name: array for name, array in constants.items() if name in node}
    feeds = {"x": LARGE, "b": np.array([True, False, True, False]), "shape": np.array([4])}
    raise_and_compare(graph(text, used), feeds)


def test_where_of_uint64() -> None:
    """onnxruntime has none of it, NumPy has."""
    text = "g (uint64[4] x, bool[4] b) => (uint64[4] y) { y = Where(b, x, c) }"
    plan = plan_of(graph(text, {"c": OTHERS}))
    chosen = np.array([True, False, True, False])
    received = Raised(plan, build(plan)).run({"x": LARGE, "b": chosen})["y"]
    assert np.array_equal(received, np.where(chosen, LARGE, OTHERS))


def test_a_product_over_uint64_is_refused() -> None:
    text = "g (uint64[4] x) => (uint64[1] y) { y = ReduceProd<keepdims=1>(x) }"
    with pytest.raises(UnsupportedOperatorError, match="of uint64, which Keras computes in uint32"):
        plan_of(graph(text))
