"""Blocks of columns put back into a map."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref
from bridge.raising.table import Candidate, Node, Operand, raises


@raises("Col2Im", since=18)
def col2im(
    node: Node,
    x: Operand,
    image_shape: Operand,
    block_shape: Operand,
    *,
    dilations: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Candidate:
    """x: n (c *k) (*l), l blocks of size k   ->   n c *s, the sum of the blocks where they overlap

    Each axis is an EinsumDense, not trainable: its kernel says which element of which block is at
    which position.                                             (onnx.ai/onnx/operators, Col2Im)
    """
    sizes, kernel = image_shape.array().tolist(), block_shape.array().tolist()
    rank = len(sizes)
    if rank > 3:
        raise UnsupportedError(f"blocks over {rank} axes")
    ones, zeros = (1,) * rank, (0,) * (2 * rank)
    sides = zip(
        sizes,
        kernel,
        dilations or ones,
        (pads or zeros)[:rank],
        (pads or zeros)[rank:],
        strides or ones,
        strict=True,
    )
    kernels = [_kernel(*side) for side in sides]
    channels, blocks = node.shape[1], [matrix.shape[1] for matrix in kernels]
    if not isinstance(channels, int):
        raise UnsupportedError("blocks of an unknown number of channels", received=x.shape)

    def build(k: Recorder, x: Ref) -> Ref:
        y = k.layer("Reshape", x, target_shape=(channels, *kernel, *blocks))
        inside, among, at = (letters[:rank] for letters in ("klm", "uvw", "KLM"))
        for axis, matrix in enumerate(kernels):
            later = f"{inside[axis + 1 :]}{among[axis + 1 :]}"
            source = f"nc{inside[axis]}{inside[axis + 1 :]}{among[axis]}{among[axis + 1 :]}"
            target = f"nc{later}{at[: axis + 1]}" if axis < rank - 1 else f"n{at}c"
            shape = (channels, *kernel[axis + 1 :], *blocks[axis + 1 :], *sizes[: axis + 1])
            y = k.layer(
                "EinsumDense",
                y,
                {"kernel": Weight(matrix.shape, partial(np.asarray, matrix), dtype=matrix.dtype)},
                equation=f"{source}{at[:axis]},{inside[axis]}{among[axis]}{at[axis]}->{target}",
                output_shape=shape if axis < rank - 1 else (*sizes, channels),
                trainable=False,
            )
        return y

    output_layout = Layout.ordered(node.shape, (0, *range(2, rank + 2), 1))
    return Candidate((Layout.identity(x.shape), None, None), (output_layout,), build)


def _kernel(
    size: int, kernel: int, dilation: int, begin: int, end: int, stride: int
) -> NDArray[np.float32]:
    """kernel blocks size: 1 where an element of a block is at a position of the map"""
    blocks = (size + begin + end - (kernel - 1) * dilation - 1) // stride + 1
    element, block = np.arange(kernel)[:, None, None], np.arange(blocks)[:, None]
    position = element * dilation + block * stride - begin
    return np.asarray(position == np.arange(size), np.float32)
