"""Blocks of a map as channels, and back: a relabelling of axes, so that no data moves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight, product, quotient
from bridge.raising.building.candidates import channels_last, resized
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref, Size
from bridge.raising.search.permuting import reshape
from bridge.raising.table import Candidate, Node, Operand, Shape, raises


@raises("SpaceToDepth")
def space_to_depth(node: Node, x: Operand, *, blocksize: int, mode: str = "DCR") -> Candidate:
    """n c (h a) (w b) -> n (a b c) h w, or to n (c a b) h w in mode CRD

    (onnx.ai/onnx/operators, SpaceToDepth)
    """
    n, c, high, wide = x.shape
    if _must_be_convolved(x):
        return _convolved(node, x, "Conv2D", blocksize, mode)
    h, w = (_divided(size, blocksize) for size in (high, wide))
    split = (n, c, h, blocksize, w, blocksize)
    order = (0, 1, 3, 5, 2, 4) if mode == "CRD" else (0, 3, 5, 1, 2, 4)
    return _relabelled(x, split, order, (n, product((c, blocksize**2)), h, w))


@raises("DepthToSpace")
def depth_to_space(node: Node, x: Operand, *, blocksize: int, mode: str = "DCR") -> Candidate:
    """n (a b c) h w -> n c (h a) (w b), or from n (c a b) h w in mode CRD

    (onnx.ai/onnx/operators, DepthToSpace)
    """
    n, channels, h, w = x.shape
    if _must_be_convolved(x):
        return _convolved(node, x, "Conv2DTranspose", blocksize, mode)
    c = _divided(channels, blocksize**2)
    larger = (n, c, product((h, blocksize)), product((w, blocksize)))
    if mode == "CRD":
        return _relabelled(x, (n, c, blocksize, blocksize, h, w), (0, 1, 4, 2, 5, 3), larger)
    return _relabelled(x, (n, blocksize, blocksize, c, h, w), (0, 3, 4, 1, 5, 2), larger)


def _must_be_convolved(x: Operand) -> bool:
    """Whether both sizes of a map of numbers are free: Keras has no reshape for that."""
    _, channels, *spatial = x.shape
    are_free = all(isinstance(size, str) for size in spatial)
    return are_free and isinstance(channels, int) and "float" in x.dtype


def _convolved(node: Node, x: Operand, layer: str, block: int, mode: str) -> Candidate:
    """By a convolution that copies each element once. What is not finite spreads over its block."""
    few = min(int(size) for size in (x.shape[1], node.shape[1]))
    order = (2, 0, 1) if mode == "CRD" else (0, 1, 2)
    sizes = [(block, block, few)[axis] for axis in order]
    # The channel of the blocks for each position in one, and each of the few channels.
    channels = np.arange(few * block**2).reshape(sizes).transpose(np.argsort(order))
    kernel = np.eye(few * block**2, dtype=np.float32)[channels]
    weight = Weight(kernel.shape, lambda: kernel, dtype=kernel.dtype)
    input_layout = channels_last(x, identity_channels=True)
    output_layout = resized(input_layout, node.shape, (1, 2, 3))

    def build(k: Recorder, x: Ref) -> Ref:
        return k.layer(
            layer,
            x,
            {"kernel": weight},
            filters=node.shape[1],
            kernel_size=(block, block),
            strides=(block, block),
            use_bias=False,
            trainable=False,
        )

    return Candidate((input_layout,), (output_layout,), build)


def _divided(size: Size, by: int) -> Size:
    result = quotient(size, by)
    if result is None:
        raise UnsupportedError(f"blocks of {by} along an axis of unknown size", received=size)
    return result


def _relabelled(x: Operand, shape: Shape, order: Sequence[int], merged: Shape) -> Candidate:
    """The axes split, transposed and merged again; if they cannot be split in the layout of x, it
    is first rearranged to the identity layout."""
    input_layout = x.layout if x.layout.grouped(shape) else Layout.identity(x.shape)
    split = input_layout.grouped(shape)
    output_layout = split and split.permuted(order).grouped(merged)
    if output_layout is None:
        raise UnsupportedError("blocks of maps of this size", received=x.shape)
    source, target = input_layout.stored_shape, output_layout.stored_shape

    def build(k: Recorder, x: Ref) -> Ref:
        return x if source == target else reshape(k, x, source, target)

    return Candidate((input_layout,), (output_layout,), build)
