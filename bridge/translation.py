"""The translation map: where each value of a graph, and each weight, is in the Keras model.

Plain data, for reading and for JSON. Every text comes from what the model itself is built from: the
layouts, and the expressions of the weights' own functions (see `layout.Traced`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bridge.caffe.net import Blob
from bridge.errors import UsageError, plain
from bridge.files.html import dims, table
from bridge.files.outputs import writable
from bridge.files.staging import staged
from bridge.layout import Traced, Weight, constant_text, einops_sizes
from bridge.lower.model import LoweredModel
from bridge.raising.plan import Call, Permutation, Plan, Size

if TYPE_CHECKING:
    from bridge import ir

Shape = tuple[Size, ...]

# A plan names a weight after Keras's initialiser; these attributes have other names.
_ATTRIBUTES = {"depthwise": "kernel", "recurrent": "recurrent_kernel"}


@dataclass(frozen=True)
class MappedTensor:
    """A value of the graph (a Caffe blob goes by the same name), and the tensor that it is.

    `keras` names the layer, the `keras.ops` node or the input that gives the tensor, as its
    output number `output` of its call number `time`. `order` is einops text from the value to the
    tensor, and `sizes` are those of its letters that the shape leaves open:
    `einops.rearrange(value, order, **sizes)`. `target` is what computes the tensor,
    `layers.Conv2D` or `ops.matmul`; "" for an input.
    """

    value: str
    shape: Shape
    keras: str
    output: int
    stored: Shape
    order: str
    sizes: Mapping[str, int]
    time: int = 0
    target: str = ""


@dataclass(frozen=True)
class Source:
    """An array that a weight is computed from, and its name in the expression.

    An ONNX initializer; if the graph was lowered from a Caffe net, the blob of a layer.
    """

    variable: str
    shape: tuple[int, ...]
    initializer: str
    layer: str | None = None
    blob: int | None = None

    def __str__(self) -> str:
        return self.initializer if self.layer is None else f"{self.layer}[{self.blob}]"


@dataclass(frozen=True)
class MappedWeight:
    """A weight: attribute `role` of the layer `layer`, or an argument of a `keras.ops` node.

    `expression` is numpy text over the variables of the sources, which gives the very weight; None
    where a plug-in computes it in a way that `Traced` arrays do not write down.
    """

    layer: str
    role: str
    shape: tuple[int, ...]
    expression: str | None
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Transpose:
    """Why an order changes: `given_by` gives the value in the order `have`, and `asked_by`, a node
    of the graph, can only take it in the order `want`. `keras` is the layer or node that brings
    it to that, and `bytes` are those that it moves for one sample.

    To do without, the values of `way` would have to be stored in other orders, by name, of which
    the first is impossible: `because` says why. It is empty if no reason is known."""

    value: str
    keras: str
    have: str
    given_by: str
    want: str
    asked_by: str
    bytes: int
    because: str = ""
    way: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TranslationMap:
    """All tensors and weights of a model, and the transposes that it could not do without.

    `absent` are the values, with their shapes as far as they are known, that are no tensor in
    Keras: constants, and what is between two layers that became one. `origin` is the format of the
    net that the values are of. Of an ONNX graph `operators` compute the values, by name, and
    `notes` say in what the graph that became a model is not the file's own.
    """

    name: str
    tensors: tuple[MappedTensor, ...]
    weights: tuple[MappedWeight, ...]
    transposes: tuple[Transpose, ...] = ()
    absent: Mapping[str, Shape | None] = field(default_factory=dict)
    origin: Literal["Caffe", "ONNX"] = "Caffe"
    operators: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        counts = f"{len(self.tensors)} tensors, {len(self.weights)} weights"
        return plain(f"<TranslationMap {self.name}: {counts}, {len(self.transposes)} transposes>")

    def _repr_html_(self) -> str:
        """The tensors and the weights, as tables for a notebook."""
        tensors = [(x.value, dims(x.shape), x.keras, dims(x.stored), x.order) for x in self.tensors]
        weights = [
            (f"{x.layer} {x.role}", dims(x.shape), ", ".join(map(str, x.sources)), x.expression)
            for x in self.weights
        ]
        value = "blob" if self.origin == "Caffe" else "value"
        heads = (value, "shape", "in Keras", "shape in Keras", "layout")
        return table(self.name, heads, tensors) + table(
            f"weights of {self.name}", ("weight in Keras", "shape", "of", "by"), weights
        )

    def of_blob(self, blob: str, writers: Mapping[str, str] | None = None) -> TranslationMap:
        """What concerns one blob of a Caffe net: its values, several if layers work in place, and
        the weights of the layers that write them; `writers` has their names by value. Without
        them, what concerns one value of a graph, and the Keras layer that gives it.

        Raises UsageError for an unknown blob.
        """
        names = [*(tensor.value for tensor in self.tensors), *self.absent]
        values = {name for name in names if name.partition(":")[0] == blob or name == blob}
        if not values:
            what = "net has no blob" if self.origin == "Caffe" else "graph has no value"
            raise UsageError(
                f"the {what} {blob!r}",
                expected=", ".join(get_close_matches(blob, names) or names[-5:]),
            )
        layers = {(writers or {}).get(name) for name in values} - {None}
        keras = {x.keras for x in self.tensors if x.value in values and writers is None}
        return replace(
            self,
            tensors=tuple(tensor for tensor in self.tensors if tensor.value in values),
            weights=tuple(
                weight
                for weight in self.weights
                if weight.layer in keras or any(x.layer in layers for x in weight.sources)
            ),
            transposes=tuple(t for t in self.transposes if t.value in values),
            absent={name: shape for name, shape in self.absent.items() if name in values},
            operators={name: x for name, x in self.operators.items() if name in values},
        )

    def save(self, path: str | Path) -> None:
        """Writes it as JSON; the file appears whole or not at all. Raises UsageError."""
        with staged(writable(Path(path), (".json",), "map")) as staged_path:
            self.write(staged_path)

    def write(self, path: Path) -> None:
        """Writes it to a new file."""
        text = json.dumps(self.to_json(), indent=1, ensure_ascii=False)
        path.write_text(f"{text}\n", encoding="utf-8")

    def to_json(self) -> dict[str, Any]:
        """As dicts, lists, strings and numbers."""
        data: dict[str, Any] = _listed(asdict(self))
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TranslationMap:
        """The inverse of `to_json`."""
        weights = [
            {**weight, "sources": tuple(Source(**_tupled(s)) for s in weight["sources"])}
            for weight in data["weights"]
        ]
        return cls(
            name=data["name"],
            tensors=tuple(MappedTensor(**_tupled(tensor)) for tensor in data["tensors"]),
            weights=tuple(MappedWeight(**_tupled(weight)) for weight in weights),
            transposes=tuple(Transpose(**transpose) for transpose in data["transposes"]),
            absent=_tupled(data["absent"]),
            origin=data.get("origin", "Caffe"),
            operators=dict(data.get("operators", {})),
            notes=tuple(data.get("notes", ())),
        )


def translation_map(
    plan: Plan, lowered: LoweredModel | None = None, graph: ir.Snapshot | None = None
) -> TranslationMap:
    """The map of a plan; with the lowered net that it comes from, down to Caffe's blobs, or with
    the graph as it was before the passes, of all its values."""
    names = {plan_input.id: plan_input.name for plan_input in plan.inputs}
    names |= {call.id: call.name for call in plan.calls}
    shapes = _shapes(lowered, graph)
    initializers = frozenset[str]() if lowered is None else frozenset(lowered.weights)
    return TranslationMap(
        name=plan.name,
        origin="ONNX" if lowered is None else "Caffe",
        tensors=tuple(_tensors(plan, plan.values if lowered is None else shapes, names)),
        weights=tuple(
            _weight(call, role, weight, initializers)
            for call in plan.calls
            for role, weight in _weights_of(call)
        ),
        transposes=tuple(_transpose(permutation, names) for permutation in plan.permutations),
        absent={value: shape for value, shape in shapes.items() if value not in plan.values},
        operators={} if graph is None else graph.operators,
    )


def _shapes(lowered: LoweredModel | None, graph: ir.Snapshot | None) -> Mapping[str, Shape | None]:
    if lowered is not None:
        return lowered.shapes
    return {} if graph is None else graph.shapes()


def _tensors(plan: Plan, values: Iterable[str], names: Mapping[int, str]) -> Iterator[MappedTensor]:
    """The tensors of these values that have one."""
    times = plan.times()
    targets = {call.id: call.target for call in plan.calls}
    for value in values:
        stored = plan.values.get(value)
        if stored is not None:
            yield MappedTensor(
                value=value,
                shape=stored.layout.logical_shape,
                keras=names[stored.ref.call],
                output=stored.ref.item or 0,
                stored=stored.layout.stored_shape,
                order=stored.layout.text(),
                sizes=einops_sizes(stored.layout),
                time=times.get(stored.ref.call, 0),
                target=targets.get(stored.ref.call, ""),
            )


def _transpose(permutation: Permutation, names: Mapping[int, str]) -> Transpose:
    return Transpose(
        value=permutation.value,
        keras=names[permutation.call],
        have=permutation.source_layout,
        given_by=names[permutation.source],
        want=permutation.target_layout,
        asked_by=permutation.forced_by,
        bytes=permutation.bytes,
        because="" if permutation.conflict is None else permutation.conflict.reason,
        way={} if permutation.conflict is None else dict(permutation.conflict.path),
    )


def _weights_of(call: Call) -> Iterator[tuple[str, Weight]]:
    for role, weight in call.weights.items():
        yield _ATTRIBUTES.get(role, role), weight
    for index, argument in enumerate(call.arguments):
        if isinstance(argument, Weight):
            yield f"argument {index}", argument


def _weight(call: Call, role: str, weight: Weight, lowered: Collection[str]) -> MappedWeight:
    origins: dict[Weight, Source] = {}
    for constant in weight.constants:
        origins |= _origins(constant, constant.name in lowered)
    unnamed = tuple(dict.fromkeys(origins.values()))
    sources = dict(zip(unnamed, _named(unnamed), strict=True))

    def traced(part: Weight) -> Traced | None:
        source = origins.get(part)
        return None if source is None else Traced(sources[source].variable, source.shape)

    return MappedWeight(
        layer=call.name,
        role=role,
        shape=weight.stored_shape,
        expression=_expression(weight, traced),
        sources=tuple(sources.values()),
    )


def _expression(weight: Weight, traced: Callable[[Weight], Traced | None]) -> str | None:
    try:
        result = weight.computed_from(traced)
    except (AttributeError, TypeError):
        return None
    return str(result) if isinstance(result, Traced) else constant_text(result)


def _origins(constant: Weight, lowered: bool) -> Mapping[Weight, Source]:
    """What a formula ends in: a constant of the graph itself or, if it was lowered from a Caffe
    net, the blobs that it is computed from; nothing where its numbers, all equal, are as clear."""
    itself = {constant: Source("", constant.shape, constant.name)}
    if not lowered:
        return itself
    blobs = [leaf for leaf in constant.leaves if isinstance(leaf, Blob)]
    if not blobs:  # fillings, and kernels that pick
        array = constant.array()
        return {} if (array == array.flat[0]).all() else itself
    if not all(blob.origin for blob in blobs):
        return itself
    return {
        blob: Source("", blob.origin.shape, constant.name, blob.origin.layer, blob.origin.index)
        for blob in blobs
        if blob.origin
    }


def _named(sources: Sequence[Source]) -> Iterator[Source]:
    """A single array is w, those of one Caffe layer are its blobs; others are numbered."""
    layers = {source.layer for source in sources}
    for number, source in enumerate(sources, 1):
        variable = f"w{number}"
        if len(sources) == 1:
            variable = "w"
        elif len(layers) == 1 and source.layer is not None:
            variable = f"blobs[{source.blob}]"
        yield replace(source, variable=variable)


def _listed(value: Any) -> Any:
    """With lists for tuples, as JSON has them."""
    if isinstance(value, Mapping):
        return {key: _listed(item) for key, item in value.items()}
    return [*map(_listed, value)] if isinstance(value, tuple) else value


def _tupled(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _tupled(item) for key, item in value.items()}
    return tuple(map(_tupled, value)) if isinstance(value, list | tuple) else value
