"""Shapes of free sizes, held to the shapes that onnxruntime's results have."""

from __future__ import annotations

import numpy as np
import onnx

from bridge import ir
from bridge.graph.shapes.inference import follow_sizes
from tests.helpers.keras_against_onnx import graph, in_onnxruntime, seeded

VALUES = {"n": 2, "h": 11, "w": 8}


def assert_shape(nodes: str, spelled: str) -> None:
    """The nodes give y of x: n 4 h w, of this shape, which is that of onnxruntime's result."""
    rank = len(spelled.split())
    output = ",".join(f"y{axis}" for axis in range(rank))
    opset = 21 if "GroupNorm" in nodes else 17
    ones = {"half": np.ones(1), "k": np.ones((4, 4, 3, 3)), "g": np.ones(4)}
    text = f"g (float[n,4,h,w] x) => (float[{output}] y) {{ {nodes} }}"
    constants = {name: array.astype(np.float32) for name, array in ones.items()}
    model = graph(text, constants, opset)
    shape = shape_of(model)
    assert " ".join(map(str, shape)) == spelled
    expected = in_onnxruntime(model, {"x": seeded((2, 4, 11, 8))})["y"].shape
    assert tuple(eval(str(size), {}, VALUES) for size in shape) == expected


def shape_of(model: onnx.ModelProto) -> list[int | str]:
    """That of y, after Constants are initializers."""
    followed = ir.from_proto(model)
    ir.lift_constants(followed)
    while follow_sizes(followed):
        pass
    (value,) = [value for value in followed.graph.outputs if value.name == "y"]
    return [size if isinstance(size, int) else str(size.value) for size in value.shape or ()]
