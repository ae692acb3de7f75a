"""The shapes that lowering must reproduce: Caffe's own, with a symbol for the batch."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.caffe.net import Net, Shape
from bridge.caffe.shapes import Shapes, infer
from bridge.errors import ShapeError
from bridge.lower.open_sizes import open_shapes
from bridge.lower.table import TABLE
from bridge.lower.values import Dims

BATCH = "batch"


def expected_shapes(
    net: Net, input_shape: Mapping[str, Shape], batch: int | None, dynamic: bool = False
) -> tuple[dict[str, Dims], tuple[str, ...]]:
    """Each value's shape by Caffe's formulas, and a warning if the batch had to be fixed.

    The batch is symbolic if changing it changes nothing but first dims that are the batch itself;
    so Caffe's formulas decide, not the rules. `batch` fixes it. `dynamic` makes heights and widths
    symbolic too, or raises UnsupportedError.
    """
    inputs = {blob.name: tuple(input_shape.get(blob.name, blob.shape)) for blob in net.inputs}
    if batch is not None:
        inputs = _with_batch(inputs, batch)
    shapes = infer(net, inputs)
    if dynamic:
        return open_shapes(net, inputs, shapes, free_batch=batch is None), ()
    if batch is not None:
        return dict(shapes.values), ()
    size = _batch_of(inputs)
    if size is None:
        return dict(shapes.values), ()
    dims, obstacle = _with_symbol(net, inputs, size, shapes)
    return dims, (f"the batch is fixed at {size}: {obstacle}",) if obstacle else ()


def _batch_of(inputs: Mapping[str, Shape]) -> int | None:
    """The first dim of the first input that has one."""
    return next((shape[0] for shape in inputs.values() if shape), None)


def _with_batch(inputs: Mapping[str, Shape], batch: int) -> dict[str, Shape]:
    """The inputs with another batch size, where they share the first one's."""
    size = _batch_of(inputs)
    return {
        name: (batch, *shape[1:]) if shape[:1] == (size,) else shape
        for name, shape in inputs.items()
    }


def _with_symbol(
    net: Net, inputs: Mapping[str, Shape], batch: int, shapes: Shapes
) -> tuple[dict[str, Dims], str]:
    """The shapes with the symbol; or unchanged, with the obstacle."""
    fixed: dict[str, Dims] = dict(shapes.values)
    for layer in net.layers:
        if TABLE[layer.type].fixed_batch:
            return fixed, f"{layer} is unrolled"
    try:
        if batch > 1:  # A layer that slices the batch may need more than one.
            infer(net, _with_batch(inputs, 1))
        others = infer(net, _with_batch(inputs, batch + 1))
    except ShapeError as error:
        return fixed, error.problem
    for layer, weights, other in zip(net.layers, shapes.weights, others.weights, strict=True):
        if weights != other:
            return fixed, f"{layer} has weights of this size"
    dims: dict[str, Dims] = {}
    for name, shape in shapes.values.items():
        if shape == others.values[name]:
            dims[name] = shape
        elif (shape[0], others.values[name]) == (batch, (batch + 1, *shape[1:])):
            dims[name] = (BATCH, *shape[1:])
        else:
            return fixed, f"it is no axis of its own in {name!r}"
    return dims, ""
