"""A plan as text."""

from __future__ import annotations

import numpy as np

from bridge.layout import Layout, Weight
from bridge.raising.plan import Call, Permutation, Plan, PlanInput, Ref, Stored
from tests.helpers.keras_against_onnx import graph, plan_of, seeded


def test_refs() -> None:
    assert (str(Ref(3)), str(Ref(3, 1))) == ("%3", "%3[1]")


def test_a_call_says_what_it_takes() -> None:
    weight = Weight((2, 3), lambda: np.ones((2, 3)))
    call = Call(4, "fc", "layers.Dense", (Ref(1),), {"units": 3}, {"kernel": weight})
    assert str(call) == "%4 fc = layers.Dense(%1, units=3, kernel: 2 3)"
    concatenated = Call(5, "cat", "layers.Concatenate", ([Ref(1), Ref(4, 1)],), {"axis": 1})
    assert str(concatenated) == "%5 cat = layers.Concatenate([%1, %4[1]], axis=1)"


def test_a_whole_plan() -> None:
    plan = Plan(
        "net",
        (PlanInput(1, "data", "data", ("batch", 8, 8, 3), "float32"),),
        (Call(2, "relu", "layers.ReLU", (Ref(1),)),),
        ("relu",),
        {"relu": Stored(Ref(2), Layout.identity(("batch", 3)))},
    )
    assert str(plan).splitlines() == [
        "%1 data: batch 8 8 3 float32",
        "%2 relu = layers.ReLU(%1)",
        "return %2",
    ]


def test_a_permutation_says_for_whom() -> None:
    text = str(Permutation(1, 2, "data", "n c -> n c", "n c -> c n", 24, "node 'a' (Add)"))
    assert text == "data: n c -> n c to n c -> c n, 24 bytes, for node 'a' (Add)"


def test_planning_needs_no_weight() -> None:
    """Weights are read when the model is built."""
    text = "g (float[n,3] x) => (float[n,2] y) { y = Gemm<transB=1>(x, w) }"
    plan = plan_of(graph(text, {"w": seeded((2, 3))}))
    (call,) = plan.calls
    weight = call.weights["kernel"]
    assert weight.stored_shape == (3, 2)
    assert "_array" not in vars(weight)
