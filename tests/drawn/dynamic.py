"""Nodes to draw from: those whose results depend on the data in their size, or tell sizes."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from tests.helpers.node_strategies import Draw, Drawn, Tensor, row, shapes, sizes, tensor, values


@row("Compress", since=9)
@st.composite
def compress(draw: Draw, operator: str) -> Drawn:
    shape = draw(shapes(1, 4))
    axis = draw(st.one_of(st.none(), st.integers(0, len(shape) - 1)))
    size = np.prod(shape) if axis is None else shape[axis]
    chosen = draw(st.lists(st.booleans(), min_size=1, max_size=int(size)).filter(any))
    condition = np.array(chosen)
    attributes = {} if axis is None else {"axis": draw(st.sampled_from([axis, axis - len(shape)]))}
    x = draw(tensor(shape, batch=0 if axis else None))
    form = draw(st.sampled_from(["both", "known condition", "known x"]))
    return Drawn(
        (operator,),
        (
            x.values if form == "known x" else x,
            condition if form == "known condition" else Tensor(condition),
        ),
        attributes,
    )


@row("NonZero")
@st.composite
def non_zero(draw: Draw, operator: str) -> Drawn:
    array = np.maximum(draw(values(draw(shapes(1, 4)))), 0)
    array.flat[0] = 1
    return Drawn((operator,), (Tensor(array, {0: "batch"}),))


@row("Shape")
@st.composite
def shape(draw: Draw, operator: str) -> Drawn:
    lengths = draw(shapes(1, 5))
    attributes = draw(st.sampled_from([{}, {"start": -1}, {"end": len(lengths) - 1 or 1}]))
    return Drawn((operator,), (draw(tensor(lengths)),), attributes)


@row("CumSum")
@st.composite
def cum_sum(draw: Draw, operator: str) -> Drawn:
    lengths = draw(shapes(1, 4))
    axis = draw(st.integers(-len(lengths), len(lengths) - 1))
    attributes = {name: draw(st.integers(0, 1)) for name in ("exclusive", "reverse")}
    return Drawn((operator,), (draw(tensor(lengths)), np.array(axis, np.int64)), attributes)


@row("NonMaxSuppression", since=10)
@st.composite
def non_max_suppression(draw: Draw, operator: str) -> Drawn:
    images, classes, count = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(sizes())
    free = {0: "batch", 1: "depth"}
    corners = draw(values((images, count, 2, 2), 0, 1))
    if draw(st.booleans()):  # low corners first: else most boxes overlap
        corners = np.sort(corners, axis=2)
    boxes = Tensor(corners.reshape(images, count, 4), free)
    scores = Tensor(draw(values((images, classes, count), 0, 1)), {0: "batch", 2: "depth"})
    most = np.array([draw(st.sampled_from([1, 2, count, 100]))], np.int64)
    iou, score = draw(st.sampled_from([(0.0, 0.2), (0.3, 0.6)]))
    thresholds = [np.array([each], np.float32) for each in (iou, score)]
    operands = (boxes, scores, most, *thresholds)
    attributes = draw(st.sampled_from([{}, {"center_point_box": 1}]))
    return Drawn((operator,), operands[: draw(st.integers(3, 5))], attributes)
