"""Dense layers, products of tensors, look-ups and normalisations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bridge.graph.batch_norm import BatchNorm
from bridge.layout import Weight
from bridge.tflite.building import axes_of, axis_of, broadcast, operands, permuted, refuse_axes
from bridge.tflite.emitters.elementwise import binary, cast, unary
from bridge.tflite.emitters.reduction import reduced
from bridge.tflite.graph import Graph, NotWrittenError, Tensor
from bridge.tflite.table import writes

_KEPT_AXES = 5  # the version whose result has the axes of the input


def dense_of(g: Graph, x: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
    """Along the last axis, by a kernel of units, inputs."""
    if x.dtype != "float32" or x.rank < 2:
        raise NotWrittenError(f"a Dense of {x.rank} axes of {x.dtype}")
    units = kernel.shape[0]
    if bias is None:
        bias = g.constant(np.zeros(int(units or 0)), "float32")
    is_plain = x.rank == 2
    return g.op(
        "FULLY_CONNECTED",
        x,
        kernel,
        bias,
        shape=(*x.shape[:-1], units),
        version=1 if is_plain else _KEPT_AXES,
        keep_num_dims=not is_plain,
    )


@writes("layers.Dense", implied="units use_bias")
def dense(
    g: Graph,
    x: Tensor,
    *,
    kernel: Weight,
    bias: Weight | None = None,
) -> Tensor:
    added = None if bias is None else g.weight("bias", bias)
    return dense_of(g, x, g.weight("kernel", kernel, (1, 0)), added)


@writes("ops.matmul")
def matmul(g: Graph, x1: Any, x2: Any) -> Tensor:
    one, other = operands(g, x1, x2)
    if one.dtype != "float32" or min(one.rank, other.rank) < 2:
        raise NotWrittenError(f"a product of {one.rank} and {other.rank} axes of {one.dtype}")
    batch = broadcast(one.shape[:-2], other.shape[:-2])
    refuse_axes(one)
    refuse_axes(other)
    shape = (*batch, one.shape[-2], other.shape[-1])
    return g.op("BATCH_MATMUL", one, other, shape=shape)


@writes("layers.LayerNormalization", implied="scale center")
def layer_normalization(
    g: Graph,
    x: Tensor,
    *,
    gamma: Weight | None = None,
    beta: Weight | None = None,
    axis: int | Sequence[int] = -1,
    epsilon: float = 1e-3,
) -> Tensor:
    """The weights have the last axes of the tensor."""
    axes = axes_of(axis, x.rank)
    if axes != tuple(range(axes[0], x.rank)):
        raise NotWrittenError(f"a normalisation along the axes {axes} of {x.rank}")
    centered = binary(g, "SUB", x, reduced(g, "MEAN", x, axes, keepdims=True))
    variance = reduced(g, "MEAN", unary(g, "SQUARE", centered), axes, keepdims=True)
    factor = unary(g, "RSQRT", binary(g, "ADD", variance, epsilon))
    y = binary(g, "MUL", centered, factor)
    y = y if gamma is None else binary(g, "MUL", y, g.weight("gamma", gamma))
    return y if beta is None else binary(g, "ADD", y, g.weight("beta", beta))


@writes("layers.Embedding", implied="input_dim output_dim")
def embedding(g: Graph, x: Tensor, *, embeddings: Weight) -> Tensor:
    indices = x if x.dtype in ("int32", "int64") else cast(g, x, "int32")
    table = g.weight("embeddings", embeddings)
    return g.op("GATHER", table, indices, shape=(*x.shape, table.shape[-1]), axis=0)


@writes("layers.BatchNormalization", implied="scale center")
def batch_normalization(
    g: Graph,
    x: Tensor,
    *,
    moving_mean: Weight,
    moving_variance: Weight,
    gamma: Weight | None = None,
    beta: Weight | None = None,
    axis: int = -1,
    epsilon: float = 1e-3,
) -> Tensor:
    """A factor and a summand for each channel; one that no linear layer took in."""
    size = moving_mean.stored_shape
    norm = BatchNorm(
        epsilon, gamma or _filled(size, 1), beta or _filled(size, 0), moving_mean, moving_variance
    )
    factor = norm.folded_kernel(_filled(size, 1), lambda ones, factors: ones * factors)
    shape = tuple(size[0] if i == axis_of(axis, x.rank) else 1 for i in range(x.rank))
    along = shape[axis_of(axis, x.rank) :]
    scaled = binary(g, "MUL", x, g.weight("factor", factor, shape=along))
    return binary(g, "ADD", scaled, g.weight("offset", norm.folded_bias(None), shape=along))


def _filled(shape: tuple[int, ...], number: int) -> Weight:
    return Weight(shape, lambda: np.full(shape, number, np.float32))


# ---- einsum ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Equation:
    """The letters of `x,kernel->result`."""

    x: str
    kernel: str
    result: str

    @classmethod
    def of(cls, text: str) -> _Equation:
        sides, result = text.replace(" ", "").split("->")
        x, kernel = sides.split(",")
        equation = cls(x, kernel, result)
        if "." in text or any(len({*side}) < len(side) for side in (equation.x, equation.kernel)):
            raise NotWrittenError(f"the equation {text}")
        return equation

    def __str__(self) -> str:
        return f"{self.x},{self.kernel}->{self.result}"


@writes("layers.EinsumDense", implied="output_shape bias_axes")
def einsum_dense(
    g: Graph,
    x: Tensor,
    *,
    equation: str,
    kernel: Weight,
    bias: Weight | None = None,
) -> Tensor:
    """A product number by number, or a Dense along one axis."""
    names = _Equation.of(equation)
    is_product = {*names.result} == {*names.x} and {*names.kernel} <= {*names.x}
    y = (_product if is_product else _contracted)(g, x, kernel, names)
    return y if bias is None else binary(g, "ADD", y, g.weight("bias", bias))


def _product(g: Graph, x: Tensor, kernel: Weight, names: _Equation) -> Tensor:
    """With a number of the kernel for each along the axes that it has."""
    sizes = dict(zip(names.kernel, kernel.stored_shape, strict=True))
    order = [names.kernel.index(name) for name in names.result if name in sizes]
    shape = tuple(sizes.get(name, 1) for name in names.result)
    moved = permuted(g, x, [names.x.index(name) for name in names.result])
    return binary(g, "MUL", moved, g.weight("kernel", kernel, order, shape))


def _contracted(g: Graph, x: Tensor, kernel: Weight, names: _Equation) -> Tensor:
    """Along one axis that is summed, to one that is new."""
    summed, new = {*names.x} - {*names.result}, {*names.result} - {*names.x}
    if len(summed) != 1 or len(new) != 1 or {*names.kernel} != summed | new:
        raise NotWrittenError(f"the equation {names}")
    (old,), (unit,) = summed, new
    rest = names.x.replace(old, "")
    matrix = g.weight("kernel", kernel, (names.kernel.index(unit), names.kernel.index(old)))
    moved = permuted(g, x, [names.x.index(name) for name in rest + old])
    y = dense_of(g, moved, matrix)
    return permuted(g, y, [(rest + unit).index(name) for name in names.result])
