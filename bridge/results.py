"""What the conversions return, and the translation maps of the models that they made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from bridge.errors import UsageError, plain
from bridge.files.html import dims, table
from bridge.public import public
from bridge.public.deployment import Choices

if TYPE_CHECKING:
    import keras
    import onnx

    from bridge.check.report import Report
    from bridge.ir import Snapshot
    from bridge.lower.model import LoweredModel
    from bridge.lower.values import Dims
    from bridge.raising import Plan
    from bridge.translation import TranslationMap


@dataclass(frozen=True)
class Conversion:
    """What `caffe_to_onnx` returns.

    `inputs` and `outputs` are shapes by blob name, in the graph's order; a free batch size is
    the word `batch`. `path` is None if no file was asked for, `report` if no check was. `chosen`
    has the options that were chosen for a runtime.
    """

    path: Path | None
    inputs: Mapping[str, Dims]
    outputs: Mapping[str, Dims]
    warnings: tuple[str, ...]
    report: Report | None
    model: LoweredModel = field(repr=False)
    chosen: Choices = field(default_factory=Choices)

    def __repr__(self) -> str:
        ends = (
            ", ".join(f"{name} {dims(shape)}" for name, shape in shapes.items())
            for shapes in (self.inputs, self.outputs)
        )
        return plain(f"<Conversion {self.path or ''}: {' -> '.join(ends)}>")

    def _repr_html_(self) -> str:
        """The inputs and outputs, as a table for a notebook."""
        rows = [
            (kind, name, dims(shape))
            for kind, shapes in (("input", self.inputs), ("output", self.outputs))
            for name, shape in shapes.items()
        ]
        title = " – ".join(map(str, filter(None, (self.path, self.report))))
        return table(title or "not written to a file", ("", "blob", "shape"), rows)

    @property
    @public
    def proto(self) -> onnx.ModelProto:
        """The whole model, weights included, as a message of its own."""
        from bridge.graph.io import to_proto

        return to_proto(self.model)


@dataclass(frozen=True)
class Raising:
    """The plan of the raised model, and the report of the check.

    `lowered` is the Caffe net's model, if the graph comes from one, and else `graph` is the graph
    as it was before the passes; `loaded` is the Keras model, where the check has made it already.
    `report` is None if there was no check, among others because Keras is not installed, which is
    one of the warnings.
    """

    plan: Plan
    lowered: LoweredModel | None = field(default=None, repr=False)
    graph: Snapshot | None = field(default=None, repr=False)
    report: Report | None = None
    warnings: tuple[str, ...] = ()
    loaded: keras.Model | None = field(default=None, repr=False)

    @cached_property
    def map(self) -> TranslationMap:
        """Where each value and each weight of the graph is in the model, and how."""
        return self._map()

    @public
    def _map(self) -> TranslationMap:
        from bridge.translation import translation_map

        return translation_map(self.plan, self.lowered, self.graph)

    @cached_property
    def model(self) -> keras.Model:
        """The model, which Keras builds when it is asked for. Raises BridgeError if it cannot."""
        return self._model()

    @public
    def _model(self) -> keras.Model:
        from bridge.keras.build import build

        model = build(self.plan) if self.loaded is None else self.loaded
        remember(model, self.map)
        return model


# The maps of the models that this process has made, for as long as these live. A .keras file
# cannot hold one that Keras alone could read.
_MAPS: WeakKeyDictionary[keras.Model, TranslationMap] = WeakKeyDictionary()


def remember(model: keras.Model, map: TranslationMap) -> None:
    """Makes the map of a model known to `translation_map`."""
    _MAPS[model] = map


@public
def translation_map(model: keras.Model) -> TranslationMap:
    """Where each value and each weight of the graph, or of the Caffe net, is in a Keras model that
    `onnx_to_keras` or `caffe_to_keras` has returned.

    Raises UsageError for any other model, including one that was loaded from a file.
    """
    for known in _MAPS:
        if known is model:
            return _MAPS[model]
    raise UsageError(
        "the map of this model is not known",
        expected="the very model that onnx_to_keras or caffe_to_keras returned",
        hint="write the map beside the file, with map=...",
    )
