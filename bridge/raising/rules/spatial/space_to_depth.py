"""Blocks of a map as channels, and back: a relabelling of axes, so that no data moves."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.errors import UnsupportedError
from bridge.layout import Layout, product, quotient
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
    c = _divided(channels, blocksize**2)
    larger = (n, c, product((h, blocksize)), product((w, blocksize)))
    if mode == "CRD":
        return _relabelled(x, (n, c, blocksize, blocksize, h, w), (0, 1, 4, 2, 5, 3), larger)
    return _relabelled(x, (n, blocksize, blocksize, c, h, w), (0, 3, 4, 1, 5, 2), larger)


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
