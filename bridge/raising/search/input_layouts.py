"""The layouts in which a channels-last model takes its inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeAlias

from bridge import ir
from bridge.graph.fusion import RECURRENT
from bridge.layout import Layout
from bridge.raising.table import Shape

if TYPE_CHECKING:
    _Use: TypeAlias = tuple[ir.Node, int]  # a consumer, and which of its inputs it is

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
_FIRST_STATE = 5  # the input that is the first initial state of a recurrent operator
# Operators over the last axes, behind an axis of heads or of nothing: keys, values and masks.
_OF_ATTENTION = {"Attention", "MatMul"}
# Operators that keep any layout.
POINTWISE = {
    "Add",
    "Cast",
    "Clip",
    "Div",
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
# Operators that cut one state out of several that come in one input.
_CUTTING = {"Gather", "Slice", "Split", "Squeeze", "Unsqueeze"}


def input_layout(value: ir.Value, shape: Shape) -> Layout:
    """`n c *s -> n *s c` for images and volumes; three axes may be a signal or a sequence.

    A signal (n c t) goes to a convolution, pooling or normalisation, perhaps through pointwise
    operators. What goes to a recurrent operator has its batch first, a sequence `t n c -> n t c`
    and a state `d n c -> n d c`; any other keeps the identity layout. So do an input that the graph
    itself transposes from channels last to first, and four axes that go to a product of matrices or
    a softmax over the last, such as cached keys and values.
    """
    rank = len(shape)
    if rank < 3 or _is_channels_last(value, rank):
        return Layout.identity(shape)
    uses = _uses(value, _is_pointwise)
    # Means over the last of three axes are what exporters write for norms of features, too.
    kinds = _CHANNELS_LAST - ({"GlobalAveragePool", "GlobalMaxPool"} if rank == 3 else set())
    if any(node.op_type in kinds for node, _ in uses):
        return Layout.ordered(shape, (0, *range(2, rank), 1))
    if rank == 3:
        recurrent = _is_sequence(uses) or _is_state(value)
        order = (1, 0, 2) if recurrent and time_comes_first(shape) else (0, 1, 2)
        return Layout.ordered(shape, order)
    if any(_is_of_attention(node, rank) for node, _ in _uses(value, _keeps_heads)):
        return Layout.identity(shape)
    return Layout.ordered(shape, (0, *range(2, rank), 1))


def time_comes_first(shape: Shape, batch: int = 1) -> bool:
    """Whether the batch may be this axis, as in `t n c`, and not the first.

    A free axis is the batch before a fixed one is. A first axis of size 1 before a fixed batch
    stays where it is: it may be a batch of one or a single step, and no data moves either way.
    """
    return isinstance(shape[batch], str) or (isinstance(shape[0], int) and shape[0] != 1)


def _is_sequence(uses: Iterable[_Use]) -> bool:
    """Whether a recurrent operator reads it as `t n c`."""
    return any(index == 0 and _has_batch_second(node) for node, index in uses)


def _is_state(value: ir.Value) -> bool:
    """Whether it has the initial state of a recurrent operator, `d n c`, or several of them."""
    return any(
        index >= _FIRST_STATE and _has_batch_second(node)
        for node, index in _uses(value, _cuts_states)
    )


def _has_batch_second(node: ir.Node) -> bool:
    """Whether a sequence is time, batch, features, as it is unless `layout` says otherwise."""
    layout = node.attributes.get("layout")
    return node.op_type in RECURRENT and (layout is None or layout.as_int() == 0)


def _is_of_attention(node: ir.Node, rank: int) -> bool:
    if node.op_type == "Softmax":
        axis = node.attributes.get("axis")
        return axis is not None and axis.as_int() in (-1, rank - 1)
    return node.op_type in _OF_ATTENTION


def _uses(value: ir.Value, follows: Callable[[ir.Node], bool]) -> list[_Use]:
    """The nodes that read the value, or what only nodes that are to be followed compute from it."""
    uses: list[_Use] = []
    seen, reached = {value}, [value]
    while reached:
        for use in reached.pop().uses():
            uses.append(use)
            if follows(use[0]) and not seen.issuperset(use[0].outputs):
                seen.update(use[0].outputs)
                reached.extend(use[0].outputs)
    return uses


def _is_pointwise(node: ir.Node) -> bool:
    return node.op_type in POINTWISE


def _cuts_states(node: ir.Node) -> bool:
    return node.op_type in POINTWISE | _CUTTING


def _keeps_heads(node: ir.Node) -> bool:
    """Whether it does no more than concatenate, or exchange the last two of four axes."""
    kept = POINTWISE | {"Concat"}
    return node.op_type in kept or (
        node.op_type == "Transpose" and _permutation(node) == (0, 1, 3, 2)
    )


def _is_channels_last(value: ir.Value, rank: int) -> bool:
    """Whether all that is computed from an input, through pointwise operators, is transposed so
    that its last axis comes to position 1."""
    order = (0, rank - 1, *range(1, rank - 1))
    others = [node for node, _ in _uses(value, _is_pointwise) if not _is_pointwise(node)]
    return bool(others) and all(
        node.op_type == "Transpose" and _permutation(node) == order for node in others
    )


def _permutation(node: ir.Node) -> tuple[int, ...]:
    perm = node.attributes.get("perm")
    return () if perm is None else tuple(perm.as_ints())
