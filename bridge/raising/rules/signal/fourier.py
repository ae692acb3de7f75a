"""Fourier transforms, as products with matrices of cosines and sines."""

from __future__ import annotations

from functools import lru_cache
from string import ascii_lowercase

import numpy as np
from numpy.typing import NDArray

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.building.candidates import resized, with_identity_axes
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref
from bridge.raising.table import Candidate, Node, Operand, raises

LONGEST = 8192
"""A longer transform would have a matrix of more than 1 GB."""


@raises("DFT", since=20)
def dft(
    node: Node,
    x: Operand,
    dft_length: Operand | None = None,
    axis: Operand | None = None,
    *,
    inverse: int = 0,
    onesided: int = 0,
) -> Candidate:
    """y[k] = Σ x[n]·e^(-2πi·k·n/N) along an axis; its last axis are real and imaginary parts

    One EinsumDense over both axes, whose kernel, not trainable, has the cosines and sines.
    (onnx.ai/onnx/operators, DFT)
    """
    along = -2 if axis is None else int(axis.array().reshape(()))
    length = None if dft_length is None else int(dft_length.array().reshape(()))
    return _transformed(node, x, along % x.rank, length, bool(inverse), bool(onesided))


@raises("DFT", since=17)
def dft_by_attribute(
    node: Node,
    x: Operand,
    dft_length: Operand | None = None,
    *,
    axis: int = 1,
    inverse: int = 0,
    onesided: int = 0,
) -> Candidate:
    """The same, with the axis as an attribute                     (onnx.ai/onnx/operators, DFT)"""
    length = None if dft_length is None else int(dft_length.array().reshape(()))
    return _transformed(node, x, axis % x.rank, length, bool(inverse), bool(onesided))


def _transformed(
    node: Node, x: Operand, axis: int, length: int | None, inverse: bool, onesided: bool
) -> Candidate:
    size, parts, last = x.shape[axis], x.shape[-1], x.rank - 1
    if not isinstance(size, int) or not isinstance(parts, int):
        raise UnsupportedError("a Fourier transform along an axis of unknown size", received=size)
    real = inverse and onesided
    length = length or (2 * (size - 1) if real else size)
    matrix = spectrum(min(size, length), length, parts, inverse, onesided)
    input_layout = with_identity_axes(x, [axis, last])
    rank = len(input_layout.stored_shape)
    at, part = input_layout.where(axis) or 0, input_layout.where(last) or 0
    output_layout = resized(input_layout, node.shape, [axis, last])
    shape = [*output_layout.stored_shape]

    def build(k: Recorder, x: Ref) -> Ref:
        if size > length:
            x = k.op("get_item", x, (*[slice(None)] * at, slice(0, length)))
        letters = ascii_lowercase[:rank]
        result = letters.replace(letters[at], "y").replace(letters[part], "z")
        equation = f"{letters},{letters[at]}{letters[part]}yz->{result}"
        kernel = Weight(matrix.shape, lambda: matrix, dtype=matrix.dtype)
        if 0 in (at, part):
            return k.op("einsum", equation, x, kernel)
        return k.layer(
            "EinsumDense",
            x,
            {"kernel": kernel},
            equation=equation,
            output_shape=tuple(s if isinstance(s, int) else None for s in shape[1:]),
            trainable=False,
        )

    operands = (input_layout, None, None)
    return Candidate(operands, (output_layout,), build)


@lru_cache(maxsize=8)
def spectrum(
    size: int, length: int, parts: int, inverse: bool, onesided: bool
) -> NDArray[np.float32]:
    """size parts k 2: how much each real (and imaginary) part of a signal, of which `size` elements
    are not 0, adds to each part of its transform. A one-sided inverse is real: size 2 k 1."""
    if length > LONGEST:
        raise UnsupportedError(
            "a Fourier transform of so many elements",
            expected=f"{LONGEST} or fewer",
            received=length,
        )
    real = inverse and onesided
    bins = length // 2 + 1 if onesided and not inverse else length
    size = min(size, length // 2 + 1) if real else size
    turns = np.outer(np.arange(size), np.arange(bins)) % length / length
    cosine, sine = np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)
    if inverse:
        cosine, sine = cosine / length, -sine / length
    rotation = np.array([[cosine, -sine], [sine, cosine]])[:parts]  # parts 2 size bins
    if real:  # each bin but those of frequency 0 and of half the length stands for two
        twice = np.where((np.arange(size) % max(length, 1) == 0), 1.0, 2.0)
        twice[np.arange(size) * 2 == length] = 1.0
        rotation = rotation[:, :1] * twice[:, None]
    return rotation.transpose(2, 0, 3, 1).astype(np.float32)


@raises("STFT")
def stft(
    node: Node,
    x: Operand,
    frame_step: Operand,
    window: Operand | None = None,
    frame_length: Operand | None = None,
    *,
    onesided: int = 1,
) -> Candidate:
    """x: n t 1 or n t 2   ->   n frames k 2, the transform of each frame times the window

    A Conv1D, not trainable, with the cosines and sines times the window as its kernel.
    (onnx.ai/onnx/operators, STFT)
    """
    weights = None if window is None else window.array().astype(np.float64)
    length, parts = _frame(x, weights, frame_length), x.shape[-1]
    if not isinstance(parts, int):
        raise UnsupportedError("a signal with parts of unknown number", received=x.shape)
    matrix = spectrum(length, length, parts, False, bool(onesided)).astype(np.float64)
    if weights is not None:
        matrix = matrix * weights[:, None, None, None]
    bins = matrix.shape[2]
    kernel = matrix.reshape(length, parts, bins * 2).astype(np.float32)

    def build(k: Recorder, x: Ref) -> Ref:
        y = k.layer(
            "Conv1D",
            x,
            {"kernel": Weight(kernel.shape, lambda: kernel, dtype=kernel.dtype)},
            filters=bins * 2,
            kernel_size=length,
            strides=int(frame_step.array().reshape(())),
            use_bias=False,
            trainable=False,
        )
        return k.layer("Reshape", y, target_shape=(-1, bins, 2))

    options = sum(operand is not None for operand in (frame_step, window, frame_length))
    return Candidate(
        (Layout.identity(x.shape), *(None,) * options), (Layout.identity(node.shape),), build
    )


def _frame(x: Operand, window: NDArray[np.float64] | None, frame_length: Operand | None) -> int:
    if frame_length is not None:
        return int(frame_length.array().reshape(()))
    length = x.shape[1] if window is None else len(window)
    if not isinstance(length, int):
        raise UnsupportedError("one frame of unknown size", hint="give STFT a frame_length")
    return length
