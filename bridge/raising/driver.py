"""The layout sweep: ONNX graph to `Plan`, each node once, in the order in which they run.

For every value the sweep knows its logical shape and how it is stored. It asks the node's rule
how the inputs must be stored, brings those to that order which are not, and notes how the outputs
are stored. This is the only place that adds a Permute; each is counted and carries its reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, Literal

from bridge.errors import BridgeError, UnsupportedError, UnsupportedOperatorError, UsageError
from bridge.layout import Layout
from bridge.plugins import load_entry_points
from bridge.raising.fusion import fuse
from bridge.raising.inputs import input_layout
from bridge.raising.moving import rearrange
from bridge.raising.plan import Permutation, Plan, PlanInput, Ref, Size, Stored
from bridge.raising.recorder import Recorder
from bridge.raising.table import TABLE, Node, Operand, Rule, Shape, Step
from bridge.raising.values import (
    attributes_of,
    describe,
    dtype_of,
    is_constant,
    logical_shape,
    name_of,
    operator_name,
    same_shape,
)

if TYPE_CHECKING:
    import onnx_ir as ir

IoLayout = Literal["channels_last", "onnx"]

FLOAT_BYTES = 4


def raise_model(model: ir.Model, io_layout: IoLayout = "channels_last") -> Plan:
    """Plans the Keras model of an ONNX graph that has passed `bridge.graph.passes`.

    `io_layout` is `channels_last`, where inputs and outputs are stored as Keras users expect, or
    `onnx`, where the model takes and gives the arrays that ONNX takes and gives.

    Raises UnsupportedOperatorError, with every operator that has no rule or an attribute that
    its rule does not know.
    """
    if io_layout not in ("channels_last", "onnx"):
        raise UsageError("unknown io_layout", expected="channels_last or onnx", received=io_layout)
    return _Sweep(model, io_layout).run()


class _Sweep:
    def __init__(self, model: ir.Model, io_layout: IoLayout) -> None:
        self.graph = model.graph
        self.opset = dict(model.opset_imports).get("") or 1
        self.io_layout = io_layout
        self.recorder = Recorder()
        self.values: dict[str, Stored] = {}
        self.moved: dict[tuple[Ref, Layout, Layout], Ref] = {}
        self.permutations: list[Permutation] = []
        # What ONNX calls a size of its own may be known here as a product: 3*batch.
        self.sizes: dict[Size, Size] = {}

    def run(self) -> Plan:
        fuse(self.graph)
        rules = self._rules()
        inputs = tuple(self._input(value) for value in self.graph.inputs if not is_constant(value))
        self.recorder.anchor = Ref(inputs[0].id) if inputs else None
        refusals: list[str] = []
        for node, rule in zip(self.graph, rules, strict=True):
            try:
                self._raise_node(node, rule)
            except UnsupportedError as refusal:
                refusals.append(f"{describe(node)}: {refusal}")
                self._assume_plain(node)
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

    def _rules(self) -> list[Rule]:
        found = [(node, self._find(node)) for node in self.graph]
        missing = [describe(node) for node, rule in found if rule is None]
        if missing:
            raise UnsupportedOperatorError(
                "no Keras rule for these nodes:\n" + "\n".join(missing),
                hint="a plug-in can add one with @bridge.raises(...), or --outputs BLOB cuts the "
                "Caffe net before them",
            )
        return [rule for _, rule in found if rule is not None]

    def _find(self, node: ir.Node) -> Rule | None:
        name = operator_name(node)
        if TABLE.find(name, self.opset) is None:
            load_entry_points()
        return TABLE.find(name, self.opset)

    def _input(self, value: ir.Value) -> PlanInput:
        shape = logical_shape(value)
        layout = Layout.plain(shape)
        if self.io_layout == "channels_last":
            layout = input_layout(value, shape)
        ref = Ref(self.recorder.new_id())
        self.values[name_of(value)] = Stored(ref, layout)
        name = self.recorder.unique(name_of(value))
        return PlanInput(ref.call, name, name_of(value), layout.stored_shape, dtype_of(value))

    def _raise_node(self, node: ir.Node, rule: Rule) -> None:
        operands = [None if value is None else self._operand(value) for value in node.inputs]
        target = Node(describe(node), tuple(self._shape(value) for value in node.outputs))
        step = self._choose(call_rule(rule, target, operands, attributes_of(node)), operands)
        refs = [
            self._stored_as(operand.name, want, describe(node))
            for operand, want in zip(operands, step.want, strict=False)
            if operand is not None and want is not None
        ]
        start = len(self.recorder.calls)
        built = step.build(self.recorder, *refs)
        self.recorder.name_calls(start, node.name or name_of(node.outputs[0]))
        results = (built,) if isinstance(built, Ref) else built
        for value, ref, layout in zip(node.outputs, results, step.out, strict=False):
            self._check_shape(node, value, layout)
            self._learn_sizes(value, layout)
            self.values[name_of(value)] = Stored(ref, layout)

    def _operand(self, value: ir.Value) -> Operand:
        name, shape = name_of(value), self._shape(value)
        constant = value.const_value
        if constant is not None and name not in self.values:
            return Operand(name, dtype_of(value), shape, Layout.plain(shape), read=constant.numpy)
        producer = value.producer()
        return Operand(
            name,
            dtype_of(value),
            shape,
            self.values[name].layout,
            producer="" if producer is None else producer.op_type,
        )

    def _choose(self, answer: Step | Sequence[Step], operands: Sequence[Operand | None]) -> Step:
        steps = [answer] if isinstance(answer, Step) else answer
        return min(steps, key=lambda step: self._bytes_moved(step, operands))

    def _bytes_moved(self, step: Step, operands: Sequence[Operand | None]) -> int:
        return sum(
            FLOAT_BYTES * known_size(operand.shape)
            for operand, want in zip(operands, step.want, strict=False)
            if operand is not None and want is not None and self._must_move(operand.name, want)
        )

    def _tensor(self, name: str) -> Stored:
        if name not in self.values:
            raise UnsupportedError(
                f"'{name}' is a constant, where this needs a tensor",
                hint="a Keras model computes its outputs from its inputs",
            )
        return self.values[name]

    def _must_move(self, name: str, want: Layout) -> bool:
        stored = self._tensor(name)
        known = (stored.ref, stored.layout, want) in self.moved
        return not known and not stored.layout.same_order(want)

    def _stored_as(self, name: str, want: Layout, reason: str) -> Ref:
        """The value stored as wanted: as it is, reshaped, or (the one place) permuted."""
        stored = self._tensor(name)
        # Values that share a tensor, as a Transpose's two do, may even have the same shape.
        key = (stored.ref, stored.layout, want)
        if key not in self.moved:
            self.moved[key] = self._move(name, stored, want, reason)
        return self.moved[key]

    def _move(self, name: str, stored: Stored, want: Layout, reason: str) -> Ref:
        start = len(self.recorder.calls)
        ref = rearrange(self.recorder, stored.ref, stored.layout, want)
        self.recorder.name_calls(start, f"{name}/stored")
        if not stored.layout.same_order(want):
            size = FLOAT_BYTES * known_size(want.logical_shape)
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
        plain = Layout.plain(stored.layout.logical_shape)
        if self.io_layout == "onnx" or not is_presentable(stored.layout):
            ref = self._stored_as(name, plain, "the output")
            self.values[name] = Stored(ref, plain)
        return name

    def _assume_plain(self, node: ir.Node) -> None:
        """Lets the sweep go on after a refusal, so that one error can name every node."""
        for value in node.outputs:
            layout = Layout.plain(logical_shape(value))
            self.values[name_of(value)] = Stored(Ref(self.recorder.new_id()), layout)


def call_rule(
    rule: Rule, node: Node, operands: Sequence[Operand | None], attributes: Mapping[str, Any]
) -> Step | Sequence[Step]:
    """Calls a rule with a node's attributes; one that it does not know is a refusal."""
    try:
        return rule(node, *operands, **attributes)
    except TypeError as error:
        if "unexpected keyword" in str(error) or "positional argument" in str(error):
            raise UnsupportedError(str(error).split("() ", 1)[-1]) from error
        raise


def is_presentable(layout: Layout) -> bool:
    """Whether a user can read an output stored so: one stored axis for each logical axis."""
    axes = range(len(layout.logical_shape))
    whole = all(layout.where(axis) is not None for axis in axes)
    return whole and len(layout.stored_shape) == len(layout.logical_shape)


def known_size(shape: Shape) -> int:
    return prod(dim for dim in shape if isinstance(dim, int))
