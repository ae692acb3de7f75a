"""Blocks of a map as channels, and back: new names for the axes, by which nothing moves."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.errors import UnsupportedError
from bridge.layout import Layout, product, quotient
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref, Size
from bridge.raising.search.permuting import reshape
from bridge.raising.table import Candidate, Node, Operand, Shape, raises


@raises("SpaceToDepth")
def space_to_depth(node: Node, x: Operand, *, blocksize: int) -> Candidate:
    """n c (h a) (w b) -> n (a b c) h w                    (onnx.ai/onnx/operators, SpaceToDepth)"""
    n, c, high, wide = x.shape
    h, w = (_divided(size, blocksize) for size in (high, wide))
    cut = (n, c, h, blocksize, w, blocksize)
    return _renamed(x, cut, (0, 3, 5, 1, 2, 4), (n, product((c, blocksize**2)), h, w))


@raises("DepthToSpace")
def depth_to_space(node: Node, x: Operand, *, blocksize: int, mode: str = "DCR") -> Candidate:
    """n (a b c) h w -> n c (h a) (w b), or of n (c a b) h w where the mode is CRD

    (onnx.ai/onnx/operators, DepthToSpace)
    """
    n, channels, h, w = x.shape
    c = _divided(channels, blocksize**2)
    larger = (n, c, product((h, blocksize)), product((w, blocksize)))
    if mode == "CRD":
        return _renamed(x, (n, c, blocksize, blocksize, h, w), (0, 1, 4, 2, 5, 3), larger)
    return _renamed(x, (n, blocksize, blocksize, c, h, w), (0, 3, 4, 1, 5, 2), larger)


def _divided(size: Size, by: int) -> Size:
    part = quotient(size, by)
    if part is None:
        raise UnsupportedError(f"blocks of {by} along an axis of unknown size", received=size)
    return part


def _renamed(x: Operand, shape: Shape, order: Sequence[int], joined: Shape) -> Candidate:
    """The axes cut to a shape, put into another order and joined again; where they cannot be cut
    as they lie, x is brought to ONNX's order first."""
    input_layout = x.layout if x.layout.grouped(shape) else Layout.identity(x.shape)
    cut = input_layout.grouped(shape)
    output_layout = cut and cut.permuted(order).grouped(joined)
    if output_layout is None:
        raise UnsupportedError("blocks of maps of this size", received=x.shape)
    stored = output_layout.stored_shape

    def build(k: Recorder, x: Ref) -> Ref:
        return (
            x
            if input_layout.stored_shape == stored
            else reshape(k, x, input_layout.stored_shape, stored)
        )

    return Candidate((input_layout,), (output_layout,), build)
