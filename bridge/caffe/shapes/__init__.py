"""Caffe's own shape of every value of a net, and of every blob that its layers need.

These are the shapes that lowering must reproduce: those of Caffe's Reshape functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import prod

from bridge.caffe.inputs import with_shapes
from bridge.caffe.net import Net, Shape
from bridge.caffe.shapes.table import (
    DYNAMIC,
    MAX_SIZE,
    LayerShapes,
    derive_shapes,
    knows,
    layer_shapes,
    named_by,
    shape,
    text,
)
from bridge.errors import BridgeError, ShapeError, UnsupportedLayerError, lines_of
from bridge.registry import import_rules

__all__ = [
    "DYNAMIC",
    "LayerShapes",
    "Shapes",
    "derive_shapes",
    "infer",
    "known",
    "known_weights",
    "knows",
    "layer_shapes",
    "named_by",
    "shape",
]

import_rules(__name__, __path__)


@dataclass(frozen=True)
class Shapes:
    """`values`: each value's shape by its name; `weights`: each layer's blobs, by its index.

    A dim is DYNAMIC (-1) if it depends on the data; weights are None as in `LayerShapes`.
    """

    values: Mapping[str, Shape]
    weights: tuple[tuple[Shape, ...] | None, ...]


def infer(net: Net, inputs: Mapping[str, Shape] | None = None) -> Shapes:
    """The shapes of a net; `inputs` replaces shapes of its inputs, by name.

    Errors: UnsupportedLayerError, with all layers that have no rule; ShapeError where Caffe would
    abort; UsageError for a name in `inputs` that the net lacks.
    """
    refuse_unknown(net)
    values = dict(_input_shapes(with_shapes(net, inputs or {})))
    weights = []
    for layer in net.layers:
        shapes = layer_shapes(layer, tuple(values[name] for name in layer.bottoms))
        values.update(zip(layer.tops, shapes.tops, strict=True))
        weights.append(shapes.weights)
    return Shapes(values, tuple(weights))


def known(net: Net) -> Shapes:
    """The shapes that the net alone determines; weights are None where it does not.

    Unknown are those after layers without a rule and after inputs without a shape.
    """
    values = {entry.name: entry.shape for entry in net.inputs if _is_known(entry.shape)}
    weights: list[tuple[Shape, ...] | None] = []
    for layer in net.layers:
        weights.append(None)
        if knows(layer.type) and all(name in values for name in layer.bottoms):
            with suppress(BridgeError):
                shapes = layer_shapes(layer, tuple(values[name] for name in layer.bottoms))
                values.update(zip(layer.tops, shapes.tops, strict=True))
                weights[-1] = shapes.weights
    return Shapes(values, tuple(weights))


def known_weights(net: Net) -> tuple[tuple[Shape, ...] | None, ...]:
    """The blobs that each layer needs, None where the net alone does not determine them."""
    return known(net).weights


def refuse_unknown(net: Net) -> None:
    unknown = [layer for layer in net.layers if not knows(layer.type)]
    if unknown:
        raise UnsupportedLayerError(
            f"{len(unknown)} layers have unknown types",
            lines=lines_of(unknown),
            hint="add them with a plug-in, or cut the net before them by naming its outputs",
        )


def _input_shapes(net: Net) -> Mapping[str, Shape]:
    for entry in net.inputs:
        if problem := _problem(entry.shape):
            example = ",".join(map(_dim, entry.shape, _AXES)) or "1,3,224,224"
            raise ShapeError(
                f"the shape of input '{entry.name}' is {problem}",
                where=entry.where,
                expected=f"a size of 1 or more for each axis, and at most {MAX_SIZE:,} numbers",
                received=text(entry.shape) if entry.shape else "no shape",
                hint=f"pass it: --input-shape {entry.name}:{example}"
                + ("; --dynamic then leaves heights and widths open" if problem == "open" else ""),
            )
    return {entry.name: entry.shape for entry in net.inputs}


def _problem(shape: Shape) -> str:
    if any(dim < 0 for dim in shape):
        return "open"
    if not _is_known(shape):
        return "unknown"
    return "too large" if prod(shape) > MAX_SIZE else ""


_AXES = ("BATCH", "CHANNELS", "HEIGHT", "WIDTH", *(f"SIZE{axis}" for axis in range(4, 32)))


def _dim(size: int, axis: str) -> str:
    return str(size) if size > 0 else axis


def _is_known(shape: Shape) -> bool:
    return bool(shape) and all(dim > 0 for dim in shape)
