"""In which order a channels-last model takes its inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.layout import Layout
from bridge.raising.table import Shape

if TYPE_CHECKING:
    import onnx_ir as ir

# Operators that work on channels and spatial axes, and those that let any order pass through.
_WANT_CHANNELS_LAST = {
    "AveragePool",
    "BatchNormalization",
    "Conv",
    "ConvTranspose",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "InstanceNormalization",
    "LRN",
    "MaxPool",
    "Resize",
}
_PASS_ANY_ORDER = {
    "Add",
    "Dropout",
    "Identity",
    "LeakyRelu",
    "Mul",
    "PRelu",
    "Relu",
    "Sigmoid",
    "Sub",
    "Tanh",
}


def input_layout(value: ir.Value, shape: Shape) -> Layout:
    """`n c *s -> n *s c` for images and volumes; three axes may be a signal or a sequence.

    A signal (n c t) is read by a convolution, a pooling or a normalisation, through pointwise
    operators perhaps; a sequence (time, batch, features) is not, and keeps its order.
    """
    rank = len(shape)
    if rank >= 4 or (rank == 3 and _feeds_channels_last(value)):
        return Layout.ordered(shape, (0, *range(2, rank), 1))
    return Layout.plain(shape)


def _feeds_channels_last(value: ir.Value) -> bool:
    seen, reached = set(), [value]
    while reached:
        for node in reached.pop().consumers():
            if node.op_type in _WANT_CHANNELS_LAST:
                return True
            if node.op_type in _PASS_ANY_ORDER and node not in seen:
                seen.add(node)
                reached.extend(node.outputs)
    return False
