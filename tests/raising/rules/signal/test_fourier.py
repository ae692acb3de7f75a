"""Fourier transforms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from bridge.errors import UnsupportedOperatorError
from bridge.raising.rules.signal.fourier import LONGEST, spectrum
from tests.helpers.keras_against_onnx import graph, plan_of, raise_and_compare, seeded
from tests.helpers.strategies.nodes import Draw, NodeExample, Operand, nodes_of, shapes, tensor


@nodes_of("DFT", since=20)
@st.composite
def dft(draw: Draw, operator: str) -> NodeExample:
    return _dft(draw, axis_is_input=True)


@nodes_of("DFT", since=17)
@st.composite
def dft_by_attribute(draw: Draw, operator: str) -> NodeExample:
    return _dft(draw, axis_is_input=False)


def _dft(draw: Draw, axis_is_input: bool) -> NodeExample:
    """onnxruntime knows no one-sided inverse."""
    shape = draw(shapes(1, 3))
    axis, inverse = draw(st.integers(0, len(shape) - 1)), draw(st.integers(0, 1))
    parts = draw(st.sampled_from([1, 2]))
    onesided = 0 if inverse or parts == 2 else draw(st.integers(0, 1))
    x = draw(tensor((*shape, parts), batch=None if axis == 0 else 0))
    length = draw(st.sampled_from([None, np.array(shape[axis] + 2), np.array(shape[axis])]))
    attributes: dict[str, Any] = {"inverse": inverse, "onesided": onesided}
    operands: list[Operand] = [x, length]
    if axis_is_input:
        operands.append(np.array(axis - draw(st.sampled_from([0, len(shape) + 1]))))
    else:
        attributes["axis"] = axis
        operands = operands if length is not None else [x]
    opset = 20 if axis_is_input else 17
    return NodeExample(("DFT",), tuple(operands), attributes, opset=opset)


@nodes_of("STFT")
@st.composite
def stft(draw: Draw, operator: str) -> NodeExample:
    length = draw(st.integers(2, 9))
    x = draw(tensor((draw(st.integers(1, 3)), length + draw(st.integers(0, 12)), 1)))
    window = draw(st.sampled_from([None, seeded((length,))]))
    frame_length = np.array(length) if window is None else None
    operands: list[Operand] = [x, np.array(draw(st.integers(1, 4))), window, frame_length]
    attributes = draw(st.sampled_from([{}, {"onesided": 1}, {"onesided": 0}]))
    return NodeExample((operator,), tuple(operands[: 3 if window is not None else 4]), attributes)


# Examples


@pytest.mark.parametrize("length", [6, 7])
def test_a_one_sided_inverse_is_that_of_numpy(length: int) -> None:
    bins = seeded((length // 2 + 1, 2))
    matrix = spectrum(len(bins), length, 2, True, True)
    expected = np.fft.irfft(bins[:, 0] + 1j * bins[:, 1], length)
    np.testing.assert_allclose(np.einsum("ni,niko->k", bins, matrix), expected, atol=1e-6)


def test_frames_of_a_signal_of_free_length() -> None:
    text = """g (float[n,t,1] x) => (float[n,frames,9,2] y) { y = STFT(x, step, , size) }"""
    constants = {"step": np.array(8), "size": np.array(16)}
    raised = raise_and_compare(graph(text, constants), {"x": seeded((2, 128, 1))})
    assert raised.model.input_shape == (None, None, 1)


def test_too_long_a_transform_is_refused() -> None:
    text = f"g (float[1,{LONGEST + 1},1] x) => (y) {{ y = DFT(x) }}"
    with pytest.raises(UnsupportedOperatorError, match="so many elements"):
        plan_of(graph(text))
