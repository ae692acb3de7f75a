"""Layers that multiply by a matrix.

Formulas: inner_product_layer.cpp, also happynear's (normalize) and Intel's (relu), embed_layer.cpp;
matmul_layer.cpp of Synopsys's and Sophgo's forks;
https://onnx.ai/onnx/operators/onnx__Gemm.html
"""

from __future__ import annotations

from math import prod

import numpy as np

from bridge.caffe.net import Blob, Layer
from bridge.lower.emitter import Emitter
from bridge.lower.rules.activation import rectified
from bridge.lower.rules.arithmetic import looked_up
from bridge.lower.table import layer
from bridge.lower.values import INT64, Value
from bridge.types import Array


@layer("InnerProduct", params="inner_product_param")
def inner_product(
    e: Emitter,
    layer: Layer,
    x: Value,
    *,
    num_output: int = 0,
    bias_term: bool = True,
    axis: int = 1,
    transpose: bool = False,
    normalize: bool = False,
    relu: bool = False,
    negative_slope: float = 0.0,
) -> Value:
    """y = x Wᵀ + b    x: *p k… → *p n, the axes from `axis` on flattened to k

    w: n k, or k n with `transpose`. With one axis before, a Gemm, which takes w as it is stored;
    with none or several, a MatMul, for which w is transposed when it is written.
    In happynear's fork `normalize` divides the rows of w by their norms; in Intel's `relu` appends
    a ReLU with this `negative_slope`.
    """
    axis %= x.rank
    inputs = prod(x.fixed(i) for i in range(axis, x.rank))
    matrix = e.blob(0, (inputs, num_output) if transpose else (num_output, inputs))
    transposed = axis != 1 and not transpose
    weight = _matrix(e, matrix, transposed, rows_of_norm_1=num_output if normalize else None)
    bias = e.weight(e.blob(1, (num_output,)), "bias") if bias_term else None
    if axis == 1:
        rows = x if x.rank == 2 else e.Flatten(x, axis=1)
        product = e.Gemm(rows, weight, bias, transB=int(not transpose))
    else:
        # With axis 0, a matrix with one row: OpenCV cannot multiply vectors.
        rows = e.reshape(x, (*(x.shape[:axis] or (1,)), inputs))
        product = e.MatMul(rows, weight)
        product = product if bias is None else e.Add(product, bias)
        product = e.reshape(product, e.tops[0])
    return rectified(e, product, negative_slope) if relu else product


def _matrix(e: Emitter, matrix: Blob, transposed: bool, rows_of_norm_1: int | None) -> Value:
    """The weights as they are multiplied: transposed, and with rows divided by their norms.

    happynear's layer takes contiguous numbers as a row, in a transposed matrix too.
    """
    if not transposed and rows_of_norm_1 is None:
        return e.weight(matrix, "weight")

    def read(w: Array) -> Array:
        if rows_of_norm_1 is not None:
            rows = w.reshape(rows_of_norm_1, -1)
            norms = np.sqrt(np.sum(rows * rows, axis=1) + np.float32(1e-12))
            w = (rows / norms.reshape(rows_of_norm_1, 1)).reshape(w.shape)
        return w.T if transposed else w

    return e.computed(matrix.shape[::-1] if transposed else matrix.shape, read, "weight", matrix)


@layer("Embed", params="embed_param")
def embed(
    e: Emitter,
    layer: Layer,
    x: Value,
    *,
    num_output: int = 0,
    input_dim: int = 0,
    bias_term: bool = True,
) -> Value:
    """y = w[x] + b    x: *p (integers as floats) → *p n    w: input_dim n"""
    table = e.weight(e.blob(0, (input_dim, num_output)), "weight")
    rows = looked_up(e, table, x) if e.portable else e.Gather(table, e.Cast(x, to=INT64), axis=0)
    return e.Add(rows, e.weight(e.blob(1, (num_output,)), "bias")) if bias_term else rows


@layer("MatMul", params="matmul_param")
def matrix_product(
    e: Emitter,
    layer: Layer,
    x: Value,
    y: Value,
    *,
    transpose_a: bool = False,
    transpose_b: bool = False,
    dim_1: int | None = None,
    dim_2: int | None = None,
    dim_3: int | None = None,
) -> Value:
    """x: *p m k, y: *p k n → *p m n, each transposed first if set so

    If the sizes are set (m, k, n = dim_1, dim_2, dim_3), it is x · yᵀ, with x read as m k and y as
    n k.
    """
    if dim_1 and dim_2 and dim_3:
        x, y = e.reshape(x, (dim_1, dim_2)), e.reshape(y, (dim_3, dim_2))
        transpose_b = not transpose_b
    x, y = (_transposed(e, v) if on else v for v, on in ((x, transpose_a), (y, transpose_b)))
    return e.MatMul(x, y)


def _transposed(e: Emitter, x: Value) -> Value:
    """x with its last two axes swapped."""
    return e.Transpose(x, perm=[*range(x.rank - 2), x.rank - 1, x.rank - 2])
