"""Activations that the operator before them computes."""

from __future__ import annotations

import pytest

from bridge.tflite.fusion import fused
from bridge.tflite.graph import Graph, Tensor

SHAPE = (None, 4)


def chain(g: Graph, *codes: str, dtype: str = "float32") -> list[Tensor]:
    tensors = [Tensor("x", SHAPE, dtype)]
    for code in codes:
        second = [tensors[-1]] if code == "ADD" else []
        tensors.append(g.op(code, tensors[-1], *second, shape=SHAPE))
    return tensors


@pytest.mark.parametrize(("code", "number"), [("RELU", 1), ("RELU6", 3)])
def test_an_activation_goes_into_the_operator_before_it(code: str, number: int) -> None:
    g = Graph()
    *_, last = chain(g, "ADD", code)
    (operator,) = fused(g.operators, [last])
    assert operator.options == {"fused_activation_function": number}
    assert operator.outputs == (last,)


@pytest.mark.parametrize(
    "codes", [("TANH", "RELU"), ("ADD", "TANH"), ("RELU",), ("ADD", "RELU", "RELU6")]
)
def test_only_where_there_is_the_option(codes: tuple[str, ...]) -> None:
    g = Graph()
    *_, last = chain(g, *codes)
    assert len(fused(g.operators, [last])) == len(codes) - (codes[:2] == ("ADD", "RELU"))


def test_a_result_that_something_else_reads_stays() -> None:
    g = Graph()
    _, total, last = chain(g, "ADD", "RELU")
    assert len(fused(g.operators, [last, total])) == 2
    g.op("TANH", total, shape=SHAPE)
    assert len(fused(g.operators, [last])) == 3


def test_integers_are_left_alone() -> None:
    g = Graph()
    *_, last = chain(g, "ADD", "RELU", dtype="int32")
    assert len(fused(g.operators, [last])) == 2
