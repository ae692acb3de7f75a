"""Backward costs: what it will cost further down the graph to store a value in some layout.

A layout pass treats each node as if it were the last. If that leaves permutations, `BackwardCosts`
goes over its trace once, from the outputs to the inputs, and weighs a few layouts of each value:
those that its consumers ask for, and those that become, through a consumer that moves no data, what
its own consumers ask for. A layout is tried, not computed: the consumer's rule is asked what it
would do with it.

Each value is weighed on its own. Other inputs of a consumer follow into another layout if their
producers can give it, and are moved otherwise; their other consumers are not asked. So the costs
are an estimate, and the next layout pass counts what really moves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from bridge.layout import Layout
from bridge.raising.building.candidates import with_shape
from bridge.raising.search.layout_pass import TraceEntry
from bridge.raising.search.output_layouts import OutputLayouts
from bridge.raising.table import Candidate, Shape
from bridge.raising.values import bytes_of

MAX_LAYOUTS = 4  # weighed for one value
MAX_PATH = 100  # nodes followed back from one value


class BackwardCosts:
    """What one layout pass tells the next; with an empty trace, every layout is free."""

    def __init__(
        self,
        trace: Sequence[TraceEntry] = (),
        outputs: Collection[str] = (),
        output_layouts: OutputLayouts | None = None,
    ) -> None:
        self._outputs = frozenset(outputs)
        self._output_layouts = output_layouts or OutputLayouts()
        self._producers = {value: entry for entry in trace for value in entry.outputs}
        self._reachable: dict[tuple[str, Layout], bool] = {}
        self._consumers: dict[str, list[TraceEntry]] = defaultdict(list)
        self._costs: dict[str, dict[Layout, int]] = {}
        for entry in reversed(trace):
            for value, layout in zip(entry.outputs, entry.candidate.output_layouts, strict=False):
                if value:  # else the node omits this output
                    self._costs[value] = self._weighed(value, layout)
            for name in dict.fromkeys(operand.name for operand in entry.operands if operand):
                self._consumers[name].append(entry)

    def preferred_layout(self, value: str) -> Layout | None:
        """The cheapest layout; of equally cheap ones that of the last layout pass."""
        costs = self._costs.get(value)
        return min(costs, key=costs.__getitem__) if costs else None

    def cost(self, value: str, layout: Layout) -> int:
        """As weighed; for any other layout, the cheapest way by a layout that was weighed."""
        size = bytes_of(layout.logical_shape)
        costs = self._costs.get(value, {})
        return min(
            (cost + size * (not known.same_element_order(layout)) for known, cost in costs.items()),
            default=0,
        )

    def _weighed(self, value: str, current: Layout) -> dict[Layout, int]:
        requested = [
            layout
            for consumer in self._consumers[value]
            for layout in self._requested_by(consumer, value)
            if layout is not None and layout.logical_shape == current.logical_shape
        ]
        layouts = list(dict.fromkeys([current, *requested]))[:MAX_LAYOUTS]
        costs = {layout: self._cost_of(value, layout) for layout in layouts}
        return {layout: cost for layout, cost in costs.items() if cost is not None}

    def _requested_by(self, consumer: TraceEntry, value: str) -> list[Layout | None]:
        """The layouts of a value that may suit a consumer: those that lead to what suits the
        consumer's own consumers, and those that its candidates take."""
        operands = (operand for operand in consumer.operands if operand)
        shape = next(operand.shape for operand in operands if operand.name == value)
        after = [layout for output in consumer.outputs for layout in self._costs.get(output, ())]
        before = [backward_layout(consumer.candidate, layout, shape) for layout in after]
        return before + [
            layout
            for candidate in consumer.candidates
            for layout in requested_layouts(consumer, candidate, value)
        ]

    def _cost_of(self, value: str, layout: Layout) -> int | None:
        """The bytes that move if a value is stored in a layout; None if a consumer refuses it."""
        size, copies, further = bytes_of(layout.logical_shape), set[Layout](), 0
        if value in self._outputs:
            copies |= _other_orders(layout, [self._output_layouts.layout(value, layout)])
        for consumer in self._consumers[value]:
            preferred_layouts = [self.preferred_layout(output) for output in consumer.outputs]
            choices = [
                (
                    _other_orders(layout, requested_layouts(consumer, candidate, value)),
                    self._further_cost(consumer, candidate, value),
                )
                for candidate in consumer.candidates_for({value: layout}, preferred_layouts)
            ]
            if not choices:
                return None
            needed, cost = min(
                choices, key=lambda choice: size * len(choice[0] - copies) + choice[1]
            )
            copies, further = copies | needed, further + cost
        return size * len(copies) + further

    def _further_cost(self, consumer: TraceEntry, candidate: Candidate, value: str) -> int:
        """What a candidate costs further down, and for the consumer's other inputs."""
        further = sum(map(self.cost, consumer.outputs, candidate.output_layouts))
        return further + sum(
            bytes_of(operand.shape)
            for name, operand in consumer.tensors.items()
            for layout in requested_layouts(consumer, candidate, name)
            if name != value and not self._is_reachable(name, operand.layout, layout, MAX_PATH)
        )

    def _is_reachable(self, name: str, current: Layout, layout: Layout, steps: int) -> bool:
        """Whether a value could be stored in a layout without moving anything before it."""
        if layout.same_element_order(current):
            return True
        producer, key = self._producers.get(name), (name, layout)
        if producer is None or steps == 0:
            return False
        if key not in self._reachable:
            self._reachable[key] = any(
                all(
                    self._is_reachable(source, operand.layout, required, steps - 1)
                    for source, operand in producer.tensors.items()
                    for required in requested_layouts(producer, candidate, source)
                )
                for candidate in candidates_with(producer, name, layout)
                if all(
                    result.same_element_order(layout)
                    for result in layouts_of(producer, candidate, name)
                )
            )
        return self._reachable[key]


def requested_layouts(entry: TraceEntry, candidate: Candidate, value: str) -> list[Layout]:
    """The layouts in which a candidate takes a value."""
    pairs = zip(entry.operands, candidate.input_layouts, strict=False)
    return [
        layout
        for operand, layout in pairs
        if operand is not None and operand.name == value and layout is not None
    ]


def _other_orders(layout: Layout, requested: Iterable[Layout]) -> set[Layout]:
    return {other for other in requested if not other.same_element_order(layout)}


def backward_layout(candidate: Candidate, layout: Layout, shape: Shape) -> Layout | None:
    """The layout of an input of this shape that may lead to this layout of the output."""
    return with_shape(layout, shape) if candidate.backward is None else candidate.backward(layout)


def candidates_with(entry: TraceEntry, name: str, layout: Layout) -> Iterator[Candidate]:
    """The candidates of a node if one of its inputs or outputs is to be stored in a layout."""
    if name in entry.tensors:
        yield from entry.candidates_for({name: layout}, [None] * len(entry.outputs))
    if name in entry.outputs:
        preferred_layouts = [layout if output == name else None for output in entry.outputs]
        inputs = {
            source: before
            for source, operand in entry.tensors.items()
            if (before := backward_layout(entry.candidate, layout, operand.shape)) is not None
        }
        yield from entry.candidates_for(inputs, preferred_layouts)
        yield from entry.candidates_for({}, preferred_layouts)


def layouts_of(entry: TraceEntry, candidate: Candidate, name: str) -> list[Layout]:
    """The layouts that a candidate gives to one of its node's inputs or outputs."""
    outputs = dict(zip(entry.outputs, candidate.output_layouts, strict=False))
    return [outputs[name]] if name in outputs else requested_layouts(entry, candidate, name)
