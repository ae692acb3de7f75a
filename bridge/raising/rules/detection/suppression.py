"""Non-maximum suppression: a loop over boxes whose length depends on the data."""

from __future__ import annotations

from math import ceil, log

from bridge.layout import Layout
from bridge.raising.building.adding import add_dynamic
from bridge.raising.building.recorder import Recorder
from bridge.raising.building.selecting import arange_like, index_of, length_of, nonzero
from bridge.raising.plan import Function, Ref
from bridge.raising.rules.dynamic import stacked
from bridge.raising.table import Candidate, Node, Operand, raises

# The state of the loop, a row per box: its corners, whether it is still open, and selected.
_LOW, _HIGH, _OPEN, _SELECTED = slice(0, 2), slice(2, 4), slice(4, 5), slice(5, 6)
_STATE = ("images", "classes", "candidates", 6)
_MAX_BOXES = 2**24  # up to which integers are exact as floats


@raises("NonMaxSuppression", since=10)
def non_max_suppression(
    node: Node,
    boxes: Operand,
    scores: Operand,
    max_output: Operand | None = None,
    iou_threshold: Operand | None = None,
    score_threshold: Operand | None = None,
    *,
    center_point_box: int = 0,
) -> Candidate:
    """boxes: n p 4, scores: n c p   ->   d 3: image, class, box

    Greedy, as ONNX defines it: of each class the best box is selected, then each next best that
    does not overlap too much with a selected one. (onnx.ai/onnx/operators, NonMaxSuppression)

    All classes are processed in parallel, and only the boxes that score high enough. Keras cannot
    save a loop with a condition, only one with a fixed number of steps: so a step of an outer loop
    is either an inner loop, or nothing if no box is open any more.
    """
    count = scores.shape[2]
    limit = min(int(_number(max_output, 0)), _MAX_BOXES)
    threshold = _number(iou_threshold, 0.0)

    def build(k: Recorder, boxes: Ref, scores: Ref) -> Ref:
        order = k.op("argsort", k.op("negative", scores), axis=2)  # of equal ones the first
        sorted_scores = k.op("take_along_axis", scores, order, axis=2)
        if score_threshold is None:
            is_open = k.op("ones_like", sorted_scores, dtype="bool")
        else:
            is_open = k.op("greater", sorted_scores, _number(score_threshold, 0.0))
        used = nonzero(k, k.op("any", is_open, axis=(0, 1)))
        is_open, order = (k.op("take", x, used, axis=2) for x in (is_open, order))
        length = count if isinstance(count, int) else length_of(k, boxes, input_layouts[0], 1)
        state = _state(k, boxes, order, is_open, length, center_point_box)
        steps = min(count, limit) if isinstance(count, int) else limit
        state = _looped(k, state, max(steps, 1), threshold)
        selected = k.op("squeeze", _columns(k, state, _SELECTED), axis=-1)
        if isinstance(count, str) or limit < count:
            too_many = k.op("greater", k.op("cumsum", selected, axis=2), limit)
            selected = k.op("where", too_many, 0.0, selected)
        rows = nonzero(k, selected)
        images, classes = (index_of(k, selected, axis, rows) for axis in (0, 1))
        box_indices = k.op("take", k.op("reshape", order, newshape=(-1,)), rows)
        return stacked(k, (images, classes, box_indices), axis=1)

    input_layouts = (Layout.identity(boxes.shape), Layout.identity(scores.shape))
    return Candidate(input_layouts, (Layout.identity(node.shape),), build)


def _number(operand: Operand | None, default: float) -> float:
    return default if operand is None else float(operand.array().reshape(-1)[0])


def _state(
    k: Recorder, boxes: Ref, order: Ref, is_open: Ref, count: Ref | int, centred: int
) -> Ref:
    """boxes: n count 4, order, is_open: n c q   ->   n c q 6, the best of each class first"""
    one, two = (_columns(k, boxes, half) for half in (_LOW, _HIGH))
    if centred:
        half = k.op("multiply", two, 0.5)
        low, high = k.op("subtract", one, half), k.op("add", one, half)
    else:
        low, high = k.op("minimum", one, two), k.op("maximum", one, two)
    corners = k.op("reshape", k.op("concatenate", [low, high], axis=-1), newshape=(-1, 4))
    rows = add_dynamic(k, k.op("multiply", arange_like(k, order, 0), count), order)
    marks = k.op("cast", k.op("expand_dims", is_open, axis=-1), dtype="float32")
    sorted_corners = k.op("take", corners, rows, axis=0)
    return k.op("concatenate", [sorted_corners, marks, k.op("zeros_like", marks)], axis=-1)


def _looped(k: Recorder, state: Ref, steps: int, threshold: float) -> Ref:
    """All steps, as nested loops of about equal lengths: a Keras loop keeps the state of each of
    its steps, so that a single one would need memory for all of them."""
    depth = max(2, ceil(log(steps, 64)))
    length = ceil(steps ** (1 / depth))
    function = k.function("step", _STATE, lambda k, x: [_step(k, x, threshold)] * 2)
    for level in range(1, depth):
        function = _repeated_while_open(k, function, length, f"steps_{level}")
    return _scanned(k, function, state, length)


def _repeated_while_open(k: Recorder, function: Function, length: int, name: str) -> Function:
    """A function that calls another `length` times, or does nothing if no box is open any more."""
    again = k.function(name, _STATE, lambda k, x: [_scanned(k, function, x, length)])
    done = k.function("done", _STATE, lambda k, x: [k.op("multiply", x, 1.0)])

    def body(k: Recorder, x: Ref) -> list[Ref]:
        is_any = k.op(
            "cast", k.op("any", k.op("greater", _columns(k, x, _OPEN), 0.0)), dtype="int32"
        )
        return [k.op("switch", is_any, [done, again], x)] * 2

    return k.function(f"{name}_while_open", _STATE, body)


def _scanned(k: Recorder, function: Function, state: Ref, length: int) -> Ref:
    """The state after `length` calls of a function, which returns it twice: as the next state, and
    as the result of the step."""
    return k.ops("scan", function, state, length=length, outputs=2)[0]


def _step(k: Recorder, state: Ref, threshold: float) -> Ref:
    """Selects the best open box of each class, and closes it and all that overlap with it.

    A box with a negative side overlaps with nothing, and NaN, 0 / 0, is not above the threshold.
    """
    corners = _columns(k, state, slice(0, 4))
    is_open, selected = _columns(k, state, _OPEN), _columns(k, state, _SELECTED)
    is_first = k.op("equal", k.op("multiply", k.op("cumsum", is_open, axis=2), is_open), 1.0)
    best = k.op("sum", k.op("where", is_first, corners, 0.0), axis=2, keepdims=True)
    low = k.op("maximum", _columns(k, corners, _LOW), _columns(k, best, _LOW))
    high = k.op("minimum", _columns(k, corners, _HIGH), _columns(k, best, _HIGH))
    intersection = _area(k, low, high)
    areas = [_area(k, _columns(k, x, _LOW), _columns(k, x, _HIGH)) for x in (corners, best)]
    union = k.op("subtract", k.op("add", *areas), intersection)
    is_closed = k.op("greater", k.op("divide", intersection, union), threshold)
    is_closed = k.op("logical_or", is_closed, is_first)
    is_open = k.op("where", is_closed, 0.0, is_open)
    selected = k.op("where", is_first, 1.0, selected)
    return k.op("concatenate", [corners, is_open, selected], axis=-1)


def _area(k: Recorder, low: Ref, high: Ref) -> Ref:
    """n c q 2 -> n c q 1"""
    sides = k.op("maximum", k.op("subtract", high, low), 0.0)
    return k.op("prod", sides, axis=-1, keepdims=True)


def _columns(k: Recorder, x: Ref, columns: slice) -> Ref:
    """A slice along the last axis."""
    return k.op("get_item", x, (Ellipsis, columns))
