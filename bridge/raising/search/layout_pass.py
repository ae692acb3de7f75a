"""The layout pass: ONNX graph to `Plan`, each node once, in topological order.

The layout pass knows the logical shape and the layout of every value so far. It asks a node's rule
for candidates, takes the cheapest, rearranges the inputs that are not in the layout that it takes,
and records the layouts of the outputs. Permutes are added here and nowhere else; each is counted
and has its reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from inspect import Signature, signature
from typing import TYPE_CHECKING, Any, Protocol

from bridge import ir
from bridge.errors import BridgeError, UnsupportedError
from bridge.graph.io import weight_of
from bridge.layout import Layout
from bridge.raising.building.recorder import Recorder
from bridge.raising.empty import refuse_empty
from bridge.raising.plan import Permutation, Plan, PlanInput, Ref, Size, Stored, needed
from bridge.raising.refusals import refused
from bridge.raising.search.input_layouts import input_layout
from bridge.raising.search.output_layouts import OutputLayouts
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
from bridge.registry import mismatch

if TYPE_CHECKING:
    from bridge.public.options import IoLayout


# Floats that Keras's layers would cast to float32.
_OTHER_FLOATS = ("float64", "bfloat16", "float16")


class CostModel(Protocol):
    """An estimate of what the nodes that a layout pass has not reached yet will cost."""

    def preferred_layout(self, value: str) -> Layout | None:
        """The layout that suits the consumers of a value best, if that is known."""

    def cost(self, value: str, layout: Layout) -> int:
        """The bytes that will have to move if a value is stored in this layout."""


@dataclass(frozen=True)
class TraceEntry:
    """One node of a layout pass: its rule and the rule's arguments, the candidates, and the one
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
        return {x.name: x for x in self.operands if x and not x.is_constant}

    def candidates_for(
        self, layouts: Mapping[str, Layout], preferred_layouts: Sequence[Layout | None]
    ) -> Sequence[Candidate]:
        """The rule's candidates if some inputs were stored in these layouts, and these layouts of
        the outputs were preferred; none if it refuses."""
        node = replace(self.node, preferred_layouts=tuple(preferred_layouts))
        operands = with_layouts(self.operands, layouts)
        try:
            return candidates_of(self.rule, node, operands, self.attributes)
        except UnsupportedError:
            return []


class LayoutPass:
    """One pass over a graph, from its inputs to its outputs, that chooses all layouts."""

    def __init__(self, graph: ir.Graph, io_layout: IoLayout, cost_model: CostModel) -> None:
        self.graph = graph
        self.io_layout = io_layout
        self.cost_model = cost_model
        self.recorder = Recorder()
        self.values: dict[str, Stored] = {}
        # The operator that computes each value, not counting Transposes, which only move it.
        self.producers: dict[str, str] = {}
        # The copies of a stored value in other layouts. Values that share a tensor, as the input
        # and output of a Transpose do, may even have the same shape: so Stored is the key.
        self.copies: dict[Stored, dict[Layout, Ref]] = {}
        self.constants: dict[tuple[str, Layout], Ref] = {}
        self.output_layouts = OutputLayouts(io_layout)
        self.trace: list[TraceEntry] = []
        self.permutations: list[Permutation] = []
        self.refused: list[ir.Node] = []
        values = (*graph.inputs, *(value for node in graph for value in node.outputs))
        dtypes = {name_of(value): dtype_of(value) for value in values}
        self.dtypes = {name: dtype for name, dtype in dtypes.items() if dtype in _OTHER_FLOATS}
        # A size that ONNX gives a name of its own may be known here as a product: 3*batch.
        self.sizes: dict[Size, Size] = {}

    def run(self, rules: Sequence[Rule]) -> Plan:
        """The plan. Raises UnsupportedOperatorError that names all nodes that the rules refuse."""
        inputs = tuple(self._input(value) for value in self.graph.inputs if not is_constant(value))
        layouts = {name: stored.layout for name, stored in self.values.items()}
        self.output_layouts = OutputLayouts.of(self.graph, self.io_layout, layouts)
        self.recorder.anchor = Ref(inputs[0].id) if inputs else None
        refusals: list[tuple[ir.Node, UnsupportedError]] = []
        for node, rule in zip(self.graph, rules, strict=True):
            try:
                self._raise_node(node, rule)
            except UnsupportedError as refusal:
                refusals.append((node, refusal))
                self.refused.append(node)
                self._assume_identity(node)
        if refusals:
            raise refused(refusals)
        # A value that is listed twice is one output, as it is to onnxruntime.
        outputs = tuple(dict.fromkeys(self._output(value) for value in self.graph.outputs))
        named = self._named_outputs()
        stored = (value.ref for value in self.values.values())
        calls = needed(self.recorder.calls, (*stored, *named.values()))
        ids = {call.id for call in calls}
        return Plan(
            name=self.graph.name or "model",
            inputs=inputs,
            calls=calls,
            outputs=outputs,
            values=dict(self.values),
            permutations=tuple(entry for entry in self.permutations if entry.call in ids),
            named=named,
        )

    def _input(self, value: ir.Value) -> PlanInput:
        shape = logical_shape(value)
        layout = Layout.identity(shape)
        if self.io_layout == "channels_last":
            layout = input_layout(value, shape)
        number, name = self.recorder.input(name_of(value))
        self.values[name_of(value)] = Stored(Ref(number), layout)
        return PlanInput(number, name, name_of(value), layout.stored_shape, dtype_of(value))

    def _raise_node(self, node: ir.Node, rule: Rule) -> None:
        operands = tuple(None if value is None else self._operand(value) for value in node.inputs)
        outputs = tuple(map(name_of, node.outputs))
        target = Node(
            describe(node),
            tuple(self._shape(value) if name_of(value) else () for value in node.outputs),
            tuple(map(self.cost_model.preferred_layout, outputs)),
            frozenset(index for index, name in enumerate(outputs) if not name),
        )
        refuse_empty(node.op_type, operands, tuple(zip(outputs, target.shapes, strict=True)))
        attributes = attributes_of(node)
        candidates = [
            candidate
            for variant in self._variants(operands)
            for candidate in candidates_of(rule, target, variant, attributes)
        ]
        candidate = min(candidates, key=lambda choice: self._cost(choice, operands, outputs))
        self.trace.append(
            TraceEntry(target, rule, operands, attributes, outputs, candidates, candidate)
        )
        refs = [
            self._argument(operand, layout, target.description)
            for operand, layout in zip(operands, candidate.input_layouts, strict=False)
            if operand is not None and layout is not None
        ]
        start = len(self.recorder.calls)
        self.recorder.scope = (node.name or "").rpartition("/")[0]
        built = candidate.build(self.recorder, *refs)
        self._compute_in_dtype_of((*node.inputs, *node.outputs), start)
        self.recorder.name_calls(start, node.name or outputs[0])
        results = (built,) if isinstance(built, Ref) else built
        stored = map(Stored, results, candidate.output_layouts)
        for value, result in zip(node.outputs, stored, strict=False):
            if name_of(value):  # else the node omits this output
                moved = operands[0] if node.op_type == "Transpose" else None
                self.producers[name_of(value)] = moved.producer if moved else node.op_type
                self._check_shape(node, value, result.layout)
                self._learn_sizes(value, result.layout)
                self.values[name_of(value)] = result

    def _compute_in_dtype_of(self, values: Iterable[ir.Value | None], start: int) -> None:
        """Has layers compute in double or half precision, if that is the node's."""
        dtypes = {dtype_of(value) for value in values if value is not None and name_of(value)}
        for dtype in _OTHER_FLOATS:
            if dtype in dtypes and ("float32" not in dtypes or dtype == "float64"):
                self.recorder.compute_in(dtype, start)
                return

    def _operand(self, value: ir.Value) -> Operand:
        name, shape = name_of(value), self._shape(value)
        constant = weight_of(value)
        if constant is not None and name not in self.values:
            layout = Layout.identity(shape)
            return Operand(name, dtype_of(value), shape, layout, constant)
        layout = self.values[name].layout
        return Operand(name, dtype_of(value), shape, layout, producer=self.producers.get(name, ""))

    def _variants(self, operands: Sequence[Operand | None]) -> Iterator[Sequence[Operand | None]]:
        """The inputs as they are stored; each copy of one of them in another layout; and all of
        them in their preferred layouts. A candidate names the layouts of its inputs, so the
        candidates for each variant are correct."""
        yield operands
        names = [x.name for x in operands if x is not None and not x.is_constant]
        tensors = {name: self.values[name] for name in names}
        for name, stored in tensors.items():
            for layout in self.copies.get(stored, ()):
                if not layout.same_element_order(stored.layout):
                    yield with_layouts(operands, {name: layout})
        preferred_layouts = {name: self.cost_model.preferred_layout(name) for name in tensors}
        better = {
            name: preferred
            for name, preferred in preferred_layouts.items()
            if preferred is not None and not preferred.same_element_order(tensors[name].layout)
        }
        if better:
            yield with_layouts(operands, better)

    def _cost(
        self, candidate: Candidate, operands: Sequence[Operand | None], outputs: Sequence[str]
    ) -> int:
        """The bytes that a candidate moves, and those that will have to move because of it."""
        moved = sum(
            bytes_of(operand.shape)
            for operand, layout in zip(operands, candidate.input_layouts, strict=False)
            if operand is not None
            and layout is not None
            and not operand.is_constant
            and self._must_move(operand.name, layout)
        )
        return moved + sum(map(self.cost_model.cost, outputs, candidate.output_layouts))

    def _argument(self, operand: Operand, layout: Layout, reason: str) -> Ref:
        """An input of a node as a tensor in the layout that its rule asks for."""
        if operand.is_constant:
            return self._constant(operand, layout)
        return self._in_layout(operand.name, layout, reason)

    def _constant(self, operand: Operand, layout: Layout) -> Ref:
        """A constant of the graph as a tensor of the model, one for each layout."""
        key = operand.name, layout
        if key not in self.constants:
            start = len(self.recorder.calls)
            self.constants[key] = self.recorder.constant(operand.weight(layout))
            self.recorder.name_calls(start, operand.name)
        return self.constants[key]

    def _must_move(self, name: str, layout: Layout) -> bool:
        stored = self.values[name]
        copies = self.copies.get(stored, ())
        return layout not in copies and not stored.layout.same_element_order(layout)

    def _in_layout(self, name: str, layout: Layout, reason: str) -> Ref:
        """The tensor of a value in a layout: as it is, reshaped, or (only here) permuted."""
        stored = self.values[name]
        copies = self.copies.setdefault(stored, {})
        if layout not in copies:
            copies[layout] = self._copy(name, stored, layout, reason)
        return copies[layout]

    def _copy(self, name: str, stored: Stored, layout: Layout, reason: str) -> Ref:
        start = len(self.recorder.calls)
        ref = rearrange(self.recorder, stored.ref, stored.layout, layout)
        if name in self.dtypes:
            self.recorder.compute_in(self.dtypes[name], start)
        self.recorder.name_calls(start, f"{name}/stored")
        if not stored.layout.same_element_order(layout):
            self.permutations.append(
                Permutation(
                    source=stored.ref.call,
                    call=ref.call,
                    value=name,
                    source_layout=str(stored.layout),
                    target_layout=str(layout),
                    bytes=bytes_of(layout.logical_shape),
                    forced_by=reason,
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
        """Raises BridgeError if a rule is wrong: its output must have the shape in the graph."""
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
            operand = self._operand(value)
            ref = self._constant(operand, operand.layout)
            self.values[name] = Stored(ref, operand.layout)
        stored = self.values[name]
        layout = self.output_layouts.layout(name, stored.layout)
        if layout != stored.layout:
            self.values[name] = Stored(self._in_layout(name, layout, "the output"), layout)
        return name

    def _named_outputs(self) -> dict[str, Ref]:
        """The outputs that an Identity has to name."""
        outputs = {name_of(value): dtype_of(value) for value in self.graph.outputs}
        named = {name: (self.values[name].ref, dtype) for name, dtype in outputs.items()}
        refs = {name: self.recorder.output(name, *end) for name, end in named.items()}
        return {name: ref for name, ref in refs.items() if ref != named[name][0]}

    def _assume_identity(self, node: ir.Node) -> None:
        """Lets the layout pass continue after a refusal, so that one error can name all nodes."""
        for value in filter(name_of, node.outputs):
            layout = Layout.identity(logical_shape(value))
            self.values[name_of(value)] = Stored(Ref(self.recorder.new_id()), layout)


def with_layouts(
    operands: Sequence[Operand | None], layouts: Mapping[str, Layout]
) -> Sequence[Operand | None]:
    """The inputs of a node, as if some were stored in other layouts."""
    return [
        replace(operand, layout=layouts[operand.name])
        if operand is not None and operand.name in layouts
        else operand
        for operand in operands
    ]


def candidates_of(
    rule: Rule, node: Node, operands: Sequence[Operand | None], attributes: Mapping[str, Any]
) -> Sequence[Candidate]:
    """A rule's candidates. Raises UnsupportedError for an attribute that it does not know, and for
    a required input or attribute that is missing."""
    problem = _refusal(rule, tuple(operand is None for operand in operands), tuple(attributes))
    if problem is not None:
        raise UnsupportedError(problem)
    result = rule(node, *operands, **attributes)
    return [result] if isinstance(result, Candidate) else result


@cache
def _refusal(rule: Rule, absent: tuple[bool, ...], attributes: tuple[str, ...]) -> str | None:
    """Why a rule cannot be called with inputs of which these are absent, and with attributes of
    these names; None if it can."""
    parameters, required = _parameters(rule)
    try:
        bound = parameters.bind(None, *absent, **dict.fromkeys(attributes, False))
    except TypeError:
        options = ("input", "attribute")
        return mismatch(parameters, 1, len(absent), attributes, options)
    for name in required:
        value = bound.arguments.get(name, ())
        if value is True or (isinstance(value, tuple) and True in value):
            return f"its input '{name}' is missing"
    return None


@cache
def _parameters(rule: Rule) -> tuple[Signature, tuple[str, ...]]:
    """The signature of a rule, and the names of its required inputs."""
    parameters = signature(rule)
    required = (
        name
        for name, parameter in parameters.parameters.items()
        if parameter.annotation in _REQUIRED
    )
    return parameters, tuple(required)


_REQUIRED = (Operand, Operand.__name__)  # annotations are strings in most modules
