"""Non-maximum suppression: a loop over boxes that the data decide when to leave."""

from __future__ import annotations

from math import ceil, log

from bridge.errors import UnsupportedError
from bridge.layout import Layout
from bridge.raising.building.adding import add_dynamic
from bridge.raising.building.recorder import Recorder
from bridge.raising.building.selecting import arange_like, index_of, nonzero
from bridge.raising.plan import Function, Ref
from bridge.raising.rules.dynamic import length_of, stacked
from bridge.raising.table import Candidate, Node, Operand, raises

# The loop's state, a row for each box: its corners, whether it is still open, whether it is kept.
_LOW, _HIGH, _OPEN, _KEPT = slice(0, 2), slice(2, 4), slice(4, 5), slice(5, 6)
_STATE = ("images", "classes", "candidates", 6)
_MOST = 2**24  # to which numbers of boxes are exact as floats


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

    Greedy, as ONNX says it: of each class the best box is kept, then each next best that does not
    overlap too much with one that is kept. (onnx.ai/onnx/operators, NonMaxSuppression)

    The boxes of all classes are gone through side by side, and only as many as score well enough.
    Keras saves no loop that ends when it is done, but one of a fixed number of steps: so a step
    of an outer loop is either an inner loop, or nothing where no box is open any more.
    """
    count = scores.shape[2]
    most = min(int(_number(max_output, 0)), _MOST)
    threshold = _number(iou_threshold, 0.0)
    if boxes.is_constant or scores.is_constant or most < 1:
        raise UnsupportedError("suppression of known boxes or scores, or that keeps none")

    def build(k: Recorder, boxes: Ref, scores: Ref) -> Ref:
        places = k.op("argsort", k.op("negative", scores), axis=2)  # of equal ones the first
        best = k.op("take_along_axis", scores, places, axis=2)
        is_open = k.op("ones_like", best, dtype="bool")
        if score_threshold is not None:
            is_open = k.op("greater", best, _number(score_threshold, 0.0))
        used = nonzero(k, k.op("any", is_open, axis=(0, 1)))
        is_open, places = (k.op("take", each, used, axis=2) for each in (is_open, places))
        all_ = count if isinstance(count, int) else length_of(k, boxes, input_layouts[0], 1)
        state = _state(k, boxes, places, is_open, all_, center_point_box)
        state = _looped(k, state, min(count, most) if isinstance(count, int) else most, threshold)
        kept = k.op("squeeze", _part(k, state, _KEPT), axis=-1)
        if isinstance(count, str) or most < count:
            too_many = k.op("greater", k.op("cumsum", kept, axis=2), most)
            kept = k.op("where", too_many, 0.0, kept)
        rows = nonzero(k, kept)
        images, classes = (index_of(k, kept, axis, rows) for axis in (0, 1))
        found = k.op("take", k.op("reshape", places, newshape=(-1,)), rows)
        return stacked(k, (images, classes, found), axis=1)

    input_layouts = (Layout.identity(boxes.shape), Layout.identity(scores.shape))
    return Candidate(input_layouts, (Layout.identity(node.shape),), build)


def _number(operand: Operand | None, default: float) -> float:
    return default if operand is None else float(operand.array().reshape(-1)[0])


def _state(
    k: Recorder, boxes: Ref, places: Ref, is_open: Ref, count: Ref | int, centred: int
) -> Ref:
    """boxes: n count 4, places: n c q, is_open: n c q   ->   n c q 6, each class's best first"""
    one, two = (_part(k, boxes, part) for part in (_LOW, _HIGH))
    if centred:
        half = k.op("multiply", two, 0.5)
        low, high = k.op("subtract", one, half), k.op("add", one, half)
    else:
        low, high = k.op("minimum", one, two), k.op("maximum", one, two)
    corners = k.op("reshape", k.op("concatenate", [low, high], axis=-1), newshape=(-1, 4))
    rows = add_dynamic(k, k.op("multiply", arange_like(k, places, 0), count), places)
    marks = k.op("cast", k.op("expand_dims", is_open, axis=-1), dtype="float32")
    found = k.op("take", corners, rows, axis=0)
    return k.op("concatenate", [found, marks, k.op("zeros_like", marks)], axis=-1)


def _looped(k: Recorder, state: Ref, steps: int, threshold: float) -> Ref:
    """All steps, as loops in loops of about as many each: a loop of Keras keeps the state of each
    of its steps, so one alone would need memory for all of them."""
    depth = max(2, ceil(log(steps, 64)))
    length = ceil(steps ** (1 / depth))
    function = k.function("step", _STATE, lambda k, x: [_step(k, x, threshold)] * 2)
    for level in range(1, depth):
        function = _repeated_while_open(k, function, length, f"steps_{level}")
    return _scanned(k, function, state, length)


def _repeated_while_open(k: Recorder, function: Function, length: int, name: str) -> Function:
    """A function that calls another so often, or does nothing where no box is open any more."""
    again = k.function(name, _STATE, lambda k, x: [_scanned(k, function, x, length)])
    done = k.function("done", _STATE, lambda k, x: [k.op("multiply", x, 1.0)])

    def body(k: Recorder, x: Ref) -> list[Ref]:
        is_any = k.op("cast", k.op("any", k.op("greater", _part(k, x, _OPEN), 0.0)), dtype="int32")
        return [k.op("switch", is_any, [done, again], x)] * 2

    return k.function(f"{name}_while_open", _STATE, body)


def _scanned(k: Recorder, function: Function, state: Ref, length: int) -> Ref:
    """The state after so many calls of a function, which gives it twice: to go on with it, and
    to be kept."""
    return k.ops("scan", function, state, length=length, outputs=2)[0]


def _step(k: Recorder, state: Ref, threshold: float) -> Ref:
    """The best open box of each class is kept; it and what overlaps with it are open no more.

    Sides that end before they begin overlap with nothing, and a number over 0 is above nothing.
    """
    corners = _part(k, state, slice(0, 4))
    is_open, kept = _part(k, state, _OPEN), _part(k, state, _KEPT)
    is_first = k.op("equal", k.op("multiply", k.op("cumsum", is_open, axis=2), is_open), 1.0)
    best = k.op("sum", k.op("where", is_first, corners, 0.0), axis=2, keepdims=True)
    low = k.op("maximum", _part(k, corners, _LOW), _part(k, best, _LOW))
    high = k.op("minimum", _part(k, corners, _HIGH), _part(k, best, _HIGH))
    shared = _area(k, low, high)
    areas = [_area(k, _part(k, each, _LOW), _part(k, each, _HIGH)) for each in (corners, best)]
    both = k.op("subtract", k.op("add", *areas), shared)
    is_closed = k.op("greater", k.op("divide", shared, both), threshold)
    is_closed = k.op("logical_or", is_closed, is_first)
    is_open = k.op("where", is_closed, 0.0, is_open)
    kept = k.op("where", is_first, 1.0, kept)
    return k.op("concatenate", [corners, is_open, kept], axis=-1)


def _area(k: Recorder, low: Ref, high: Ref) -> Ref:
    """n c q 2 -> n c q 1"""
    sides = k.op("maximum", k.op("subtract", high, low), 0.0)
    return k.op("prod", sides, axis=-1, keepdims=True)


def _part(k: Recorder, x: Ref, columns: slice) -> Ref:
    """Some of the columns of a tensor, whatever axes are before."""
    return k.op("get_item", x, (Ellipsis, columns))
