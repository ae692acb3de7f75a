"""The shapes of results of free sizes, held to the shapes that onnxruntime's results have."""

from __future__ import annotations

import pytest

from tests.helpers.free_sizes import assert_shape, shape_of
from tests.helpers.keras_against_onnx import graph

# Nodes of x: n 4 h w, and the shape of y as it is to be spelled.
CASES = {
    "y = Add(x, half)": "n 4 h w",
    "y = Flatten<axis=2>(x)": "4*n h*w",
    "y = Flatten<axis=-1>(x)": "4*h*n w",
    "s = Constant<value_ints=[0, 2, -1]>() y = Reshape(x, s)": "n 2 2*h*w",
    "s = Constant<value_ints=[-1, 2, 2]>() y = Reshape(x, s)": "h*n*w 2 2",
    "r = Constant<value_ints=[1, 2, 1, 3]>() y = Tile(x, r)": "n 8 h 3*w",
    "y = Concat<axis=2>(x, x)": "n 4 2*h w",
    "p = Constant<value_ints=[0, 0, 1, 0, 0, 0, 2, 0]>() y = Pad(x, p)": "n 4 h+3 w",
    "a = Constant<value_ints=[1]>() b = Constant<value_ints=[-1]>() "
    "c = Constant<value_ints=[2]>() y = Slice(x, a, b, c)": "n 4 h-2 w",
    "a = Constant<value_ints=[0]>() b = Constant<value_ints=[9999999999]>() "
    "c = Constant<value_ints=[2]>() d = Constant<value_ints=[3]>() "
    "y = Slice(x, a, b, c, d)": "n 4 (h+2)//3 w",
    "a = Constant<value_ints=[-1]>() b = Constant<value_ints=[-9999999999]>() "
    "c = Constant<value_ints=[2]>() y = Slice(x, a, b, c, a)": "n 4 h w",
    "y, z = Split<axis=1>(x)": "n 2 h w",
    "k1 = Constant<value_ints=[3]>() y, i = TopK<axis=1>(x, k1)": "n 3 h w",
    "s = Shape(x) y = ConstantOfShape(s)": "n 4 h w",
    "s = Shape<start=2, end=3>(x) a = Constant<value_int=0>() b = Constant<value_int=2>() "
    "e = Constant<value_ints=[0]>() t = Squeeze(s, e) i = Range(a, t, b) y = Cast<to=1>(i)": (
        "(h+1)//2"
    ),
    "s = Shape(x) o = Constant<value_floats=[1.0]>() y = Expand(o, s)": "n 4 h w",
    "y = GroupNormalization<num_groups=2>(x, g, g)": "n 4 h w",
}


@pytest.mark.parametrize("nodes", CASES)
def test_the_shape_is_that_of_the_result(nodes: str) -> None:
    assert_shape(nodes, CASES[nodes])


@pytest.mark.parametrize(
    "nodes",
    [
        # How many of a free size are below 5 is not known.
        (
            "a = Constant<value_ints=[0]>() b = Constant<value_ints=[5]>() "
            "c = Constant<value_ints=[2]>() y = Slice(x, a, b, c)"
        ),
        "y = Add(x, other)",
    ],
)
def test_what_is_not_known_has_a_name_of_its_own(nodes: str) -> None:
    text = f"g (float[n,4,h,w] x, float[n,4,p,w] other) => (float[n,4,a,b] y) {{ {nodes} }}"
    model = graph(text)
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    model.graph.output[0].type.tensor_type.ClearField("shape")
    height = shape_of(model)[2]
    assert isinstance(height, str)
    assert height.startswith("unk__")
