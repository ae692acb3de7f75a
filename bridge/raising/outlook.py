"""The way back over a graph: what it will cost to have a value stored in this order or that.

A sweep serves each node as if it were the last. Where that leaves permutations, this goes once
over the sweep's visits, from the outputs to the inputs, and weighs for each value a few orders:
those that its readers ask for, and those that become, through a reader that leaves elements where
they are, what its own readers ask for. An order is tried and not computed: the reader's rule is
asked what it would do with it.

A value is weighed by itself. What a reader has besides it follows into another order where those
who make it can give it so, and else is moved; who else reads it is not asked. So an outlook is
advice, and the next sweep counts what really moves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from bridge.layout import Layout
from bridge.raising.orders import sized
from bridge.raising.sweep import IoLayout, Visit, output_layout
from bridge.raising.table import Shape, Step
from bridge.raising.values import bytes_of

MOST_ORDERS = 4  # that are weighed for one value
LONGEST = 100  # way that is followed back


class LookBack:
    """The outlook that a sweep leaves for the next one; without visits, none: no order costs."""

    def __init__(
        self,
        visits: Sequence[Visit] = (),
        outputs: Collection[str] = (),
        io_layout: IoLayout = "channels_last",
    ) -> None:
        self._outputs = frozenset(outputs)
        self._io_layout = io_layout
        self._makers = {value: visit for visit in visits for value in visit.outputs}
        self._had: dict[tuple[str, Layout], bool] = {}
        self._readers: dict[str, list[Visit]] = defaultdict(list)
        self._costs: dict[str, dict[Layout, int]] = {}
        for visit in reversed(visits):
            for value, layout in zip(visit.outputs, visit.step.out, strict=False):
                if not value:
                    continue  # left out
                self._costs[value] = self._weighed(value, layout)
            for name in dict.fromkeys(operand.name for operand in visit.operands if operand):
                self._readers[name].append(visit)

    def wished(self, value: str) -> Layout | None:
        """The cheapest order; of equally cheap ones that of the last sweep."""
        costs = self._costs.get(value)
        return min(costs, key=costs.__getitem__) if costs else None

    def cost(self, value: str, layout: Layout) -> int:
        """As weighed; for an order that was not, that of the best other one and the move to it."""
        size = bytes_of(layout.logical_shape)
        costs = self._costs.get(value, {})
        return min(
            (cost + size * (not order.same_order(layout)) for order, cost in costs.items()),
            default=0,
        )

    def _weighed(self, value: str, layout: Layout) -> dict[Layout, int]:
        readers = self._readers[value]
        found = [layout, *(order for reader in readers for order in self._asked(reader, value))]
        fitting = [
            order for order in found if order and order.logical_shape == layout.logical_shape
        ]
        orders = list(dict.fromkeys(fitting))[:MOST_ORDERS]
        costs = {order: self._cost_of(value, order) for order in orders}
        return {order: cost for order, cost in costs.items() if cost is not None}

    def _asked(self, reader: Visit, value: str) -> list[Layout | None]:
        """The orders of a value that a reader might like: those that become what its own readers
        might, and those that it offers."""
        shape = next(each.shape for each in reader.operands if each and each.name == value)
        ahead = [order for output in reader.outputs for order in self._costs.get(output, ())]
        before = [carried_back(reader.step, order, shape) for order in ahead]
        return before + [want for step in reader.offered for want in wants(reader, step, value)]

    def _cost_of(self, value: str, order: Layout) -> int | None:
        """The bytes that move if a value is stored in an order; None where a reader refuses it."""
        size, moved, ahead = bytes_of(order.logical_shape), set[Layout](), 0
        if value in self._outputs:
            moved |= _others(order, [output_layout(order, self._io_layout)])
        for reader in self._readers[value]:
            wished = [self.wished(output) for output in reader.outputs]
            choices = [
                (_others(order, wants(reader, step, value)), self._beside(reader, step, value))
                for step in reader.steps({value: order}, wished)
            ]
            if not choices:
                return None
            asked, cost = min(choices, key=lambda each: size * len(each[0] - moved) + each[1])
            moved, ahead = moved | asked, ahead + cost
        return size * len(moved) + ahead

    def _beside(self, reader: Visit, step: Step, value: str) -> int:
        """What a step costs further on, and for what else it reads."""
        ahead = sum(map(self.cost, reader.outputs, step.out))
        return ahead + sum(
            bytes_of(each.shape)
            for name, each in reader.tensors.items()
            for want in wants(reader, step, name)
            if name != value and not self._can_be_had(name, each.layout, want, LONGEST)
        )

    def _can_be_had(self, name: str, stored: Layout, order: Layout, left: int) -> bool:
        """Whether a value could be stored in an order, and nothing move for that before it."""
        if order.same_order(stored):
            return True
        maker, key = self._makers.get(name), (name, order)
        if maker is None or left == 0:
            return False
        if key not in self._had:
            self._had[key] = any(
                all(
                    self._can_be_had(each, operand.layout, want, left - 1)
                    for each, operand in maker.tensors.items()
                    for want in wants(maker, step, each)
                )
                for step in tried(maker, name, order)
                if all(made.same_order(order) for made in orders_of(maker, step, name))
            )
        return self._had[key]


def wants(visit: Visit, step: Step, value: str) -> list[Layout]:
    """The orders in which a step asks for a value."""
    pairs = zip(visit.operands, step.want, strict=False)
    return [want for each, want in pairs if each and each.name == value and want is not None]


def _others(order: Layout, wanted: Iterable[Layout]) -> set[Layout]:
    return {want for want in wanted if not want.same_order(order)}


def carried_back(step: Step, order: Layout, shape: Shape) -> Layout | None:
    """The order of an input of a shape that might give this order of the output."""
    return sized(order, shape) if step.back is None else step.back(order)


def tried(visit: Visit, name: str, order: Layout) -> Iterator[Step]:
    """What a node offers, if a value that it reads or makes is to be stored in an order."""
    if name in visit.tensors:
        yield from visit.steps({name: order}, [None] * len(visit.outputs))
    if name in visit.outputs:
        wishes = [order if output == name else None for output in visit.outputs]
        back = {
            each: before
            for each, operand in visit.tensors.items()
            if (before := carried_back(visit.step, order, operand.shape)) is not None
        }
        yield from visit.steps(back, wishes)
        yield from visit.steps({}, wishes)


def orders_of(visit: Visit, step: Step, name: str) -> list[Layout]:
    """How a step has a value stored that its node reads or makes."""
    made = dict(zip(visit.outputs, step.out, strict=False))
    return [made[name]] if name in made else wants(visit, step, name)
