"""The diagram of a graph: its nodes, put together with the Caffe layers that they were lowered from
and the Keras calls that they were raised to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING

from bridge.drawing.diagram import INPUT, Diagram, Form, Node, Note, Shape, Step, Value
from bridge.errors import plain

if TYPE_CHECKING:
    from bridge.caffe.net import Layer
    from bridge.raising.plan import Call, Plan
    from bridge.translation import MappedWeight, TranslationMap

LONGEST = 240  # characters of a line in full


@dataclass(frozen=True)
class Raised:
    """The Keras model of a graph, as a plan and as a map."""

    plan: Plan
    map: TranslationMap

    @cached_property
    def moving(self) -> frozenset[int]:
        """The calls that are transposes."""
        return frozenset(permutation.call for permutation in self.plan.permutations)

    def order(self, value: str) -> str:
        """How a value's axes map, if they do not stay as they are."""
        stored = self.plan.values.get(value)
        if stored is None or stored.layout.is_identity:
            return ""
        return f" as {stored.layout.text()}"


@dataclass
class _Group:
    """The steps that are drawn as one node."""

    name: str
    steps: list[Step] = field(default_factory=list)
    layers: list[Layer] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)


def assembled(
    steps: Sequence[Step],
    outputs: Sequence[str],
    *,
    shapes: Mapping[str, Shape],
    layers: Sequence[Layer] = (),
    raised: Raised | None = None,
    form: str = "ONNX",
    notes: Mapping[str, Note] | None = None,
) -> Diagram:
    """The diagram of a graph, given in the order in which it computes.

    `shapes` are those of the values; `layers` are those of the Caffe net, by whose names lowering
    calls the nodes, and `raised` is what the graph became in Keras. Without them the nodes are
    those of the graph, whose format `form` names. `notes` are by value.
    """
    groups = _grouped(steps, layers)
    if raised is not None:
        _add_calls(groups, raised.plan)
    weights = _weights(raised)
    nodes = tuple(_node(group, raised, weights, form) for group in groups)
    between = {name for node in nodes for name in node.reads}.union(outputs)
    drawn = [name for node in nodes for name in node.writes if name in between]
    values = {name: _value(name, shapes, raised, name in outputs) for name in drawn}
    return Diagram(nodes, values, {} if notes is None else notes)


# --- which steps, layers and calls are one node ---------------------------------------------------


def _grouped(steps: Sequence[Step], layers: Sequence[Layer]) -> list[_Group]:
    """In the order of their first steps."""
    writers = {name: step for step in steps if step.operator != INPUT for name in step.writes}
    of_step: dict[str, _Group] = {}  # by the first value that a step writes
    of_layer: dict[int, _Group] = {}
    for layer in layers:
        own = [writers[top] for top in layer.tops if top in writers]
        if own:
            of_layer[id(layer)] = _Group(layer.name)
            of_step |= {step.writes[0]: of_layer[id(layer)] for step in own}
    named = {step.name: of_step.get(step.writes[0]) for step in writers.values()}
    _add_merged(of_layer, layers, named)
    by_name: dict[str, _Group] = {}
    for layer in layers:
        if id(layer) in of_layer:
            of_layer[id(layer)].layers.append(layer)
            by_name[layer.name] = of_layer[id(layer)]
    groups: dict[int, _Group] = {}
    for step in steps:
        group = of_step.get(step.writes[0]) or _by_prefix(step.name, by_name) or _Group(step.name)
        group.steps.append(step)
        groups[id(group)] = group
    return list(groups.values())


def _add_merged(
    of_layer: dict[int, _Group], layers: Sequence[Layer], named: Mapping[str, _Group | None]
) -> None:
    """A layer whose tops no step writes is part of the node that has its name, as a BatchNorm with
    its Scale, or of the layer that reads its top."""
    readers = {bottom: layer for layer in reversed(layers) for bottom in layer.bottoms}
    for layer in reversed(layers):
        if id(layer) not in of_layer:
            reading = (of_layer.get(id(readers[top])) for top in layer.tops if top in readers)
            group = named.get(layer.name) or next(filter(None, reading), None)
            if group is not None:
                of_layer[id(layer)] = group


def _by_prefix(name: str, of_layer: Mapping[str, _Group]) -> _Group | None:
    """The group of the layer within which a node was emitted: `fc/flatten` is of `fc`."""
    while "/" in name:
        name = name.rpartition("/")[0]
        if name in of_layer:
            return of_layer[name]
    return None


def _add_calls(groups: Sequence[_Group], plan: Plan) -> None:
    """A call belongs to the first node whose value it holds, an Identity to that of the output that
    it names, and any other, such as a padding, to the node of the first call that reads it."""
    from bridge.raising.plan import refs_in

    writers = {name: group for group in groups for step in group.steps for name in step.writes}
    owner = {ref.call: writers[name] for name, ref in plan.named.items() if name in writers}
    for name, group in writers.items():
        if name in plan.values:
            owner.setdefault(plan.values[name].ref.call, group)
    of_reader: dict[int, _Group] = {}
    for call in reversed(plan.calls):
        own = owner.get(call.id) or of_reader.get(call.id)
        if own is not None:
            owner[call.id] = own
            of_reader |= {ref.call: own for ref in refs_in(call.arguments)}
    for call in plan.calls:
        if call.id in owner:
            owner[call.id].calls.append(call)


# --- what is said of them -------------------------------------------------------------------------


def _node(
    group: _Group,
    raised: Raised | None,
    weights: Mapping[str, Sequence[MappedWeight]],
    form: str,
) -> Node:
    is_input = all(step.operator == INPUT for step in group.steps)
    written = dict.fromkeys(name for step in group.steps for name in step.writes)
    forms = {}
    if group.layers:
        forms["Caffe"] = Form(_names(layer.type for layer in group.layers), _caffe(group.layers))
    if not is_input:
        operators = _names(step.operator for step in group.steps)
        forms[form] = Form(operators, _onnx(group.steps, raised))
    if raised is not None and not is_input:
        forms["Keras"] = _keras(group.calls, weights)
    return Node(
        name=plain(group.layers[0].name if group.layers else group.name, LONGEST),
        forms=forms,
        reads=tuple(
            dict.fromkeys(
                name for step in group.steps for name in step.reads if name not in written
            )
        ),
        writes=tuple(written),
        is_input=is_input,
        moves=raised is not None and not raised.moving.isdisjoint(x.id for x in group.calls),
    )


def _names(operators: Iterator[str]) -> str:
    """Each once, with how often it is there."""
    counts = Counter(operators)
    return ", ".join(name if n == 1 else f"{n} × {name}" for name, n in counts.items())


def _caffe(layers: Sequence[Layer]) -> tuple[str, ...]:
    return _cut(f"{x.name}: {x.type}, {PurePath(x.where.file).name}:{x.where.line}" for x in layers)


def _onnx(steps: Sequence[Step], raised: Raised | None) -> tuple[str, ...]:
    lines = []
    for step in steps:
        results = (f"{x}{raised.order(x) if raised else ''}" for x in step.writes)
        reads = ", ".join(step.reads)
        lines.append(f"{step.name}: {step.operator}, {reads} → {', '.join(results)}")
    return _cut(iter(lines))


def _keras(calls: Sequence[Call], weights: Mapping[str, Sequence[MappedWeight]]) -> Form:
    if not calls:
        return Form("no layer of its own")
    lines = []
    for call in calls:
        options = ", ".join(f"{name}={value}" for name, value in call.options.items())
        lines.append(f"{call.name}: {call.target.removeprefix('layers.')}({options})")
        lines += [f"  {_weight(weight)}" for weight in weights[call.name] if call.again is None]
    short = _names(call.target.removeprefix("layers.") for call in calls)
    return Form(short, _cut(iter(lines)))


def _weight(weight: MappedWeight) -> str:
    sources = ", ".join(map(str, weight.sources))
    of = f" of {sources}" if sources else ""
    return f"{weight.role} {_sizes(weight.shape)}: {weight.expression or 'computed'}{of}"


def _weights(raised: Raised | None) -> Mapping[str, Sequence[MappedWeight]]:
    by_layer = defaultdict[str, list["MappedWeight"]](list)
    for weight in raised.map.weights if raised else ():
        by_layer[weight.layer].append(weight)
    return by_layer


def _cut(lines: Iterator[str]) -> tuple[str, ...]:
    return tuple(plain(line, LONGEST) for line in lines)


def _sizes(shape: Shape) -> str:
    return " ".join(map(str, shape))


def _value(name: str, shapes: Mapping[str, Shape], raised: Raised | None, is_output: bool) -> Value:
    stored = raised.plan.values.get(name) if raised else None
    if stored is None:
        return Value(name, shapes.get(name), is_output=is_output)
    axes, _, stored_axes = stored.layout.text().partition(" -> ")
    return Value(
        name,
        stored.layout.logical_shape,
        axes,
        stored.layout.stored_shape,
        stored_axes,
        is_output,
    )
