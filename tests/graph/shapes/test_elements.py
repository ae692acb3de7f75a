"""What a graph computes of sizes, element by element."""

from __future__ import annotations

import numpy as np
import pytest

from bridge import ir
from bridge.graph.shapes.elements import computed_elements, elements_of
from bridge.graph.shapes.inference import follow_sizes
from tests.helpers.keras_against_onnx import graph, in_onnxruntime, seeded

VALUES = {"n": 2, "h": 11, "w": 8}

# Nodes that compute v of x: n 4 h w, and what v is known to be.
CASES = {
    "v = Shape(x)": "n 4 h w",
    "v = Shape<start=-3, end=-1>(x)": "4 h",
    "v0 = Size(x) v = Unsqueeze(v0, zero)": "4*h*n*w",
    "s = Shape(x) v = Gather(s, picks)": "w n",
    "s = Shape(x) v = Slice(s, one, three)": "4 h",
    "s = Shape(x) v = Slice(s, three, zero, zero, minus)": "w h 4",
    "s = Shape(x) t = Slice(s, one, three) v = Concat<axis=0>(t, minus, t)": "4 h -1 4 h",
    "s = Shape(x) v = Mul(s, three)": "3*n 12 3*h 3*w",
    "s = Shape(x) v = Add(s, s)": "2*n 8 2*h 2*w",
    "s = Shape(x) v = Sub(s, one)": "n-1 3 h-1 w-1",
    "s = Shape(x) v = Div(s, three)": "n//3 1 h//3 w//3",
    "s = Shape(x) t = Mul(s, s) v = Div(t, s)": "n 4 h w",
    "s = Shape(x) f = Cast<to=1>(s) g = Mul(f, two) h = Floor(g) v = Cast<to=7>(h)": (
        "2*n 8 2*h 2*w"
    ),
    "s = Shape(x) t = Mul(s, three) v = Mod(t, three)": "0 0 0 0",
    "s = Shape(x) t = Add(s, one) v = Max(s, t)": "n+1 5 h+1 w+1",
    "s = Shape(x) t = Add(s, one) v = Min(s, t)": "n 4 h w",
    "s = Shape(x) v = ReduceProd<axes=[0], keepdims=1>(s)": "4*h*n*w",
    "s = Shape(x) v = Neg(s)": "-n -4 -h -w",
    "s = Shape(x) e = Equal(s, minus) v = Where(e, one, s)": "n 4 h w",
    "s = Shape(x) t = Add(s, one) e = Less(s, t) v = Where(e, one, s)": "1 1 1 1",
    "s = Shape(x) e = GreaterOrEqual(s, s) f = Not(e) v = Where(f, one, s)": "n 4 h w",
    "v0 = ConstantOfShape(three) v = Cast<to=7>(v0)": "0 0 0",
    "v = Expand(one, three)": "1 1 1",
    "s = Shape(x) v = Identity(s)": "n 4 h w",
    # Of these only some are known.
    "s = Shape(x) e = Equal(s, one) v = Where(e, minus, s)": "None 4 None None",
    "s = Shape(x) v = Max(s, three)": "None 4 None None",
    "s = Shape(x) f = Cast<to=1>(s) g = Div(f, two) h = Cast<to=7>(g) v = Mul(h, one)": (
        "None 2 None None"
    ),
}
CONSTANTS = {
    "zero": np.array([0]),
    "one": np.array([1]),
    "three": np.array([3]),
    "minus": np.array([-1]),
    "picks": np.array([-1, 0]),
    "two": np.array([2], np.float32),
}


@pytest.mark.parametrize("nodes", CASES)
def test_the_elements_are_those_of_the_result(nodes: str) -> None:
    count = len(CASES[nodes].split())
    # What becomes a constant is no output of the graph.
    text = f"g (float[n,4,h,w] x) => (int64[{count}] y) {{ {nodes} y = Identity(v) }}"
    model = graph(text, CONSTANTS)
    followed = ir.from_proto(model)
    nodes_before = {node.outputs[0].name: node for node in followed.graph}
    follow_sizes(followed)
    target = nodes_before["y"].inputs[0]
    known: dict[ir.Value, tuple[int | str | None, ...]] = {}
    for node in nodes_before.values():
        elements = computed_elements(node, [elements_of(value, known) for value in node.inputs])
        if elements is not None:
            known[node.outputs[0]] = elements
    elements = elements_of(target, known)
    assert elements is not None
    assert " ".join(map(str, elements)) == CASES[nodes]
    expected = in_onnxruntime(model, {"x": seeded((2, 4, 11, 8))})["y"].tolist()
    for element, number in zip(elements, expected, strict=True):
        assert element is None or eval(str(element), {}, VALUES) == number
