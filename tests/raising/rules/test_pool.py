from __future__ import annotations

import pytest

from bridge.errors import UnsupportedOperatorError
from raised import graph, plan_of, raise_and_compare, seeded


@pytest.mark.parametrize(
    "attributes",
    [
        "kernel_shape=[2,2], dilations=[3,3]",
        "kernel_shape=[3,2], dilations=[1,4], strides=[2,1]",
        "kernel_shape=[3,3], dilations=[2,3], strides=[2,3], pads=[2,1,0,2]",
    ],
)
@pytest.mark.parametrize("before", ["Neg", "Relu"])
def test_windows_of_a_dilation(attributes: str, before: str) -> None:
    text = f"""g (float[n,3,8,9] x) => (float[n,3,h,w] y) {{
        a = {before}(x)  y = MaxPool<{attributes}>(a)
    }}"""
    raised = raise_and_compare(graph(text), {"x": seeded((2, 3, 8, 9))})
    assert not any(call.target == "ops.transpose" for call in raised.plan.calls)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("g (float[1,1,h,8] x) => (float[1,1,k,w] y) { y = %s(x) }", "of unknown size"),
        (
            "g (float[1,1,8,8] x) => (float[1,1,6,7] y, int64[1,1,6,7] i) { y, i = %s(x) }",
            "indices of maxima",
        ),
    ],
)
def test_what_dilation_cannot_be_raised(text: str, problem: str) -> None:
    with pytest.raises(UnsupportedOperatorError, match=problem):
        plan_of(graph(text % "MaxPool<kernel_shape=[2,2], dilations=[2,1]>"))


def test_an_average_with_dilation_is_refused() -> None:
    text = """g (float[1,1,8,8] x) => (float[1,1,6,6] y) {
        y = AveragePool<kernel_shape=[2,2], dilations=[2,2]>(x)
    }"""
    with pytest.raises(UnsupportedOperatorError, match="an average pooling with dilation"):
        plan_of(graph(text, opset=19))
