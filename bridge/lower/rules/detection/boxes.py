"""What the layers around boxes have in common."""

from __future__ import annotations

from math import prod

import numpy as np

from bridge.lower.emitter import Emitter
from bridge.lower.values import FLOAT, Value
from bridge.types import Array

LOWEST = float(np.finfo(np.float32).min)


def filled(e: Emitter, like: Value, number: float) -> Value:
    """One number all over, in the shape of a (finite) value whose batch may be symbolic."""
    return e.Add(e.Mul(like, 0.0), float(number))


def length(e: Emitter, x: Value) -> Value:
    """The size of x's first axis → 1"""
    return e.Slice(e.Shape(x), [0], [1])


def chosen(e: Emitter, x: Value | Array, condition: Value) -> Value:
    """What lies along x's first axis where the condition (n) is not 0    x: n … → d …

    Not a Compress: OpenCV has none, and would take the whole net to its older engine for it.
    """
    return e.Gather(x, e.Squeeze(e.NonZero(condition), [0]), axis=0)


def at_places(e: Emitter, x: Value, places: Value) -> Value:
    """x's elements by their places along its first k axes    x: *k *s, places: d k → d *s

    Not a GatherND: where there are no places, OpenCV divides by 0 and its process ends.
    """
    axes = places.fixed(1)
    strides = [prod(x.fixed(i) for i in range(axis + 1, axes)) for axis in range(axes)]
    rows = e.Reshape(x, [-1, *(x.fixed(axis) for axis in range(axes, x.rank))])
    numbers = e.reduce("ReduceSum", e.Mul(places, strides), [1], keepdims=False)
    return e.Gather(rows, numbers, axis=0)


def counted(e: Emitter, x: Value) -> Value:
    """0, 1, … along x's first axis, as floats    x: n … → n

    Not a Range: Keras cannot make a tensor of as many elements as another tensor says.
    """
    first = e.Squeeze(e.Slice(e.Flatten(x, axis=1), [0], [1], [1]), [1])
    ones = e.Cast(e.Not(e.Less(first, first)), to=FLOAT)
    return e.Sub(e.CumSum(ones, 0), 1.0)


def or_a_row_for_each(e: Emitter, rows: Value, images: Value) -> Value:
    """rows: d 7, images: n … → d 7; or, where d is 0, n 7: the image's number, and -1 six times"""
    number = counted(e, images)
    empty = e.Pad(e.Unsqueeze(number, [1]), [0, 0, 0, 6], np.float32(-1))
    is_wanted = e.And(e.Equal(length(e, rows), [0]), e.GreaterOrEqual(number, 0.0))
    return e.Concat(rows, chosen(e, empty, is_wanted), axis=0)


def below(threshold: float) -> np.float32:
    """The next lower number: what is above it is at or above the threshold."""
    return np.float32(np.nextafter(np.float32(threshold), np.float32(-np.inf)))


def rounded(e: Emitter, x: Value) -> Value:
    """x to whole numbers, halves away from 0 as C's round() does it, not to the even one as ONNX

    ⌊|x|⌋ and its rest are exact, while |x| + 0.5 might itself be rounded up.
    """
    size = e.Abs(x)
    whole = e.Floor(size)
    is_up = e.Cast(e.GreaterOrEqual(e.Sub(size, whole), 0.5), to=FLOAT)
    return e.Mul(e.Sign(x), e.Add(whole, is_up))
