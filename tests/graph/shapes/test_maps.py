"""The shapes of maps whose sizes are free, held to those that onnxruntime's results have."""

from __future__ import annotations

import pytest

from tests.helpers.free_sizes import assert_shape, shape_of
from tests.helpers.keras_against_onnx import graph

# Nodes of x: n 4 h w, and the shape of y as it is to be spelled.
CASES = {
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
}


@pytest.mark.parametrize("nodes", CASES)
def test_the_shape_is_that_of_the_result(nodes: str) -> None:
    assert_shape(nodes, CASES[nodes])


def test_windows_of_which_one_may_begin_in_the_padding() -> None:
    """Such a window is none, and there is one for some sizes only."""
    node = "y = MaxPool<kernel_shape=[2, 2], strides=[3, 3], ceil_mode=1>(x)"
    shape = shape_of(graph(f"g (float[n,4,h,w] x) => (float[n,4,a,b] y) {{ {node} }}"))
    assert shape == ["n", 4, "a", "b"]
