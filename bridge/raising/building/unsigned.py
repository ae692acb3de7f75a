"""Whole numbers of 64 bits without a sign, which Keras would compute in 32 bits.

Of two uint64 Keras 3.15 makes a uint32 (`keras.src.backend.common.dtypes.result_type`), without a
word. Their bits as int64 are computed with instead, which keeps every bit of a sum, a difference or
a product; an order is kept where the highest bit is flipped.
"""

from __future__ import annotations

import numpy as np

from bridge.errors import UnsupportedError
from bridge.layout import Weight
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref

Argument = Ref | Weight | float

_BY_BITS = {"add", "subtract", "multiply", "equal"}
_BY_ORDER = {"maximum", "minimum", "greater", "greater_equal", "less", "less_equal"}
_TRUTHS = {"equal", "greater", "greater_equal", "less", "less_equal"}


def _bits(number: int) -> Weight:
    """A constant of an operation on bits: of a plain number Keras 3.15 does not load the dtype."""
    array = np.asarray(number, np.int64)
    return Weight((), lambda: array, dtype=array.dtype)


_HIGHEST, _OTHERS, _ONE = map(_bits, (-(2**63), 2**63 - 1, 1))


def of_uint64(k: Recorder, function: str, a: Argument, b: Argument) -> Ref:
    """A function of two uint64, exactly. Raises UnsupportedError for one that Keras cannot so."""
    a, b = _signed(k, a), _signed(k, b)
    if function in _BY_ORDER:
        result = k.op(function, _flipped(k, a), _flipped(k, b))
        result = result if function in _TRUTHS else k.op("bitwise_xor", result, _HIGHEST)
    elif function in _BY_BITS:
        result = k.op(function, a, b)
    else:
        raise UnsupportedError(f"{function} of uint64, which Keras computes in uint32")
    return result if function in _TRUTHS else k.op("cast", result, dtype="uint64")


def where(k: Recorder, condition: Argument, a: Argument, b: Argument, dtype: str) -> Ref:
    """`ops.where` of two values of a dtype, of uint64 too."""
    if dtype != "uint64":
        return k.op("where", condition, a, b)
    return k.op("cast", k.op("where", condition, _signed(k, a), _signed(k, b)), dtype=dtype)


def _signed(k: Recorder, x: Argument) -> Ref | Weight:
    """The same bits as int64."""
    if isinstance(x, Ref):
        return k.op("cast", x, dtype="int64")
    if isinstance(x, Weight):
        shape = x.stored_shape
        return Weight(shape, lambda w: w.view(np.int64), sources=(x,), dtype=np.dtype(np.int64))
    return _bits(int(np.asarray(x, np.uint64).view(np.int64)))


def _flipped(k: Recorder, x: Ref | Weight) -> Ref | Weight:
    if isinstance(x, Ref):
        return k.op("bitwise_xor", x, _HIGHEST)
    return Weight.derived(x.stored_shape, lambda w: w ^ _HIGHEST.array(), x)


def right_shift(k: Recorder, x: Ref, shift: Ref) -> Ref:
    """The bits of a uint64, given as those of an int64, moved to the right. The highest bit is no
    sign, and moves with the others: first alone, by one."""
    half = k.op("bitwise_and", k.op("bitwise_right_shift", x, _ONE), _OTHERS)
    further = k.op("maximum", k.op("subtract", shift, np.int64(1)), np.int64(0))
    shifted = k.op("bitwise_right_shift", half, further)
    return k.op("where", k.op("equal", shift, np.int64(0)), x, shifted)
