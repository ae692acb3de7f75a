"""Twice as many nodes take twice as many steps: no pass looks at all nodes again for each of them.

What is counted is calls of functions, not seconds, so the machine does not matter.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import keras
import numpy as np
import onnx
import pytest

from bridge import ir
from bridge.graph.passes import run_passes
from bridge.keras.build import build
from bridge.raising import Plan, raise_model

# What a link of a chain computes of v; its result is w.
LINKS = {
    "mixed": """a = Conv(v, kernel) b = Concat<axis=1>(a, v) c = Conv(b, wide) d = Shape(c)
        e = Gather<axis=0>(d, one) f = Cast<to=1>(e) g = Mul(c, f) w = Tanh(g)""",
    "constants": """a = Shape(v) b = ConstantOfShape(a) c = Cast<to=1>(b) d = Add(c, number)
        w = Add(v, d)""",
    "branches": """a = If(yes) <
            then_branch = g () => (float[1,4,5,5] r) { r = Relu(v) },
            else_branch = h () => (float[1,4,5,5] r) { r = Abs(v) }
        > w = Neg(a)""",
    "sizes": 'a = Resize<mode="nearest">(v, , scales) w = MaxPool<kernel_shape=[3,3]>(a)',
    "bodies": 'a, b = SoftmaxCrossEntropyLoss<reduction="none">(v, labels) w = Add(v, b)',
    "transposes": "a = Transpose<perm=[0,1,3,2]>(v) w = Transpose<perm=[0,1,3,2]>(a)",
    "permutations": """a = Conv(v, kernel) b = Flatten(a) c = CumSum(b, one)
        d = Reshape(c, shape) w = Add(d, a)""",
}
# Links that cost much or little.
LENGTHS = {"permutations": 3, "transposes": 30}
CONSTANTS = {
    "kernel": np.ones((4, 4, 1, 1), np.float32),
    "wide": np.ones((4, 8, 1, 1), np.float32),
    "one": np.array(1),
    "number": np.float32(1),
    "yes": np.array(True),
    "scales": np.float32([1, 1, 1.4, 1.4]),
    "labels": np.zeros((1, 5, 5), np.int64),
    "shape": np.array([0, 4, 5, 5]),
}


def chain(link: str, length: int) -> ir.Model:
    steps = (re.sub(r"\b([a-h])\b", rf"\g<1>{i}", LINKS[link]) for i in range(length))
    steps = (re.sub(r"\bv\b", f"v{i}", step) for i, step in enumerate(steps))
    body = " ".join(re.sub(r"\bw\b", f"v{i + 1}", step) for i, step in enumerate(steps))
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["": 17]> '
        f"g (float[1,4,5,5] v0) => (float[1,4,5,5] v{length}) {{ {body} }}"
    )
    for name, array in CONSTANTS.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(array), name))
    return ir.from_proto(model)


def calls(work: Callable[[], Any]) -> int:
    """How many functions are called, Python's and C's."""
    count = 0

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def growth(work: Callable[[int], Any], length: int) -> float:
    """What the second doubling of a length adds, by what the first added: 2 if the work is
    proportional to the length, and 4 if it is to the square."""
    work(length)  # what is computed once
    one, two, four = (calls(lambda n=n: work(n)) for n in (length, 2 * length, 4 * length))
    return (four - two) / (two - one)


def planned(link: str, length: int) -> Plan:
    return raise_model(run_passes(chain(link, length)))


@pytest.mark.parametrize("link", LINKS)
def test_raising_grows_with_the_nodes(link: str) -> None:
    assert growth(lambda length: planned(link, length), LENGTHS.get(link, 5)) < 2.1


def test_building_grows_with_the_calls() -> None:
    plans = {length: planned("branches", length) for length in (5, 10, 20)}

    def built(length: int) -> None:
        keras.backend.clear_session()
        build(plans[length])

    assert growth(built, 5) < 2.1
