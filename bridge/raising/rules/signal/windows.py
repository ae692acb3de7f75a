"""Windows and filters for signals: constants whose size the graph knows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bridge.errors import GraphError, UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.table import Candidate, Node, Operand, lookup, raises

# ONNX's numbers of the types of floats, and NumPy's names.
_DTYPES = {"1": "float32", "10": "float16", "11": "float64"}


@raises("BlackmanWindow")
def blackman_window(
    node: Node, size: Operand, *, output_datatype: int = 1, periodic: int = 1
) -> Candidate:
    """0.42 - 0.5·cos(2πn/N) + 0.08·cos(4πn/N)         (onnx.ai/onnx/operators, BlackmanWindow)"""
    return _window(node, (0.42, -0.5, 0.08), periodic, output_datatype)


@raises("HannWindow")
def hann_window(
    node: Node, size: Operand, *, output_datatype: int = 1, periodic: int = 1
) -> Candidate:
    """0.5 - 0.5·cos(2πn/N)                                (onnx.ai/onnx/operators, HannWindow)"""
    return _window(node, (0.5, -0.5), periodic, output_datatype)


@raises("HammingWindow")
def hamming_window(
    node: Node, size: Operand, *, output_datatype: int = 1, periodic: int = 1
) -> Candidate:
    """25/46 - 21/46·cos(2πn/N)                         (onnx.ai/onnx/operators, HammingWindow)"""
    return _window(node, (25 / 46, -21 / 46), periodic, output_datatype)


def _window(node: Node, terms: Sequence[float], periodic: int, dtype: int) -> Candidate:
    """A sum of cosines, of as many elements as the graph says that it has."""
    if len(node.shape) != 1:
        raise GraphError(
            "the size of a window is one number", received=f"a result of shape {node.shape}"
        )
    (size,) = node.shape
    if not isinstance(size, int):
        raise UnsupportedError("a window of unknown size", hint="fix the size of the window")
    angle = 2 * np.pi * np.arange(size) / (size if periodic else max(size - 1, 1))
    values = sum(term * np.cos(n * angle) for n, term in enumerate(terms))
    return _constant(node, np.asarray(values), dtype)


def _constant(node: Node, values: NDArray[np.float64], dtype: int) -> Candidate:
    stored = values.astype(np.dtype(lookup(_DTYPES, str(dtype), "output_datatype")))
    weight = Weight(stored.shape, lambda: stored, dtype=stored.dtype)
    return Candidate((None,), (Layout.identity(node.shape),), lambda k: k.constant(weight))


@raises("MelWeightMatrix")
def mel_weight_matrix(
    node: Node,
    num_mel_bins: Operand,
    dft_length: Operand,
    sample_rate: Operand,
    lower_edge_hertz: Operand,
    upper_edge_hertz: Operand,
    *,
    output_datatype: int = 1,
) -> Candidate:
    """dft_length/2+1 bins: triangles of height 1 that are equally wide on the mel scale

    (onnx.ai/onnx/operators, MelWeightMatrix)
    """
    rows, bins = node.shape
    if not isinstance(rows, int) or not isinstance(bins, int):
        raise UnsupportedError("a matrix of unknown size", received=node.shape)
    length, rate, low, high = (
        float(operand.array().reshape(()))
        for operand in (dft_length, sample_rate, lower_edge_hertz, upper_edge_hertz)
    )
    low, high = (2595 * np.log10(1 + hertz / 700) for hertz in (low, high))
    mels = low + np.arange(bins + 2) * (high - low) / (bins + 2)
    corners = ((length + 1) * 700 * (10 ** (mels / 2595) - 1) // rate).astype(int)
    if not 0 <= corners.min() <= corners.max() < rows:
        raise UnsupportedError("triangles beyond the frequencies of the transform")
    values = np.zeros((rows, bins))
    for column, (left, middle, right) in enumerate(
        zip(corners[:-2], corners[1:-1], corners[2:], strict=True)
    ):
        values[left : middle + 1, column] = np.linspace(0, 1, middle - left + 1)
        values[middle:right, column] = 1 - np.arange(right - middle) / max(right - middle, 1)
        values[middle, column] = 1
    return _constant(node, values, output_datatype)
