"""Why a permutation cannot be avoided.

A node that cannot take a tensor as it is stored asks for an order, and who makes the tensor would
have to give it so. From there it is followed what else would have to be stored otherwise: what the
maker reads, what other readers make of the tensor, what they read beside it. Each rule on the way
is asked for what it can do. Where that ends at a node that cannot, or at an input or output whose
order is given, this end and the node that asked are in conflict: somewhere on the way between them
a tensor has to be permuted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from bridge.layout import Layout
from bridge.raising.outlook import LONGEST, orders_of, tried
from bridge.raising.plan import Conflict, Permutation
from bridge.raising.sweep import IoLayout, Visit, output_layout
from bridge.raising.table import Step

Orders = Mapping[str, Layout]

# Whether a value can be stored in an order, asked by a node, or by none.
_Question = tuple[str, Layout, str | None]


def proved(
    permutations: Iterable[Permutation],
    visits: Sequence[Visit],
    outputs: Collection[str],
    io_layout: IoLayout,
) -> tuple[Permutation, ...]:
    """The permutations of a sweep, each with the conflict that it settles, where one was found."""
    prover = _Prover(visits, outputs, io_layout)
    return tuple(replace(each, conflict=prover.conflict(each)) for each in permutations)


class _Prover:
    """Knows how a sweep has stored all values, who makes them and who reads them."""

    def __init__(
        self, visits: Sequence[Visit], outputs: Collection[str], io_layout: IoLayout
    ) -> None:
        self._outputs, self._io_layout = frozenset(outputs), io_layout
        self._by_description = {visit.node.description: visit for visit in visits}
        self._makers = {value: visit for visit in visits for value in visit.outputs}
        self._readers: dict[str, dict[str, Visit]] = defaultdict(dict)
        self._stored: dict[str, Layout] = {}
        for visit in visits:
            for name, operand in visit.tensors.items():
                self._stored.setdefault(name, operand.layout)
                self._readers[name][visit.node.description] = visit
            self._stored |= dict(zip(visit.outputs, visit.step.out, strict=False))
        self._found: dict[_Question, Conflict] = {}
        self._asked: set[_Question] = set()

    def conflict(self, permutation: Permutation) -> Conflict | None:
        """None where nothing was found that forbids to do without the permutation."""
        self._asked.clear()
        asking = self._by_description.get(permutation.forced_by)
        if asking is not None:
            return self._of_steps(asking, asking.offered, {}, LONGEST)
        order = output_layout(self._stored[permutation.value], self._io_layout)
        return self._of_value(permutation.value, order, None, LONGEST)

    def _of_steps(
        self, visit: Visit, steps: Iterable[Step], given: Orders, left: int
    ) -> Conflict | None:
        """The first step's conflict, if each step has one."""
        found = None
        for step in steps:
            changes = {
                name: order
                for name in (*visit.tensors, *visit.outputs)
                if name not in given
                for order in orders_of(visit, step, name)
                if not order.same_order(self._stored[name])
            }
            conflicts = (self._of_value(*change, visit, left) for change in changes.items())
            conflict = next((each for each in conflicts if each is not None), None)
            if conflict is None:
                return None
            found = found or conflict
        return found

    def _of_value(
        self, name: str, order: Layout, source: Visit | None, left: int
    ) -> Conflict | None:
        """Why a value cannot be stored in an order, whatever a node wants that asked for it.

        Each is gone after once, for ways part and meet again: what is being asked, or has been
        without a conflict, forbids nothing more.
        """
        question = name, order, None if source is None else source.node.description
        if left == 0 or question in self._asked or question in self._found:
            return self._found.get(question)
        self._asked.add(question)
        conflict = self._beyond(name, order, source, left)
        if conflict is not None:
            self._found[question] = conflict
        return conflict

    def _beyond(self, name: str, order: Layout, source: Visit | None, left: int) -> Conflict | None:
        conflict = self._end(name, order) if source is not None else None
        nodes = [*self._readers[name].values()]
        if name in self._makers:
            nodes.insert(0, self._makers[name])
        for node in nodes:
            if conflict is None and node is not source:
                conflict = self._of_node(node, name, order, left - 1)
        return conflict and replace(conflict, way=(*conflict.way, (name, str(order))))

    def _end(self, name: str, order: Layout) -> Conflict | None:
        """The order of an input is given, and that of an output may be."""
        if name not in self._makers:
            return Conflict(f"the input is given as {self._stored[name]}")
        if name not in self._outputs:
            return None
        asked = output_layout(order, self._io_layout)
        return None if asked.same_order(order) else Conflict(f"the output is asked for as {asked}")

    def _of_node(self, visit: Visit, name: str, order: Layout, left: int) -> Conflict | None:
        """Why a node cannot make or read a value in an order."""
        steps = list(tried(visit, name, order))
        orders = [found for step in steps for found in orders_of(visit, step, name)]
        fitting = [
            step
            for step in steps
            if all(found.same_order(order) for found in orders_of(visit, step, name))
        ]
        if fitting:
            return self._of_steps(visit, fitting, {name: order}, left)
        does = "gives" if name in visit.outputs else "takes"
        only = " or ".join(dict.fromkeys(str(found) for found in orders))
        return Conflict(f"{visit.node.description} {does} '{name}' only as {only}")
