"""The graph of a comparison, to be drawn: each value with what the comparison says of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from bridge.check.backends.backend import Origin
from bridge.drawing.assemble import Raised, assembled
from bridge.drawing.diagram import INPUT, Diagram, Step

if TYPE_CHECKING:
    from bridge.caffe.net import Layer
    from bridge.lower.model import LoweredModel
    from bridge.raising.plan import Plan
    from bridge.translation import TranslationMap


def lowered_diagram(
    lowered: LoweredModel, layers: Sequence[Layer], plan: Plan, map: TranslationMap
) -> Diagram:
    """The diagram of a Caffe net of these layers, as it was lowered and raised."""
    from bridge.check.backends.onnx import origins_of

    steps = steps_of(origins_of(lowered.proto.graph), lowered.inputs)
    return assembled(
        steps,
        tuple(lowered.outputs),
        shapes=lowered.values,
        layers=layers,
        raised=Raised(plan, map),
    )


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
