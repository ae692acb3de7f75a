"""The result of lowering: an ONNX graph whose weights are still unread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bridge.caffe.net import Blob
from bridge.graph.finite import not_finite
from bridge.graph.io import LazyModel
from bridge.layout import Weight
from bridge.lower.values import Dims


@dataclass(frozen=True)
class LoweredModel(LazyModel):
    """The ONNX model of a Caffe net, its weights unread, and the shapes of the net's blobs.

    `inputs`, `outputs` and `values` (every blob of the net that became a value) have shapes by
    name, with Caffe's axes; "batch" stands for a symbolic batch size. `shapes` likewise has all
    blobs, including those between two layers that were merged.
    """

    inputs: Mapping[str, Dims]
    outputs: Mapping[str, Dims]
    values: Mapping[str, Dims]
    shapes: Mapping[str, Dims]
    warnings: tuple[str, ...] = ()


def with_warnings(model: LoweredModel) -> LoweredModel:
    """The model with a warning for each of its net's weights that is not finite."""
    read = ((name, weight.array()) for name, weight in model.weights.items() if _is_learned(weight))
    return replace(model, warnings=(*model.warnings, *not_finite(read)))


def _is_learned(weight: Weight) -> bool:
    return any(isinstance(leaf, Blob) for leaf in weight.leaves)
