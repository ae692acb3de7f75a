"""Sizes that ONNX infers wrong, whether a file has them or leaves them to inference."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from bridge import ir
from bridge.graph.passes import run_passes
from bridge.graph.sizes import correct_sizes
from tests.helpers.keras_against_onnx import Array, in_onnxruntime, seeded


def graph(text: str, opset: int, constants: dict[str, Array] | None = None) -> onnx.ModelProto:
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]>\n{text}')
    for name, array in (constants or {}).items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    return model


def shapes(model: onnx.ModelProto) -> dict[str, list[object]]:
    passed = run_passes(ir.from_proto(model))
    return {value.name or "": [*(value.shape or ())] for n in passed.graph for value in n.outputs}


@pytest.mark.parametrize(
    "declared", ["y", "float[1,1,4,4] y", "float[1,1,3,3] y", "float[1,1,h,w] y"]
)
@pytest.mark.parametrize("opset", [11, 17, 21])
@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool"])
def test_a_window_of_padding_alone_does_not_count(operator: str, opset: int, declared: str) -> None:
    attributes = "kernel_shape=[3,3], strides=[3,3], pads=[1,1,1,1], ceil_mode=1"
    text = f"g (float[1,1,8,8] x) => ({declared}) {{ a = {operator}<{attributes}>(x) y = Relu(a) }}"
    model = graph(text, opset)
    assert shapes(model) == {"a": [1, 1, 3, 3], "y": [1, 1, 3, 3]}
    model.graph.output[0].CopyFrom(onnx.ValueInfoProto(name="y"))
    assert in_onnxruntime(model, {"x": seeded((1, 1, 8, 8))})["y"].shape == (1, 1, 3, 3)


@pytest.mark.parametrize(
    ("size", "attributes"),
    [
        ((8, 7), "kernel_shape=[3,3], strides=[3,2], pads=[1,0,1,0], ceil_mode=1"),
        ((8, 8), "kernel_shape=[1,3], strides=[3,2], ceil_mode=1"),
        ((8, 8), "kernel_shape=[1,3], strides=[3,2], auto_pad='VALID', ceil_mode=1"),
        ((9, 8), "kernel_shape=[2,3], strides=[5,2], pads=[1,0,1,0], ceil_mode=1"),
        ((8, 10), "kernel_shape=[2,2], strides=[2,3], ceil_mode=1"),
        ((12, 5), "kernel_shape=[3,1], strides=[3,4], pads=[2,0,2,0], ceil_mode=1"),
    ],
)
@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool"])
def test_each_axis_by_itself_and_behind_one_another(
    operator: str, size: tuple[int, int], attributes: str
) -> None:
    node = f"{operator}<{attributes}>".replace("'", '"')
    text = f"""g (float[1,1,{size[0]},{size[1]}] x) => (y) {{
        a = {node}(x)  b = Relu(a)  c = MaxPool<kernel_shape=[1,1]>(b)  d = Exp(c)
        sizes = Shape(d)  y = Expand(b, sizes)
    }}"""
    # onnxruntime takes what it infers for the size that Shape gives, and fails over it.
    alone = graph(text[: text.index("b =")].replace("(y)", "(a)") + "}", 13)
    expected = in_onnxruntime(alone, {"x": seeded((1, 1, *size))})["a"].shape
    assert {tuple(shape) for shape in shapes(graph(text, 13)).values()} == {expected}


@pytest.mark.parametrize("declared", ["y", "float[1,2,1,6] y", "float[1,2,1,7] y"])
@pytest.mark.parametrize("opset", [11, 13, 18])
def test_a_scaled_size_is_rounded_to_float32_first(opset: int, declared: str) -> None:
    text = f"""g (float[1,2,1,5] x) => ({declared}) {{
        a = Resize<mode="nearest">(x, none, scales)  y = Relu(a)
    }}"""
    scales = {"scales": np.float32([1, 1, 1, 1.4]), "none": np.zeros(0, np.float32)}
    assert shapes(graph(text, opset, scales)) == {"a": [1, 2, 1, 7], "y": [1, 2, 1, 7]}


def test_sizes_that_follow_from_corrected_ones_are_corrected_in_the_same_walk() -> None:
    """So that a chain of them takes one inference of the whole graph, and not one for each."""
    steps = ['a = Resize<mode="nearest">(x, , scales)']
    for i in range(20):
        steps.append(f"b{i} = MaxPool<kernel_shape=[1,3]>({f'a{i - 1}' if i else 'a'})")
        steps.append(f'a{i} = Resize<mode="nearest">(b{i}, , scales)')
    text = f"g (float[1,1,1,5] x) => (y) {{ {' '.join(steps)} y = Relu(a19) }}"
    proto = graph(text, 13, {"scales": np.float32([1, 1, 1, 1.4])})
    model = ir.from_proto(onnx.shape_inference.infer_shapes(proto))
    assert correct_sizes(model)
    sizes = [value.shape and value.shape[3] for n in model.graph for value in n.outputs]
    assert sizes == [7, *[5, 7] * 20, 7]
    assert not correct_sizes(model)


def test_a_free_size_stays_free() -> None:
    text = 'g (float[n,2,1,5] x) => (y) { y = Resize<mode="nearest">(x, , scales) }'
    sizes = shapes(graph(text, 13, {"scales": np.float32([1, 1, 2, 1.4])}))
    assert not isinstance(sizes["y"][0], int)
    assert sizes["y"][1:] == [2, 2, 7]
    pool = "MaxPool<kernel_shape=[1,1], strides=[3,3], ceil_mode=1>"
    text = f"g (float[n,2,h,8] x) => (y) {{ y = {pool}(x) }}"
    size = shapes(graph(text, 13))["y"][2]
    assert not isinstance(size, int)
