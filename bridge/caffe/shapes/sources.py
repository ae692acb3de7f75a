"""Shapes of the layers that have no bottoms and are not inputs."""

from __future__ import annotations

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.table import SOME, LayerShapes, axis_of, parameters, require, shape


@shape("DummyData", bottoms=0, tops=SOME)
def dummy_data(layer: Layer) -> LayerShapes:
    """Filler values in the shapes that are set: one for all tops, or one each.

    Source: src/caffe/layers/dummy_data_layer.cpp.
    """
    p = parameters(layer, "dummy_data_param")
    count = len(layer.tops)
    shapes = [tuple(s.get("dim", ())) for s in p.shape] or _legacy(layer, count)
    fits = len(shapes) in (1, count)
    require(fits, layer, "its shapes do not match its tops", f"1 or {count}", len(shapes))
    return LayerShapes(tuple(shapes * count if len(shapes) == 1 else shapes))


def _legacy(layer: Layer, count: int) -> list[Shape]:
    p = parameters(layer, "dummy_data_param")
    columns = [p.num, p.channels, p.height, p.width]
    for column in columns:
        fits = len(column) in (1, count)
        require(fits, layer, "its dims do not match its tops", f"1 or {count}", len(column))
    full = [column * count if len(column) == 1 else column for column in columns]
    return list(zip(*full, strict=True))


@shape("Parameter", bottoms=0)
def parameter(layer: Layer) -> LayerShapes:
    """Outputs its one blob. Source: include/caffe/layers/parameter_layer.hpp."""
    shape_field = parameters(layer, "parameter_param").shape
    dims = tuple(shape_field.get("dim", ())) if shape_field else ()
    return LayerShapes((dims,), (dims,))


@shape("ContinuationIndicator", bottoms=(0, 1))
def continuation_indicator(layer: Layer, x: Shape | None = None) -> LayerShapes:
    """Outputs t n; n is the size of axis `axis` of a bottom, or else the `batch_size`.

    Source: continuation_indicator_layer.cpp of the OCR forks, and of one in BVLC/caffe's network
    (04a2c44) that has a bottom.
    """
    p = parameters(layer, "continuation_indicator_param")
    batch = p.batch_size if x is None else x[axis_of(layer, p.axis, x)]
    agreed = p.batch_size in (0, batch)
    require(agreed, layer, "batch_size differs from the input's", batch, p.batch_size)
    sizes = (p.time_step, batch)
    require(min(sizes) > 0, layer, "time_step and batch_size must be positive", "> 0", sizes)
    return LayerShapes((sizes,))
