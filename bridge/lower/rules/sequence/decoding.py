"""Layers that decode text from a sequence.

Formulas: ctc_decoder_layer.cpp of ChWick's fork, and dlunion/CC4.0's for one bottom;
https://onnx.ai/onnx/operators/onnx__CumSum.html, onnx__ScatterElements.html
"""

from __future__ import annotations

import numpy as np

from bridge.caffe.net import Layer
from bridge.lower.emitter import Emitter
from bridge.lower.table import layer
from bridge.lower.values import FLOAT, INT64, Value


@layer("CTCGreedyDecoder", params="ctc_decoder_param", fixed_batch=True)
def greedy_decoder(
    e: Emitter,
    layer: Layer,
    x: Value,
    goes_on: Value | None = None,
    *,
    blank_index: int = -1,
    ctc_merge_repeated: bool = True,
) -> tuple[Value, ...]:
    """x: t n c, goes_on: t n → t n 1 1: the best class of each step; [n 1 1 1: its score]

    From x alone, all of whose steps count → n t 1 1.

    Without blanks and repetitions, filled up with -1; the score is the sum of -x of the best
    classes. A sequence ends before the first step, other than step 0, that does not continue it. A
    negative blank is the last class.
    """
    steps, streams, classes = (x.fixed(axis) for axis in range(3))
    best = e.ArgMax(x, axis=2, keepdims=0)  # t n
    kept = e.Not(e.Equal(best, blank_index if blank_index >= 0 else classes - 1))
    if goes_on is not None:
        ends = e.Cast(e.Equal(e.reshape(goes_on, (steps, streams)), 0.0), to=INT64)
        ends = e.Mul(ends, np.minimum(np.arange(steps), 1)[:, None])
        is_inside = e.Equal(e.CumSum(ends, np.array(0)), 0)
        kept = e.And(is_inside, kept)
    if ctc_merge_repeated:
        before = e.Slice(e.Pad(best, [1, 0, 0, 0], np.array(-1)), [0], [steps], [0])
        kept = e.And(kept, e.Not(e.Equal(best, before)))
    # Kept classes move up; the others go to an extra last row, which is cut off.
    indices = e.Sub(e.CumSum(e.Cast(kept, to=INT64), np.array(0)), 1)
    indices = e.Where(kept, indices, steps)
    canvas = np.full((steps + 1, streams), -1, np.float32)
    text = e.ScatterElements(canvas, indices, e.Cast(best, to=FLOAT), axis=0)
    text = e.Slice(text, [0], [steps], [0])
    if goes_on is None:
        return (e.reshape(e.Transpose(text, perm=[1, 0]), (streams, steps, 1, 1)),)
    text = e.reshape(text, (steps, streams, 1, 1))
    greatest = e.reduce("ReduceMax", x, [2], keepdims=False)
    score = e.reduce("ReduceSum", e.Mul(greatest, e.Cast(is_inside, to=FLOAT)), [0], keepdims=False)
    return (text, e.reshape(e.Neg(score), (streams, 1, 1, 1)))[: len(e.tops)]
