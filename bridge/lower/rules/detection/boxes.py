"""Helpers shared by the layers that compute boxes."""

from __future__ import annotations

from math import prod

import numpy as np

from bridge.lower.emitter import Emitter
from bridge.lower.values import FLOAT, Value
from bridge.types import Array

LOWEST = float(np.finfo(np.float32).min)


def full_like(e: Emitter, like: Value, number: float) -> Value:
    """A constant in the shape of a (finite) value, whose batch may be symbolic."""
    return e.Add(e.Mul(like, 0.0), float(number))


def length(e: Emitter, x: Value) -> Value:
    """The size of x's first axis → 1"""
    return e.Slice(e.Shape(x), [0], [1])


def selected(e: Emitter, x: Value | Array, condition: Value) -> Value:
    """The elements along x's first axis where the condition (n) is not 0    x: n … → d …

    Not a Compress: OpenCV lacks it, and would run the whole net in its older engine.
    """
    return e.Gather(x, e.Squeeze(e.NonZero(condition), [0]), axis=0)


def gather_nd(e: Emitter, x: Value, indices: Value) -> Value:
    """x's elements by indices along its first k axes    x: *k *s, indices: d k → d *s

    Not a GatherND: without any indices, OpenCV divides by 0 and crashes.
    """
    axes = indices.fixed(1)
    strides = [prod(x.fixed(i) for i in range(axis + 1, axes)) for axis in range(axes)]
    rows = e.Reshape(x, [-1, *(x.fixed(axis) for axis in range(axes, x.rank))])
    numbers = e.reduce("ReduceSum", e.Mul(indices, strides), [1], keepdims=False)
    return e.Gather(rows, numbers, axis=0)


def arange_like(e: Emitter, x: Value) -> Value:
    """0, 1, … along x's first axis, as floats    x: n … → n

    Not a Range: Keras cannot create a tensor whose size is the value of another tensor.
    """
    first = e.Squeeze(e.Slice(e.Flatten(x, axis=1), [0], [1], [1]), [1])
    ones = e.Cast(e.Not(e.Less(first, first)), to=FLOAT)
    return e.Sub(e.CumSum(ones, 0), 1.0)


def rows_or_placeholders(e: Emitter, rows: Value, images: Value) -> Value:
    """rows: d 7, images: n … → d 7; or, if d is 0, n 7: the image's index, and -1 six times"""
    index = arange_like(e, images)
    empty = e.Pad(e.Unsqueeze(index, [1]), [0, 0, 0, 6], np.float32(-1))
    is_needed = e.And(e.Equal(length(e, rows), [0]), e.GreaterOrEqual(index, 0.0))
    return e.Concat(rows, selected(e, empty, is_needed), axis=0)


def next_below(threshold: float) -> np.float32:
    """The next lower float: values above it are at or above the threshold."""
    return np.float32(np.nextafter(np.float32(threshold), np.float32(-np.inf)))


def rounded(e: Emitter, x: Value) -> Value:
    """x rounded, halves away from 0 like C's round(), not to even like ONNX's Round

    ⌊|x|⌋ and the remainder are exact, while |x| + 0.5 might itself be rounded up.
    """
    size = e.Abs(x)
    whole = e.Floor(size)
    is_up = e.Cast(e.GreaterOrEqual(e.Sub(size, whole), 0.5), to=FLOAT)
    return e.Mul(e.Sign(x), e.Add(whole, is_up))
