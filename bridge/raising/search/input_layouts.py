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
# Operators that run over a sequence: time, batch, features, if `layout` does not say otherwise.
_RECURRENT = {"GRU", "LSTM", "RNN"}
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
    operators perhaps. A sequence that a recurrent operator reads is `t n c -> n t c`, any other
    keeps its order. So does what the graph itself brings from channels last to channels first.
    """
    rank = len(shape)
    if rank >= 3 and _is_channels_last(value, rank):
        return Layout.identity(shape)
    consumer = _first_reader(value) if rank == 3 else None
    if rank >= 4 or (consumer is not None and consumer.op_type in _WANT_CHANNELS_LAST):
        return Layout.ordered(shape, (0, *range(2, rank), 1))
    if consumer is not None and not _has_batch_first(consumer):
        return Layout.ordered(shape, (1, 0, 2))
    return Layout.identity(shape)


def _first_reader(value: ir.Value) -> ir.Node | None:
    """What reads a value, through pointwise operators perhaps, and cares for its order."""
    seen, reached = set(), [value]
    while reached:
        for node in reached.pop().consumers():
            if node.op_type in _WANT_CHANNELS_LAST | _RECURRENT:
                return node
            if node.op_type in _PASS_ANY_ORDER and node not in seen:
                seen.add(node)
                reached.extend(node.outputs)
    return None


def _has_batch_first(consumer: ir.Node) -> bool:
    layout = consumer.attributes.get("layout")
    return layout is not None and layout.as_int() == 1


def _is_channels_last(value: ir.Value, rank: int) -> bool:
    """Whether all that is done with an input is to move its last axis to the second place."""
    order = (0, rank - 1, *range(1, rank - 1))
    consumers = value.consumers()
    return bool(consumers) and all(
        node.op_type == "Transpose" and _permutation(node) == order for node in consumers
    )


def _permutation(node: ir.Node) -> tuple[int, ...]:
    given = node.attributes.get("perm")
    return () if given is None else tuple(given.as_ints())
