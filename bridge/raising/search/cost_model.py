"""The way back over a graph: what it will cost to have a value stored in this order or that.

A layout pass serves each node as if it were the last. Where that leaves permutations, this goes
once over its trace, from the outputs to the inputs, and weighs for each value a few
orders: those that its consumers ask for, and those that become, through a consumer that leaves
elements where they are, what its own consumers ask for. An order is tried and not computed: the
consumer's rule is asked what it would do with it.

A value is weighed by itself. What a consumer has besides it follows into another order where those
who make it can give it so, and else is moved; who else reads it is not asked. So an outlook is
advice, and the next layout pass counts what really moves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from bridge.layout import Layout
from bridge.options import IoLayout
from bridge.raising.building.candidates import sized
from bridge.raising.search.layout_pass import TraceEntry, output_layout
from bridge.raising.table import Candidate, Shape
from bridge.raising.values import bytes_of

MAX_LAYOUTS = 4  # that are weighed for one value
MAX_PATH = 100  # way that is followed back


class BackwardCosts:
    """What a layout pass tells the next one; with an empty trace, no layout costs anything."""

    def __init__(
        self,
        trace: Sequence[TraceEntry] = (),
        outputs: Collection[str] = (),
        io_layout: IoLayout = "channels_last",
    ) -> None:
        self._outputs = frozenset(outputs)
        self._io_layout = io_layout
        self._producers = {value: entry for entry in trace for value in entry.outputs}
        self._had: dict[tuple[str, Layout], bool] = {}
        self._consumers: dict[str, list[TraceEntry]] = defaultdict(list)
        self._costs: dict[str, dict[Layout, int]] = {}
        for entry in reversed(trace):
            for value, layout in zip(entry.outputs, entry.candidate.output_layouts, strict=False):
                if not value:
                    continue  # left out
                self._costs[value] = self._weighed(value, layout)
            for name in dict.fromkeys(operand.name for operand in entry.operands if operand):
                self._consumers[name].append(entry)

    def preferred_layout(self, value: str) -> Layout | None:
        """The cheapest order; of equally cheap ones that of the last layout pass."""
        costs = self._costs.get(value)
        return min(costs, key=costs.__getitem__) if costs else None

    def cost(self, value: str, layout: Layout) -> int:
        """As weighed; for an order that was not, that of the best other one and the move to it."""
        size = bytes_of(layout.logical_shape)
        costs = self._costs.get(value, {})
        return min(
            (cost + size * (not order.same_element_order(layout)) for order, cost in costs.items()),
            default=0,
        )

    def _weighed(self, value: str, layout: Layout) -> dict[Layout, int]:
        consumers = self._consumers[value]
        found = [
            layout,
            *(order for consumer in consumers for order in self._asked(consumer, value)),
        ]
        fitting = [
            order for order in found if order and order.logical_shape == layout.logical_shape
        ]
        orders = list(dict.fromkeys(fitting))[:MAX_LAYOUTS]
        costs = {order: self._cost_of(value, order) for order in orders}
        return {order: cost for order, cost in costs.items() if cost is not None}

    def _asked(self, consumer: TraceEntry, value: str) -> list[Layout | None]:
        """The layouts of a value that may serve a consumer: those that lead to what serves the
        consumer's own consumers, and those that its candidates take."""
        shape = next(each.shape for each in consumer.operands if each and each.name == value)
        ahead = [order for output in consumer.outputs for order in self._costs.get(output, ())]
        before = [carried_back(consumer.candidate, order, shape) for order in ahead]
        return before + [
            want
            for candidate in consumer.candidates
            for want in layouts_wanted(consumer, candidate, value)
        ]

    def _cost_of(self, value: str, order: Layout) -> int | None:
        """The bytes that move if a value is stored so; None where a consumer refuses it."""
        size, moved, ahead = bytes_of(order.logical_shape), set[Layout](), 0
        if value in self._outputs:
            moved |= _others(order, [output_layout(order, self._io_layout)])
        for consumer in self._consumers[value]:
            preferred_layout = [self.preferred_layout(output) for output in consumer.outputs]
            choices = [
                (
                    _others(order, layouts_wanted(consumer, candidate, value)),
                    self._beside(consumer, candidate, value),
                )
                for candidate in consumer.candidates_for({value: order}, preferred_layout)
            ]
            if not choices:
                return None
            asked, cost = min(choices, key=lambda each: size * len(each[0] - moved) + each[1])
            moved, ahead = moved | asked, ahead + cost
        return size * len(moved) + ahead

    def _beside(self, consumer: TraceEntry, candidate: Candidate, value: str) -> int:
        """What a step costs further on, and for what else it reads."""
        ahead = sum(map(self.cost, consumer.outputs, candidate.output_layouts))
        return ahead + sum(
            bytes_of(each.shape)
            for name, each in consumer.tensors.items()
            for want in layouts_wanted(consumer, candidate, name)
            if name != value and not self._can_be_had(name, each.layout, want, MAX_PATH)
        )

    def _can_be_had(self, name: str, stored: Layout, order: Layout, left: int) -> bool:
        """Whether a value could be stored in an order, and nothing move for that before it."""
        if order.same_element_order(stored):
            return True
        producer, key = self._producers.get(name), (name, order)
        if producer is None or left == 0:
            return False
        if key not in self._had:
            self._had[key] = any(
                all(
                    self._can_be_had(each, operand.layout, want, left - 1)
                    for each, operand in producer.tensors.items()
                    for want in layouts_wanted(producer, candidate, each)
                )
                for candidate in tried(producer, name, order)
                if all(
                    made.same_element_order(order) for made in layouts_of(producer, candidate, name)
                )
            )
        return self._had[key]


def layouts_wanted(entry: TraceEntry, candidate: Candidate, value: str) -> list[Layout]:
    """The orders in which a step asks for a value."""
    pairs = zip(entry.operands, candidate.input_layouts, strict=False)
    return [want for each, want in pairs if each and each.name == value and want is not None]


def _others(order: Layout, wanted: Iterable[Layout]) -> set[Layout]:
    return {want for want in wanted if not want.same_element_order(order)}


def carried_back(candidate: Candidate, order: Layout, shape: Shape) -> Layout | None:
    """The order of an input of a shape that might give this order of the output."""
    return sized(order, shape) if candidate.backward is None else candidate.backward(order)


def tried(entry: TraceEntry, name: str, order: Layout) -> Iterator[Candidate]:
    """What a node offers, if a value that it reads or makes is to be stored in an order."""
    if name in entry.tensors:
        yield from entry.candidates_for({name: order}, [None] * len(entry.outputs))
    if name in entry.outputs:
        preferred_layouts = [order if output == name else None for output in entry.outputs]
        back = {
            each: before
            for each, operand in entry.tensors.items()
            if (before := carried_back(entry.candidate, order, operand.shape)) is not None
        }
        yield from entry.candidates_for(back, preferred_layouts)
        yield from entry.candidates_for({}, preferred_layouts)


def layouts_of(entry: TraceEntry, candidate: Candidate, name: str) -> list[Layout]:
    """How a step has a value stored that its node reads or makes."""
    made = dict(zip(entry.outputs, candidate.output_layouts, strict=False))
    return [made[name]] if name in made else layouts_wanted(entry, candidate, name)
