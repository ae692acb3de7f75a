"""The layouts in which a channels-last model takes its inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.layout import Layout
from bridge.raising.table import Shape

if TYPE_CHECKING:
    import onnx_ir as ir

# Operators over channels and spatial axes, which Keras has channels last.
_CHANNELS_LAST = {
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
# Operators over a sequence: time, batch, features, unless `layout` says otherwise.
_RECURRENT = {"GRU", "LSTM", "RNN"}
# Operators that keep any layout.
_POINTWISE = {
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

    A signal (n c t) goes to a convolution, pooling or normalisation, perhaps through pointwise
    operators. A sequence that goes to a recurrent operator is `t n c -> n t c`; any other keeps the
    identity layout. So does an input that the graph itself transposes from channels last to first.
    """
    rank = len(shape)
    if rank >= 3 and _is_channels_last(value, rank):
        return Layout.identity(shape)
    consumer = _first_consumer(value) if rank == 3 else None
    if rank >= 4 or (consumer is not None and consumer.op_type in _CHANNELS_LAST):
        return Layout.ordered(shape, (0, *range(2, rank), 1))
    if consumer is not None and not _has_batch_first(consumer):
        return Layout.ordered(shape, (1, 0, 2))
    return Layout.identity(shape)


def _first_consumer(value: ir.Value) -> ir.Node | None:
    """A consumer of a value, perhaps through pointwise operators, that depends on its layout."""
    seen, reached = set(), [value]
    while reached:
        for node in reached.pop().consumers():
            if node.op_type in _CHANNELS_LAST | _RECURRENT:
                return node
            if node.op_type in _POINTWISE and node not in seen:
                seen.add(node)
                reached.extend(node.outputs)
    return None


def _has_batch_first(consumer: ir.Node) -> bool:
    layout = consumer.attributes.get("layout")
    return layout is not None and layout.as_int() == 1


def _is_channels_last(value: ir.Value, rank: int) -> bool:
    """Whether every consumer of an input moves its last axis to position 1."""
    order = (0, rank - 1, *range(1, rank - 1))
    consumers = value.consumers()
    return bool(consumers) and all(
        node.op_type == "Transpose" and _permutation(node) == order for node in consumers
    )


def _permutation(node: ir.Node) -> tuple[int, ...]:
    perm = node.attributes.get("perm")
    return () if perm is None else tuple(perm.as_ints())
