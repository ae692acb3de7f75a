"""The graph of a comparison, to be drawn: each value with what the comparison says of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from bridge.check.backends.backend import Origin
from bridge.check.compare import Row
from bridge.drawing.assemble import Raised, assembled
from bridge.drawing.diagram import INPUT, Diagram, Note, Shape, Step

if TYPE_CHECKING:
    from bridge.caffe.net import Layer
    from bridge.check.loading import Pair
    from bridge.lower.model import LoweredModel
    from bridge.raising.plan import Plan
    from bridge.translation import TranslationMap


def lowered_diagram(
    lowered: LoweredModel, layers: Sequence[Layer], plan: Plan, map: TranslationMap
) -> Diagram:
    """The diagram of a Caffe net of these layers, as it was lowered and raised."""
    from bridge.check.backends.onnx import origins_of

    return assembled(
        steps_of(origins_of(lowered.proto.graph), lowered.inputs),
        tuple(lowered.outputs),
        shapes=lowered.values,
        layers=layers,
        raised=Raised(plan, map),
    )


def compared_diagram(pair: Pair, rows: Sequence[Row]) -> Diagram | None:
    """The diagram of two models, with what their comparison says of each value; None for two
    recordings, of which no graph is known."""
    from bridge.translation import translation_map

    backend = pair.expected if pair.expected.origins else pair.received
    origins, inputs, layers = backend.origins, [*backend.inputs], list["Layer"]()
    form = "Keras" if pair.prototxt is None else "Caffe"
    if pair.graph is not None:
        form, (origins, inputs) = "ONNX", _graph_of(pair)
        layers = _layers_of(pair)
    if not origins:
        return None
    return assembled(
        steps_of(origins, inputs),
        [row.name for row in rows if row.is_output],
        form=form,
        shapes={
            **{name: shape for name, (shape, _) in backend.inputs.items()},
            **{row.name: row.received_shape for row in rows},
        },
        layers=layers,
        raised=None if pair.plan is None else Raised(pair.plan, translation_map(pair.plan)),
        notes={row.name: _note(row) for row in rows},
    )


def _graph_of(pair: Pair) -> tuple[Mapping[str, Origin], list[str]]:
    from bridge.check.backends.onnx import constants_of, loaded, origins_of

    if pair.graph is None:
        raise ValueError("no graph to draw")
    graph = loaded(pair.graph).graph
    constants = constants_of(graph)
    return origins_of(graph), [info.name for info in graph.input if info.name not in constants]


def _layers_of(pair: Pair) -> list[Layer]:
    """Those of the Caffe net, if one of the models is one."""
    from bridge.caffe import read
    from bridge.lower.cut import cut

    return [] if pair.prototxt is None else [*cut(read(pair.prototxt)).layers]


def _note(row: Row) -> Note:
    text = f"off by {row.error:.2g}, {row.limit:.2g} allowed"
    if row.expected_shape != row.received_shape:
        text = f"expected {_sizes(row.expected_shape)}"
    elif row.verdict == "cannot tell":
        text = row.doubt
    elif row.error == 0:
        text = "equal"
    return Note(row.verdict, text)


def _sizes(shape: Shape) -> str:
    return " ".join(map(str, shape)) or "a number"


def steps_of(origins: Mapping[str, Origin], inputs: Collection[str]) -> list[Step]:
    """The nodes of a graph, of the origins of its values; each input is one as well."""
    written: dict[Origin, list[str]] = {}
    for name, origin in origins.items():
        written.setdefault(origin, []).append(name)
    known = {*inputs, *origins}
    return [Step(name, INPUT, (), (name,)) for name in inputs] + [
        Step(origin.layer, origin.operator, _known(origin.inputs, known), tuple(names))
        for origin, names in written.items()
    ]


def _known(names: Sequence[str], known: Collection[str]) -> tuple[str, ...]:
    """Without weights."""
    return tuple(name for name in names if name in known)
