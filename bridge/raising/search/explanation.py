"""Why a permutation cannot be avoided.

A node that cannot take a tensor as it is stored asks for another layout, which the producer of the
tensor would have to give it. From there the explainer follows what else would have to be stored in
another layout: the inputs of the producer, the outputs of other consumers, and their other inputs.
It asks the rule of each node on the path what it can do. If that ends at a node that cannot, or at
an input or output whose layout is fixed, this end and the node that asked are in conflict:
somewhere between them a tensor has to be permuted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from bridge.layout import Layout
from bridge.raising.plan import Conflict, Permutation
from bridge.raising.search.cost_model import MAX_PATH, candidates_with, layouts_of
from bridge.raising.search.layout_pass import TraceEntry
from bridge.raising.search.output_layouts import OutputLayouts
from bridge.raising.table import Candidate

# Whether a value can be stored in a layout, asked by the node of this description, or by an output.
_Question = tuple[str, Layout, str | None]


def explained(
    permutations: Iterable[Permutation],
    trace: Sequence[TraceEntry],
    outputs: Collection[str],
    output_layouts: OutputLayouts,
) -> tuple[Permutation, ...]:
    """The permutations of a layout pass, each with the conflict behind it, if one was found."""
    explainer = _Explainer(trace, outputs, output_layouts)
    return tuple(
        replace(permutation, conflict=explainer.conflict(permutation))
        for permutation in permutations
    )


class _Explainer:
    """The layouts of all values after a layout pass, with the producer and consumers of each."""

    def __init__(
        self,
        trace: Sequence[TraceEntry],
        outputs: Collection[str],
        output_layouts: OutputLayouts,
    ) -> None:
        self._outputs, self._output_layouts = frozenset(outputs), output_layouts
        self._by_description = {entry.node.description: entry for entry in trace}
        self._producers = {value: entry for entry in trace for value in entry.outputs}
        self._consumers: dict[str, dict[str, TraceEntry]] = defaultdict(dict)
        self._layouts: dict[str, Layout] = {}
        for entry in trace:
            for name, operand in entry.tensors.items():
                self._layouts.setdefault(name, operand.layout)
                self._consumers[name][entry.node.description] = entry
            self._layouts |= dict(zip(entry.outputs, entry.candidate.output_layouts, strict=False))
        self._conflicts: dict[_Question, Conflict] = {}
        self._asked: set[_Question] = set()

    def conflict(self, permutation: Permutation) -> Conflict | None:
        """None if nothing was found that requires the permutation."""
        self._asked.clear()
        asking = self._by_description.get(permutation.forced_by)
        if asking is not None:
            return self._of_candidates(asking, asking.candidates, None, MAX_PATH)
        layout = self._output_layouts.layout(permutation.value, self._layouts[permutation.value])
        return self._of_value(permutation.value, layout, None, MAX_PATH)

    def _of_candidates(
        self, entry: TraceEntry, candidates: Iterable[Candidate], settled: str | None, steps: int
    ) -> Conflict | None:
        """The first candidate's conflict, if each candidate has one; `settled` is the value whose
        layout is what they are about."""
        first = None
        for candidate in candidates:
            changes = {
                name: layout
                for name in (*entry.tensors, *entry.outputs)
                if name != settled
                for layout in layouts_of(entry, candidate, name)
                if not layout.same_element_order(self._layouts[name])
            }
            conflicts = (self._of_value(*change, entry, steps) for change in changes.items())
            conflict = next(filter(None, conflicts), None)
            if conflict is None:
                return None
            first = first or conflict
        return first

    def _of_value(
        self, name: str, layout: Layout, asking: TraceEntry | None, steps: int
    ) -> Conflict | None:
        """Why a value cannot be stored in a layout, apart from the node that asks for it.

        Each question is followed only once, since paths fork and join: one that is being followed,
        or was without a conflict, forbids nothing more.
        """
        question = name, layout, None if asking is None else asking.node.description
        if steps == 0 or question in self._asked or question in self._conflicts:
            return self._conflicts.get(question)
        self._asked.add(question)
        conflict = self._beyond(name, layout, asking, steps)
        if conflict is not None:
            self._conflicts[question] = conflict
        return conflict

    def _beyond(
        self, name: str, layout: Layout, asking: TraceEntry | None, steps: int
    ) -> Conflict | None:
        conflict = self._of_end(name, layout) if asking is not None else None
        nodes = [*self._consumers[name].values()]
        if name in self._producers:
            nodes.insert(0, self._producers[name])
        for node in nodes:
            if conflict is None and node is not asking:
                conflict = self._of_node(node, name, layout, steps - 1)
        return conflict and replace(conflict, path=(*conflict.path, (name, str(layout))))

    def _of_end(self, name: str, layout: Layout) -> Conflict | None:
        """The layout of an input is fixed, and that of an output may be."""
        if name not in self._producers:
            return Conflict(f"the input is given as {self._layouts[name]}")
        if name not in self._outputs:
            return None
        required = self._output_layouts.layout(name, layout)
        if required.same_element_order(layout):
            return None
        return Conflict(f"the output is asked for as {required}")

    def _of_node(self, entry: TraceEntry, name: str, layout: Layout, steps: int) -> Conflict | None:
        """Why a node cannot produce or consume a value in a layout."""
        offers = [
            (candidate, layouts_of(entry, candidate, name))
            for candidate in candidates_with(entry, name, layout)
        ]
        fitting = [
            candidate
            for candidate, offered in offers
            if all(other.same_element_order(layout) for other in offered)
        ]
        if fitting:
            return self._of_candidates(entry, fitting, name, steps)
        verb = "gives" if name in entry.outputs else "takes"
        only = " or ".join(dict.fromkeys(str(other) for _, offered in offers for other in offered))
        return Conflict(f"{entry.node.description} {verb} '{name}' only as {only}")
