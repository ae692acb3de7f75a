"""Whole numbers of 64 bits without a sign."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.errors import UnsupportedOperatorError
from tests.helpers.keras_against_onnx import graph, plan_of, raise_and_compare

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
    raise_and_compare(model, {"x": LARGE} if constant else {"x": LARGE, "c": OTHERS})


@pytest.mark.parametrize("operator", ["Div", "Mod"])
def test_a_quotient_of_uint64_is_refused(operator: str) -> None:
    text = f"g (uint64[4] x, uint64[4] c) => (uint64[4] y) {{ y = {operator}(x, c) }}"
    with pytest.raises(UnsupportedOperatorError, match="of uint64, which Keras computes in uint32"):
        plan_of(graph(text))
