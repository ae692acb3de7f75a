"""Rounding to steps and back, compared number by number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge.errors import UnsupportedOperatorError
from tests.helpers.keras_against_onnx import graph, in_onnxruntime, plan_of, raise_and_compare
from tests.helpers.strategies.nodes import Array, Draw, NodeExample, Tensor, nodes_of, shapes

EIGHT_BITS = st.sampled_from([np.int8, np.uint8])


@st.composite
def steps(draw: Draw, shape: tuple[int, ...], axis: int, dtype: type) -> tuple[Array, Array]:
    """Powers of two as scales: then no number lies so near a border that its rounding is open."""
    axis_shape: tuple[int, ...] = draw(st.sampled_from([(), (shape[axis],)]))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = 2.0 ** generator.integers(-6, -1, axis_shape)
    limits = np.iinfo(dtype)
    zero_point = generator.integers(limits.min, limits.max + 1, axis_shape)
    return np.asarray(scale, np.float32), np.asarray(zero_point, dtype)


@nodes_of("QuantizeLinear", since=10)
@st.composite
def quantize(draw: Draw, operator: str) -> NodeExample:
    shape = draw(shapes(1, 4))
    axis = draw(st.integers(0, len(shape) - 1))
    scale, zero_point = draw(steps(shape, axis, draw(EIGHT_BITS)))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = (generator.integers(-2000, 2000, shape) / 128).astype(np.float32)  # with halves of steps
    free = {} if scale.ndim and axis == 0 else {0: "batch"}
    return NodeExample((operator,), (Tensor(x, free), scale, zero_point), {"axis": axis})


@nodes_of("DequantizeLinear", since=10)
@st.composite
def dequantize(draw: Draw, operator: str) -> NodeExample:
    shape, dtype = draw(shapes(1, 4)), draw(EIGHT_BITS)
    axis = draw(st.integers(0, len(shape) - 1))
    scale, zero_point = draw(steps(shape, axis, dtype))
    x = draw(integers(shape, dtype))
    free = {} if scale.ndim and axis == 0 else {0: "batch"}
    return NodeExample((operator,), (Tensor(x, free), scale, zero_point), {"axis": axis})


@st.composite
def integers(draw: Draw, shape: tuple[int, ...], dtype: type) -> NDArray[np.integer]:
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    limits = np.iinfo(dtype)
    return generator.integers(limits.min, limits.max + 1, shape).astype(dtype)


@nodes_of("DynamicQuantizeLinear", since=11)
@st.composite
def dynamic(draw: Draw, operator: str) -> NodeExample:
    """Among the numbers is the range 0 … 255 · a power of two, so that the scale is one."""
    shape = draw(shapes(1, 3))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = generator.integers(0, 256, shape).reshape(-1)
    x[0] = 255
    values = (x.reshape(shape) / draw(st.sampled_from([1, 8, 128]))).astype(np.float32)
    values = values * draw(st.sampled_from([1, -1]))
    return NodeExample((operator,), (Tensor(values, {0: "batch"}),), outputs=3)


# Examples


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16])
def test_halves_are_rounded_to_even_and_saturated(dtype: type) -> None:
    text = f"""g (float[9] x) => ({np.dtype(dtype).name}[9] y) {{
        y = QuantizeLinear(x, scale, zero)
    }}"""
    x = np.array([0, 0.25, 0.75, -0.25, -0.75, 1.25, 9e9, -9e9, 3], np.float32)
    constants = {"scale": np.float32(0.5), "zero": np.asarray(3, dtype)}
    model = graph(text, constants, opset=21)
    received = raise_and_compare(model, {"x": x}).run({"x": x})["y"]
    assert np.array_equal(received, in_onnxruntime(model, {"x": x})["y"])


def test_blocks_have_scales_of_their_own() -> None:
    text = """g (int8[2,4] x) => (float[2,4] y) {
        y = DequantizeLinear<axis=1, block_size=2>(x, scale)
    }"""
    scale = np.array([[1, 2], [3, 4]], np.float32)
    x = np.arange(8, dtype=np.int8).reshape(2, 4)
    raise_and_compare(graph(text, {"scale": scale}, opset=21), {"x": x})


def test_a_scale_may_be_computed() -> None:
    text = """g (float[3] x, float scale, uint8 zero) => (uint8[3] y) {
        y = QuantizeLinear(x, scale, zero)
    }"""
    feeds = {"x": np.array([1, 2, 3], np.float32), "scale": np.float32(0.5), "zero": np.uint8(7)}
    feeds = {name: np.asarray(array) for name, array in feeds.items()}
    plan = plan_of(graph(text))
    assert [call.target for call in plan.calls][-1] == "ops.cast"
    raise_and_compare(graph(text), feeds)


def test_computed_scales_of_an_axis_are_refused() -> None:
    text = """g (float[2,3] x, float[3] scale, uint8[3] zero) => (uint8[2,3] y) {
        y = QuantizeLinear(x, scale, zero)
    }"""
    with pytest.raises(UnsupportedOperatorError, match="scales of an axis"):
        plan_of(graph(text))
