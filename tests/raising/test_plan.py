"""A plan as text."""

from __future__ import annotations

import numpy as np

from bridge.layout import Layout, Weight
from bridge.raising.plan import Call, Permutation, Plan, PlanInput, Ref, Stored, needed
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


def test_calls_that_no_result_depends_on_are_not_needed() -> None:
    """The layer that is applied again has its weights from its first call."""
    x, kernel = Ref(1), {"kernel": Weight((2, 3), lambda: np.ones((2, 3)))}
    first = Call(2, "fc", "layers.Dense", (x,), {"units": 3}, kernel)
    unread = Call(3, "abs", "ops.absolute", (Ref(2),))
    again = Call(4, "fc", "layers.Dense", ([Ref(1)],), again=2)
    last = Call(5, "cat", "ops.concatenate", ([Ref(4), x],))
    assert needed([first, unread, again, last], [Ref(5, 0)]) == (first, again, last)


def test_a_rule_may_compute_what_no_node_reads() -> None:
    text = "g (float[4] x) => (float[n] y) { y, , i = Unique<axis=0>(x) }"
    targets = [call.target for call in plan_of(graph(text)).calls]
    assert targets.count("ops.cast") == 0
