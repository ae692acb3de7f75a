"""The shapes of layers without a shape rule, inferred from the nodes that their rule emits."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

import onnx

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes import DYNAMIC, LayerShapes, derive_shapes
from bridge.errors import GraphError
from bridge.lower.emitter import Emitter
from bridge.lower.table import TABLE
from bridge.lower.values import Dims, Value


def emitted_shapes(layer: Layer, *bottoms: Shape) -> LayerShapes:
    """The shapes of a layer's tops when it is lowered alone. Raises BridgeError.

    Its rule may read neither blobs nor `e.tops`: a layer that needs them has a shape rule. The
    blobs that a plug-in's layer needs are unknown, so those that it has are taken as its own.
    """
    try:
        tops = _emitted(Emitter(), layer, bottoms)
    except GraphError:  # it may need an operator that is newer than the default operator set
        tops = _emitted(Emitter(onnx.defs.onnx_opset_version()), layer, bottoms)
    blobs = tuple(blob.shape for blob in layer.blobs)
    return LayerShapes(tops, (blobs or None) if TABLE[layer.type].is_plug_in else ())


def _emitted(emitter: Emitter, layer: Layer, bottoms: Sequence[Shape]) -> tuple[Shape, ...]:
    inputs = [emitter.input(f"bottom {i}", _named(shape, i)) for i, shape in enumerate(bottoms)]
    with ExitStack() as stack:
        stack.enter_context(emitter.layer(layer, ()))
        if any(DYNAMIC in shape for shape in bottoms):
            stack.enter_context(emitter.dynamic())
        return tuple(map(_shape, TABLE[layer.type].apply(emitter, layer, *inputs)))


def _named(shape: Shape, bottom: int) -> Dims:
    """A shape with a name for each size that depends on the data."""
    return tuple(
        f"bottom {bottom}.{axis}" if size == DYNAMIC else size for axis, size in enumerate(shape)
    )


def _shape(value: Value) -> Shape:
    return tuple(DYNAMIC if isinstance(size, str) else size for size in value.shape)


derive_shapes(TABLE, emitted_shapes)
