"""Tensors that only a size, or an index, describes."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from onnx.helper import tensor_dtype_to_np_dtype

from bridge.errors import UnsupportedError
from bridge.layout import Layout, Weight
from bridge.raising.building.candidates import with_identity_axes
from bridge.raising.building.recorder import Recorder
from bridge.raising.building.selecting import along, arange_like, counted, zeros_of_shape
from bridge.raising.building.unsigned import where
from bridge.raising.plan import Ref
from bridge.raising.table import Candidate, Node, Operand, raises


@raises("Range", since=11)
def range_of(
    node: Node, start: Operand, limit: Operand, delta: Operand, *, stash_type: int = 1
) -> Candidate:
    """start, start + delta, … before limit                      (onnx.ai/onnx/operators, Range)"""
    operands = (start, limit, delta)
    if all(operand.is_constant for operand in operands):
        raise UnsupportedError("constants only; fold them first")
    dtype = start.dtype
    known = [_number(operand) for operand in operands]
    layouts = tuple(None if o.is_constant else Layout.identity(o.shape) for o in operands)

    def build(k: Recorder, *refs: Ref) -> Ref:
        tensors = iter(refs)
        first, last, step = (next(tensors) if n is None else n for n in known)
        if isinstance(first, Ref) or isinstance(last, Ref):
            span = last if first == 0 else k.op("subtract", last, first)
        else:
            span = last - first
        steps = span if step == 1 else _quotient(k, span, step)
        steps = k.op("ceil", steps) if "float" in dtype or step != 1 else steps
        length = k.op("maximum", k.op("cast", steps, dtype="int64"), 0)
        indices = k.op("cast", counted(k, length), dtype=dtype)
        scaled = indices if step == 1 else k.op("multiply", indices, step)
        return scaled if first == 0 else k.op("add", scaled, first)

    return Candidate(layouts, (Layout.identity(node.shape),), build)


def _quotient(k: Recorder, a: Any, b: Any) -> Ref:
    """In double precision, where whole numbers of 32 bits stay whole."""
    both = [k.op("cast", x, dtype="float64") if isinstance(x, Ref) else float(x) for x in (a, b)]
    return k.op("divide", *both)


def _number(operand: Operand) -> Any:
    """A constant as a number in its own dtype; None for a tensor."""
    return operand.array().reshape(()).item() if operand.is_constant else None


@raises("EyeLike", since=9)
def eye_like(node: Node, x: Operand, *, dtype: int | None = None, k: int = 0) -> Candidate:
    """Ones on the k-th diagonal, in the shape of x            (onnx.ai/onnx/operators, EyeLike)"""
    rows, columns = x.shape
    name = x.dtype if dtype is None else tensor_dtype_to_np_dtype(dtype).name
    if not isinstance(rows, int) or not isinstance(columns, int):
        raise UnsupportedError("a diagonal of unknown size", received=x.shape)
    diagonal, kind = k, np.dtype(name)
    eye = Weight((rows, columns), lambda: np.eye(rows, columns, diagonal, kind), dtype=kind)
    return Candidate((None,), (Layout.identity(x.shape),), lambda k: k.constant(eye))


@raises("Size")
def size_of(node: Node, x: Operand) -> Candidate:
    """The number of elements                                     (onnx.ai/onnx/operators, Size)"""
    sizes = [size for size in x.shape if isinstance(size, int)]
    known = np.asarray(prod(sizes), np.int64)
    if len(sizes) == x.rank:
        weight = Weight((), lambda: known, dtype=known.dtype)
        return Candidate((None,), (Layout.identity(()),), lambda k: k.constant(weight))

    def build(k: Recorder, x: Ref) -> Ref:
        return k.op("sum", k.op("ones_like", x, dtype="int64"))

    return Candidate((x.layout,), (Layout.identity(()),), build)


@raises("ConstantOfShape", since=9)
def constant_of_shape(node: Node, shape: Operand, *, value: Any = None) -> Candidate:
    """The value, in a shape that the data give       (onnx.ai/onnx/operators, ConstantOfShape)"""
    number = np.zeros(1, np.float32) if value is None else value.numpy()
    sizes = node.shape

    def build(k: Recorder, shape: Ref) -> Ref:
        if not sizes:
            return k.constant(Weight((), lambda: number.reshape(()), dtype=number.dtype))
        zeros = zeros_of_shape(k, shape, Layout.identity(sizes))
        return k.op("full_like", zeros, number.item(), dtype=str(number.dtype))

    return Candidate((Layout.identity(shape.shape),), (Layout.identity(node.shape),), build)


@raises("OneHot", since=9)
def one_hot(
    node: Node, indices: Operand, depth: Operand, values: Operand, *, axis: int = -1
) -> Candidate:
    """off, and on at each index of a new axis; values: off on   (onnx.ai/onnx/operators, OneHot)

    An index below 0 counts from the end; there is no "on" for one beyond either end.
    """
    count = int(depth.array().reshape(()))
    new_axis = axis % len(node.shape)
    values_dtype = values.dtype
    kept = np.arange(count).reshape(along(new_axis, len(node.shape), count))

    def build(k: Recorder, indices: Ref, values: Ref) -> Ref:
        whole = k.op("cast", indices, dtype="int64")
        wrapped = k.op("where", k.op("less", whole, 0), k.op("add", whole, count), whole)
        is_on = k.op("equal", k.op("expand_dims", wrapped, axis=new_axis), kept)
        off, on = (k.op("get_item", values, (index,)) for index in range(2))
        return where(k, is_on, on, off, values_dtype)

    layouts = (Layout.identity(indices.shape), None, Layout.identity(values.shape))
    return Candidate(layouts, (Layout.identity(node.shape),), build)


@raises("Trilu", since=14)
def trilu(node: Node, x: Operand, k: Operand | None = None, *, upper: int = 1) -> Candidate:
    """x: ... h w, with 0 below the k-th diagonal; above it if not `upper`

    (onnx.ai/onnx/operators, Trilu)
    """
    diagonal = 0 if k is None else int(k.array().reshape(()))
    height, width = x.rank - 2, x.rank - 1
    layout = with_identity_axes(x, [height, width])
    axes = layout.where(height) or 0, layout.where(width) or 0
    sizes, dtype = (x.shape[height], x.shape[width]), x.dtype

    def build(recorder: Recorder, x: Ref) -> Ref:
        # Not by `ops.triu`: TensorFlow refuses a diagonal beyond the matrix, as of a single token.
        rows, columns = (
            np.arange(size).reshape(along(axis, len(layout.stored_shape), size))
            if isinstance(size, int)
            else arange_like(recorder, x, axis)
            for axis, size in zip(axes, sizes, strict=True)
        )
        if isinstance(rows, Ref) or isinstance(columns, Ref):
            function = "greater_equal" if upper else "less_equal"
            kept: Any = recorder.op(function, recorder.op("subtract", columns, rows), diagonal)
        else:
            kept = columns - rows >= diagonal if upper else columns - rows <= diagonal
        return where(recorder, kept, x, recorder.op("zeros_like", x), dtype)

    return Candidate((layout, None)[: 1 if k is None else 2], (layout,), build)
