"""The shapes of results of free sizes, held to the shapes that onnxruntime's results have."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from bridge.graph.shapes.inference import follow_sizes
from tests.helpers.keras_against_onnx import graph, in_onnxruntime, seeded

VALUES = {"n": 2, "h": 11, "w": 8}

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
    "y = Conv<kernel_shape=[3, 3], strides=[2, 2]>(x, k)": "n 4 (h+1)//2-1 (w+1)//2-1",
    "y = Conv<kernel_shape=[3, 3], pads=[1, 1, 1, 1]>(x, k)": "n 4 h w",
    'y = Conv<kernel_shape=[3, 3], auto_pad="SAME_UPPER", strides=[2, 2]>(x, k)': (
        "n 4 (h+1)//2 (w+1)//2"
    ),
    "y = Conv<kernel_shape=[3, 3], dilations=[2, 1]>(x, k)": "n 4 h-4 w-2",
    "y = MaxPool<kernel_shape=[2, 2], strides=[2, 2]>(x)": "n 4 h//2 w//2",
    "y = MaxPool<kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1>(x)": "n 4 (h+1)//2 (w+1)//2",
    "y = AveragePool<kernel_shape=[3, 3], strides=[3, 3], pads=[1, 1, 1, 1]>(x)": (
        "n 4 (h+2)//3 (w+2)//3"
    ),
    "y = ConvTranspose<strides=[2, 2], output_padding=[1, 1], pads=[1, 1, 1, 1]>(x, k)": (
        "n 4 2*h 2*w"
    ),
    "y = DepthToSpace<blocksize=2>(x)": "n 1 2*h 2*w",
    "y = SpaceToDepth<blocksize=1>(x)": "n 4 h w",
    "f = Constant<value_floats=[1.0, 1.0, 2.0, 3.0]>() y = Resize(x, , f)": "n 4 2*h 3*w",
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
    rank = len(CASES[nodes].split())
    output = ",".join(f"y{axis}" for axis in range(rank))
    opset = 21 if "GroupNorm" in nodes else 17
    ones = {"half": np.ones(1), "k": np.ones((4, 4, 3, 3)), "g": np.ones(4)}
    text = f"g (float[n,4,h,w] x) => (float[{output}] y) {{ {nodes} }}"
    constants = {name: array.astype(np.float32) for name, array in ones.items()}
    model = graph(text, constants, opset)
    shape = shape_of(model)
    assert " ".join(map(str, shape)) == CASES[nodes]
    expected = in_onnxruntime(model, {"x": seeded((2, 4, 11, 8))})["y"].shape
    assert tuple(eval(str(size), {}, VALUES) for size in shape) == expected


def shape_of(model: onnx.ModelProto) -> list[int | str]:
    """That of y, after Constants are initializers."""
    from onnx_ir.passes.common import LiftConstantsToInitializersPass

    followed = ir.from_proto(model)
    LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(followed)
    while follow_sizes(followed):
        pass
    (value,) = [value for value in followed.graph.outputs if value.name == "y"]
    return [size if isinstance(size, int) else str(size.value) for size in value.shape or ()]


@pytest.mark.parametrize(
    "nodes",
    [
        # A window that begins in the padding is none, and there is one for some sizes.
        "y = MaxPool<kernel_shape=[2, 2], strides=[3, 3], ceil_mode=1>(x)",
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
