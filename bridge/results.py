"""What the conversions give, and the types that their arguments share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from weakref import WeakKeyDictionary

from bridge.errors import UsageError
from bridge.public import public

if TYPE_CHECKING:
    import keras
    import onnx

    from bridge.check.report import Report
    from bridge.lower.model import LoweredModel
    from bridge.raising import Plan
    from bridge.translation import TranslationMap

PathLike = str | Path
Dims = tuple[int | str, ...]
Progress = Callable[[str], None]
WeightsMode = Literal["inline", "external", "linked"]
IoLayout = Literal["channels_last", "onnx"]


def silent(stage: str) -> None:
    """Reports no progress."""


@dataclass(frozen=True)
class Conversion:
    """What `caffe_to_onnx` gives.

    `inputs` and `outputs` are shapes by blob name, in the graph's order; a free batch size is
    the word `batch`. `path` is None where no file was asked for, `report` where no check was.
    """

    path: Path | None
    inputs: Mapping[str, Dims]
    outputs: Mapping[str, Dims]
    warnings: tuple[str, ...]
    report: Report | None
    model: LoweredModel = field(repr=False)

    @property
    @public
    def proto(self) -> onnx.ModelProto:
        """The whole model, weights included, as a message of its own."""
        from bridge.graph.io import to_proto

        return to_proto(self.model)


@dataclass(frozen=True)
class Raising:
    """What raising gives: the model, the plan it was built from, and what the check found.

    `map` says for each value and each weight of the graph where it is in the model, and how.
    """

    model: keras.Model
    plan: Plan
    map: TranslationMap
    report: Report | None = None
    warnings: tuple[str, ...] = ()


# The maps of the models that this process has made, for as long as these live. A .keras file has
# no place for one that Keras alone could read.
_MAPS: WeakKeyDictionary[keras.Model, TranslationMap] = WeakKeyDictionary()


def remember(model: keras.Model, map: TranslationMap) -> None:
    """Has `translation_map` know a model."""
    _MAPS[model] = map


@public
def translation_map(model: keras.Model) -> TranslationMap:
    """Where each value and each weight of the graph, or of the Caffe net, is in a Keras model that
    `onnx_to_keras` or `caffe_to_keras` has given.

    Raises UsageError for any other model, also for one that was loaded from a file.
    """
    for known in _MAPS:
        if known is model:
            return _MAPS[model]
    raise UsageError(
        "the map of this model is not known",
        expected="the very model that onnx_to_keras or caffe_to_keras gave",
        hint="have it written beside the file, with map=...",
    )
