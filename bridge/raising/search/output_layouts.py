"""The layouts in which a model returns its outputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bridge import ir
from bridge.graph.fusion import RECURRENT
from bridge.layout import Layout
from bridge.public.options import IoLayout
from bridge.raising.building.candidates import axis_order, is_presentable
from bridge.raising.plan import Size
from bridge.raising.search.input_layouts import POINTWISE, time_comes_first
from bridge.raising.table import Shape
from bridge.raising.values import dtype_of, is_constant, logical_shape, name_of


@dataclass(frozen=True)
class OutputLayouts:
    """Which layouts a user can read: the batch comes first, and the other axes in ONNX's order, or
    with the channels last.

    `batches` are the batch sizes of the inputs; `recurrent` is whether there are recurrent
    operators, whose sequences and states have the batch at a later axis. `states` has the order of
    axes of each output that has the shape of an input, or extends it: what comes out can go in
    again.
    """

    io_layout: IoLayout = "channels_last"
    batches: frozenset[Size] = frozenset()
    recurrent: bool = False
    states: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, graph: ir.Graph, io_layout: IoLayout, inputs: Mapping[str, Layout]
    ) -> OutputLayouts:
        """For the outputs of a graph whose inputs are stored in these layouts."""
        sizes = frozenset(layout.stored_shape[0] for layout in inputs.values() if layout.rank)
        states = {
            name_of(output): order
            for output in graph.outputs
            if (source := _state_before(output, graph.inputs)) is not None
            if (order := axis_order(inputs[name_of(source)])) is not None
        }
        recurrent = any(node.op_type in RECURRENT for node in graph)
        return cls(io_layout, sizes, recurrent, states)

    def layout(self, name: str, stored: Layout) -> Layout:
        """The layout in which to return an output: one that a user can read, with the elements as
        they are stored, if there is one; else with its axes in ONNX's order."""
        shape = stored.logical_shape
        identity = Layout.identity(shape)
        if self.io_layout == "onnx":
            return identity
        if name in self.states:
            return Layout.ordered(shape, self.states[name])
        readable = [_in_order(stored, order) for order in self._orders(shape)]
        same = (layout for layout in readable if layout.same_array(stored))
        in_order = (layout for layout in readable if layout.same_element_order(stored))
        return next(same, None) or next(in_order, identity)

    def _orders(self, shape: Shape) -> Iterator[tuple[int, ...]]:
        rank = len(shape)
        if self.recurrent and rank == 3 and self._may_be_batch(shape, 1):
            yield (1, 0, 2)  # recurrent: a sequence t n c, or a state d n c
        if self.recurrent and rank == 4 and self._may_be_batch(shape, 2):
            yield (2, 0, 1, 3)  # a sequence in two directions, t d n c
        yield tuple(range(rank))
        if rank >= 3:
            yield (0, *range(2, rank), 1)

    def _may_be_batch(self, shape: Shape, axis: int) -> bool:
        """Whether this axis may be the batch, and nothing says that the first is."""
        known = shape[axis] in self.batches
        free = known or axis == 1
        return free and time_comes_first(shape, axis) and (known or shape[0] not in self.batches)


def _in_order(stored: Layout, order: Sequence[int]) -> Layout:
    """The axes in this order, each with the order of elements within it that it has."""
    if not is_presentable(stored):
        return Layout.ordered(stored.logical_shape, order)
    return Layout.product([stored.axis(axis) for axis in range(stored.rank)], order)


def _state_before(output: ir.Value, inputs: Iterable[ir.Value]) -> ir.Value | None:
    """The input whose next value an output may be: of equal shape, or part of it."""
    shape = logical_shape(output)
    tensors = [value for value in inputs if not is_constant(value)]
    if len(shape) < 3 or output in tensors:
        return None
    same = [value for value in tensors if dtype_of(value) == dtype_of(output)]
    equal = (value for value in same if logical_shape(value) == shape)
    return next(equal, None) or next(iter(_extended(output, same)), None)


def _extended(output: ir.Value, inputs: Sequence[ir.Value]) -> Sequence[ir.Value]:
    """The inputs that an output continues, as the keys and values of attention."""
    node = output.producer()
    while node is not None and node.op_type in POINTWISE and node.inputs[0] is not None:
        node = node.inputs[0].producer()
    if node is None or node.op_type != "Concat":
        return ()
    return [value for value in inputs if value in node.inputs]
