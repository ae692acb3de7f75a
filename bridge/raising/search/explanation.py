"""Why a permutation cannot be avoided.

A node that cannot take a tensor as it is stored asks for an order, and who makes the tensor would
have to give it so. From there it is followed what else would have to be stored otherwise: what the
producer reads, what other consumers make of the tensor, what they read beside it. Each rule on the
way is asked for what it can do. Where that ends at a node that cannot, or at an input or output
whose order is given, this end and the node that asked are in conflict: somewhere on the way between
them a tensor has to be permuted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from bridge.layout import Layout
from bridge.options import IoLayout
from bridge.raising.plan import Conflict, Permutation
from bridge.raising.search.cost_model import MAX_PATH, layouts_of, tried
from bridge.raising.search.layout_pass import TraceEntry, output_layout
from bridge.raising.table import Candidate

Orders = Mapping[str, Layout]

# Whether a value can be stored in an order, asked by a node, or by none.
_Question = tuple[str, Layout, str | None]


def explained(
    permutations: Iterable[Permutation],
    trace: Sequence[TraceEntry],
    outputs: Collection[str],
    io_layout: IoLayout,
) -> tuple[Permutation, ...]:
    """The permutations of a layout pass, each with the conflict behind it, where one was found."""
    explainer = _Explainer(trace, outputs, io_layout)
    return tuple(replace(each, conflict=explainer.conflict(each)) for each in permutations)


class _Explainer:
    """Knows how a layout pass has stored all values, and the producers and consumers of each."""

    def __init__(
        self, trace: Sequence[TraceEntry], outputs: Collection[str], io_layout: IoLayout
    ) -> None:
        self._outputs, self._io_layout = frozenset(outputs), io_layout
        self._by_description = {entry.node.description: entry for entry in trace}
        self._producers = {value: entry for entry in trace for value in entry.outputs}
        self._consumers: dict[str, dict[str, TraceEntry]] = defaultdict(dict)
        self._stored: dict[str, Layout] = {}
        for entry in trace:
            for name, operand in entry.tensors.items():
                self._stored.setdefault(name, operand.layout)
                self._consumers[name][entry.node.description] = entry
            self._stored |= dict(zip(entry.outputs, entry.candidate.output_layouts, strict=False))
        self._found: dict[_Question, Conflict] = {}
        self._asked: set[_Question] = set()

    def conflict(self, permutation: Permutation) -> Conflict | None:
        """None where nothing was found that forbids to do without the permutation."""
        self._asked.clear()
        asking = self._by_description.get(permutation.forced_by)
        if asking is not None:
            return self._of_candidates(asking, asking.candidates, {}, MAX_PATH)
        order = output_layout(self._stored[permutation.value], self._io_layout)
        return self._of_value(permutation.value, order, None, MAX_PATH)

    def _of_candidates(
        self, entry: TraceEntry, candidates: Iterable[Candidate], given: Orders, left: int
    ) -> Conflict | None:
        """The first step's conflict, if each step has one."""
        found = None
        for candidate in candidates:
            changes = {
                name: order
                for name in (*entry.tensors, *entry.outputs)
                if name not in given
                for order in layouts_of(entry, candidate, name)
                if not order.same_element_order(self._stored[name])
            }
            conflicts = (self._of_value(*change, entry, left) for change in changes.items())
            conflict = next((each for each in conflicts if each is not None), None)
            if conflict is None:
                return None
            found = found or conflict
        return found

    def _of_value(
        self, name: str, order: Layout, source: TraceEntry | None, left: int
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

    def _beyond(
        self, name: str, order: Layout, source: TraceEntry | None, left: int
    ) -> Conflict | None:
        conflict = self._end(name, order) if source is not None else None
        nodes = [*self._consumers[name].values()]
        if name in self._producers:
            nodes.insert(0, self._producers[name])
        for node in nodes:
            if conflict is None and node is not source:
                conflict = self._of_node(node, name, order, left - 1)
        return conflict and replace(conflict, way=(*conflict.way, (name, str(order))))

    def _end(self, name: str, order: Layout) -> Conflict | None:
        """The order of an input is given, and that of an output may be."""
        if name not in self._producers:
            return Conflict(f"the input is given as {self._stored[name]}")
        if name not in self._outputs:
            return None
        asked = output_layout(order, self._io_layout)
        return (
            None
            if asked.same_element_order(order)
            else Conflict(f"the output is asked for as {asked}")
        )

    def _of_node(self, entry: TraceEntry, name: str, order: Layout, left: int) -> Conflict | None:
        """Why a node cannot make or read a value in an order."""
        candidates = list(tried(entry, name, order))
        orders = [found for candidate in candidates for found in layouts_of(entry, candidate, name)]
        fitting = [
            candidate
            for candidate in candidates
            if all(found.same_element_order(order) for found in layouts_of(entry, candidate, name))
        ]
        if fitting:
            return self._of_candidates(entry, fitting, {name: order}, left)
        does = "gives" if name in entry.outputs else "takes"
        only = " or ".join(dict.fromkeys(str(found) for found in orders))
        return Conflict(f"{entry.node.description} {does} '{name}' only as {only}")
