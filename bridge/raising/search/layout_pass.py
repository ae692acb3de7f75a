"""The layout pass: ONNX graph to `Plan`, each node once, in the order in which they run.

For every value the layout pass knows its logical shape and how it is stored. It asks the node's
rule how the inputs must be stored, brings those to that order which are not, and notes how the
outputs are stored. This is the only place that adds a Permute; each is counted and carries its
reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from inspect import Signature, signature
from typing import TYPE_CHECKING, Any, Protocol

from bridge.arguments import misfit
from bridge.errors import BridgeError, UnsupportedError, UnsupportedOperatorError
from bridge.graph.producers import computed_by
from bridge.layout import Layout
from bridge.raising.building.candidates import is_presentable
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Permutation, Plan, PlanInput, Ref, Size, Stored
from bridge.raising.search.input_layouts import input_layout
from bridge.raising.search.permuting import rearrange
from bridge.raising.table import Candidate, Node, Operand, Rule, Shape
from bridge.raising.values import (
    attributes_of,
    bytes_of,
    describe,
    dtype_of,
    is_constant,
    logical_shape,
    name_of,
    same_shape,
)

if TYPE_CHECKING:
    import onnx_ir as ir

    from bridge.options import IoLayout


class CostModel(Protocol):
    """What the nodes that a layout pass has still before it will cost."""

    def preferred_layout(self, value: str) -> Layout | None:
        """The order that serves the consumers of a value best."""

    def cost(self, value: str, layout: Layout) -> int:
        """The bytes that will have to move if a value is stored so."""


@dataclass(frozen=True)
class TraceEntry:
    """A node as a layout pass met it: its rule, what that was given, its candidates, and the one
    that was taken."""

    node: Node
    rule: Rule
    operands: tuple[Operand | None, ...]
    attributes: Mapping[str, Any]
    outputs: tuple[str, ...]
    candidates: Sequence[Candidate]
    candidate: Candidate

    @cached_property
    def tensors(self) -> Mapping[str, Operand]:
        """The inputs that the model computes, by name."""
        return {each.name: each for each in self.operands if each and not each.is_constant}

    def candidates_for(
        self, stored: Mapping[str, Layout], preferred_layout: Sequence[Layout | None]
    ) -> Sequence[Candidate]:
        """What the rule would answer if inputs were stored otherwise, and other orders of the
        outputs were wished; nothing where it refuses."""
        node = replace(self.node, preferred_layouts=tuple(preferred_layout))
        try:
            return answers(self.rule, node, with_layouts(self.operands, stored), self.attributes)
        except UnsupportedError:
            return []


class LayoutPass:
    """One way through a graph, from its inputs to its outputs; its choices heed an outlook."""

    def __init__(self, graph: ir.Graph, io_layout: IoLayout, cost_model: CostModel) -> None:
        self.graph = graph
        self.io_layout = io_layout
        self.cost_model = cost_model
        self.recorder = Recorder()
        self.values: dict[str, Stored] = {}
        # The other orders in which a stored value is there too. Values that share a tensor, as a
        # Transpose's two do, may even have the same shape: so both are the key.
        self.copies: dict[Stored, dict[Layout, Ref]] = {}
        self.trace: list[TraceEntry] = []
        self.permutations: list[Permutation] = []
        # What ONNX calls a size of its own may be known here as a product: 3*batch.
        self.sizes: dict[Size, Size] = {}

    def run(self, rules: Sequence[Rule]) -> Plan:
        """The plan. Raises UnsupportedOperatorError with all that the rules refuse."""
        inputs = tuple(self._input(value) for value in self.graph.inputs if not is_constant(value))
        self.recorder.anchor = Ref(inputs[0].id) if inputs else None
        refusals: list[str] = []
        for node, rule in zip(self.graph, rules, strict=True):
            try:
                self._raise_node(node, rule)
            except UnsupportedError as refusal:
                refusals.append(f"{describe(node)}: {refusal}")
                self._assume_identity(node)
        if refusals:
            raise UnsupportedOperatorError(
                "these nodes cannot become Keras layers:\n" + "\n".join(refusals)
            )
        outputs = tuple(self._output(value) for value in self.graph.outputs)
        return Plan(
            name=self.graph.name or "model",
            inputs=inputs,
            calls=tuple(self.recorder.calls),
            outputs=outputs,
            values=dict(self.values),
            permutations=tuple(self.permutations),
        )

    def _input(self, value: ir.Value) -> PlanInput:
        shape = logical_shape(value)
        layout = Layout.identity(shape)
        if self.io_layout == "channels_last":
            layout = input_layout(value, shape)
        ref = Ref(self.recorder.new_id())
        self.values[name_of(value)] = Stored(ref, layout)
        name = self.recorder.unique(name_of(value))
        return PlanInput(ref.call, name, name_of(value), layout.stored_shape, dtype_of(value))

    def _raise_node(self, node: ir.Node, rule: Rule) -> None:
        operands = tuple(None if value is None else self._operand(value) for value in node.inputs)
        outputs = tuple(map(name_of, node.outputs))
        target = Node(
            describe(node),
            tuple(self._shape(value) if name_of(value) else () for value in node.outputs),
            tuple(map(self.cost_model.preferred_layout, outputs)),
            frozenset(index for index, name in enumerate(outputs) if not name),
        )
        attributes = attributes_of(node)
        candidates = [
            candidate
            for given in self._seen(operands)
            for candidate in answers(rule, target, given, attributes)
        ]
        candidate = min(candidates, key=lambda each: self._cost(each, operands, outputs))
        self.trace.append(
            TraceEntry(target, rule, operands, attributes, outputs, candidates, candidate)
        )
        refs = [
            self._stored_as(operand.name, want, target.description)
            for operand, want in zip(operands, candidate.input_layouts, strict=False)
            if operand is not None and want is not None
        ]
        start = len(self.recorder.calls)
        self.recorder.scope = (node.name or "").rpartition("/")[0]
        built = candidate.build(self.recorder, *refs)
        self.recorder.name_calls(start, node.name or outputs[0])
        results = (built,) if isinstance(built, Ref) else built
        for value, ref, layout in zip(
            node.outputs, results, candidate.output_layouts, strict=False
        ):
            if not name_of(value):
                continue  # left out
            self._check_shape(node, value, layout)
            self._learn_sizes(value, layout)
            self.values[name_of(value)] = Stored(ref, layout)

    def _operand(self, value: ir.Value) -> Operand:
        name, shape = name_of(value), self._shape(value)
        constant = value.const_value
        if constant is not None and name not in self.values:
            return Operand(
                name, dtype_of(value), shape, Layout.identity(shape), read=constant.numpy
            )
        layout = self.values[name].layout
        return Operand(name, dtype_of(value), shape, layout, producer=computed_by(value))

    def _seen(self, operands: Sequence[Operand | None]) -> Iterator[Sequence[Operand | None]]:
        """The inputs as they are stored; and as they might be, one by one where there is a copy in
        another order, and all together as they had better be. A step says what it wants, so it is
        right for each."""
        yield operands
        names = [each.name for each in operands if each is not None and not each.is_constant]
        tensors = {name: self._tensor(name) for name in names}
        for name, stored in tensors.items():
            for order in self.copies.get(stored, ()):
                if not order.same_element_order(stored.layout):
                    yield with_layouts(operands, {name: order})
        preferred_layout = {name: self.cost_model.preferred_layout(name) for name in tensors}
        better = {
            name: preferred
            for name, preferred in preferred_layout.items()
            if preferred is not None and not preferred.same_element_order(tensors[name].layout)
        }
        if better:
            yield with_layouts(operands, better)

    def _cost(
        self, candidate: Candidate, operands: Sequence[Operand | None], outputs: Sequence[str]
    ) -> int:
        """The bytes that a step moves, and those that will have to move because of it."""
        here = sum(
            bytes_of(operand.shape)
            for operand, want in zip(operands, candidate.input_layouts, strict=False)
            if operand is not None and want is not None and self._must_move(operand.name, want)
        )
        return here + sum(map(self.cost_model.cost, outputs, candidate.output_layouts))

    def _tensor(self, name: str) -> Stored:
        if name not in self.values:
            raise UnsupportedError(
                f"'{name}' is a constant, where this needs a tensor",
                hint="a Keras model computes its outputs from its inputs",
            )
        return self.values[name]

    def _must_move(self, name: str, want: Layout) -> bool:
        stored = self._tensor(name)
        return want not in self.copies.get(stored, ()) and not stored.layout.same_element_order(
            want
        )

    def _stored_as(self, name: str, want: Layout, reason: str) -> Ref:
        """The value stored as wanted: as it is, reshaped, or (the one place) permuted."""
        stored = self._tensor(name)
        copies = self.copies.setdefault(stored, {})
        if want not in copies:
            copies[want] = self._move(name, stored, want, reason)
        return copies[want]

    def _move(self, name: str, stored: Stored, want: Layout, reason: str) -> Ref:
        start = len(self.recorder.calls)
        ref = rearrange(self.recorder, stored.ref, stored.layout, want)
        self.recorder.name_calls(start, f"{name}/stored")
        if not stored.layout.same_element_order(want):
            size = bytes_of(want.logical_shape)
            self.permutations.append(
                Permutation(
                    stored.ref.call, ref.call, name, str(stored.layout), str(want), size, reason
                )
            )
        return ref

    def _shape(self, value: ir.Value) -> Shape:
        return tuple(self.sizes.get(size, size) for size in logical_shape(value))

    def _learn_sizes(self, value: ir.Value, layout: Layout) -> None:
        for size, known in zip(logical_shape(value), layout.logical_shape, strict=True):
            if isinstance(size, str):
                self.sizes.setdefault(size, known)

    def _check_shape(self, node: ir.Node, value: ir.Value, layout: Layout) -> None:
        """The rule's promise must be the graph's: else a rule is wrong, and says so at once."""
        expected = logical_shape(value)
        if not same_shape(expected, layout.logical_shape):
            raise BridgeError(
                f"the rule for {node.op_type} gives '{value.name}' another shape than the graph",
                where=describe(node),
                expected=expected,
                received=layout.logical_shape,
            )

    def _output(self, value: ir.Value) -> str:
        name = name_of(value)
        if name not in self.values:
            raise UnsupportedError(
                f"the output '{name}' is a constant of the graph",
                hint="a Keras model computes its outputs from its inputs",
            )
        stored = self.values[name]
        want = output_layout(stored.layout, self.io_layout)
        if want != stored.layout:
            self.values[name] = Stored(self._stored_as(name, want, "the output"), want)
        return name

    def _assume_identity(self, node: ir.Node) -> None:
        """Lets the layout pass go on after a refusal, so that one error can name every node."""
        for value in filter(name_of, node.outputs):
            layout = Layout.identity(logical_shape(value))
            self.values[name_of(value)] = Stored(Ref(self.recorder.new_id()), layout)


def with_layouts(
    operands: Sequence[Operand | None], orders: Mapping[str, Layout]
) -> Sequence[Operand | None]:
    """The inputs of a node, as if some were stored otherwise."""
    return [
        replace(each, layout=orders[each.name])
        if each is not None and each.name in orders
        else each
        for each in operands
    ]


def output_layout(layout: Layout, io_layout: IoLayout) -> Layout:
    """How an output that comes stored so is given: as it is, where a user can read it."""
    if io_layout == "channels_last" and is_presentable(layout):
        return layout
    return Layout.identity(layout.logical_shape)


def answers(
    rule: Rule, node: Node, operands: Sequence[Operand | None], attributes: Mapping[str, Any]
) -> Sequence[Candidate]:
    """A rule's steps. Raises UnsupportedError for an attribute that it does not know, and where an
    input or an attribute is missing that it needs."""
    parameters, needed = _parameters(rule)
    try:
        given = parameters.bind(node, *operands, **attributes).arguments
    except TypeError as error:
        problem = misfit(parameters, 1, len(operands), attributes, ("input", "attribute"))
        raise UnsupportedError(problem) from error
    for name in needed:
        value = given.get(name, ())
        if value is None or (isinstance(value, tuple) and None in value):
            raise UnsupportedError(f"its input '{name}' is missing")
    answer = rule(node, *operands, **attributes)
    return [answer] if isinstance(answer, Candidate) else answer


@cache
def _parameters(rule: Rule) -> tuple[Signature, tuple[str, ...]]:
    """What a rule takes, and the names of the inputs that may not be left out."""
    parameters = signature(rule)
    needed = (
        name for name, each in parameters.parameters.items() if each.annotation in _AN_OPERAND
    )
    return parameters, tuple(needed)


_AN_OPERAND = (Operand, Operand.__name__)  # annotations are texts in most modules
