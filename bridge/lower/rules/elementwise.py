"""Arithmetic, element by element.

Formulas: eltwise_layer.cpp, scale_layer.cpp, bias_layer.cpp, power_layer.cpp, exp_layer.cpp,
log_layer.cpp, absval_layer.cpp, threshold_layer.cpp, clip_layer.cpp; SENet's axpy_layer.cpp;
eltwise_layer.cpp of Synopsys's (DIV, MIN); broadcast_mul_layer.cpp of yurikorolov/caffe
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import inf, log

from bridge.caffe.net import Layer
from bridge.errors import UnsupportedLayerError
from bridge.lower.emitter import Emitter
from bridge.lower.rules.arithmetic import MOST_FACTORS, above_zero, product_of
from bridge.lower.table import layer
from bridge.lower.values import FLOAT, Value


@layer("Eltwise", params="eltwise_param")
def eltwise(
    e: Emitter,
    layer: Layer,
    *bottoms: Value,
    operation: str = "SUM",
    coeff: Sequence[float] = (),
    stable_prod_grad: bool = True,
) -> Value:
    """∑ coeff · x, ∏ x or the maximum, of bottoms of one shape

    In forks also the minimum, and x - y or x / y of two.
    """
    operators = {"PROD": e.Mul, "SUB": e.Sub, "DIV": e.Div}
    if operation in operators:
        return reduce(operators[operation], bottoms)
    if operation in ("MAX", "MIN"):
        return reduce(e.Max if operation == "MAX" else e.Min, bottoms)  # ncnn takes two
    if list(coeff) == [1, -1]:
        return e.Sub(*bottoms)
    weights = coeff or [1.0] * len(bottoms)
    terms = [x if c == 1 else e.Mul(x, float(c)) for x, c in zip(bottoms, weights, strict=True)]
    return e.Add(*terms) if len(terms) == 2 else e.Sum(*terms)


@layer("Scale", params="scale_param")
def scale(
    e: Emitter,
    layer: Layer,
    x: Value,
    factors: Value | None = None,
    *,
    axis: int = 1,
    num_axes: int = 1,
    bias_term: bool = False,
) -> Value:
    """y = x · γ + β    γ spans x's axes from `axis` on: learned, or a second bottom"""
    if factors is None:
        factor = e.weight(e.blob(0, _along(x, axis, num_axes)), "scale")
    else:
        factor, num_axes = e.reshape(factors, _aligned(x, factors, axis)), factors.rank
    y = e.Mul(x, factor)
    if not bias_term:
        return y
    blob = e.blob(1 if factors is None else 0, _along(x, axis, num_axes))
    return e.Add(y, e.weight(blob, "bias"))


@layer("Bias", params="bias_param")
def bias(
    e: Emitter,
    layer: Layer,
    x: Value,
    terms: Value | None = None,
    *,
    axis: int = 1,
    num_axes: int = 1,
) -> Value:
    """y = x + β    β spans x's axes from `axis` on: learned, or a second bottom"""
    if terms is None:
        return e.Add(x, e.weight(e.blob(0, _along(x, axis, num_axes)), "bias"))
    return e.Add(x, e.reshape(terms, _aligned(x, terms, axis)))


def _along(x: Value, axis: int, num_axes: int) -> list[int]:
    """The shape of a learned factor on `num_axes` (-1: all) axes, with 1s for the axes after."""
    axis %= x.rank
    end = x.rank if num_axes == -1 else axis + num_axes
    return [x.fixed(i) for i in range(axis, end)] + [1] * (x.rank - end)


def _aligned(x: Value, factor: Value, axis: int) -> tuple[int | str, ...]:
    """The factor's shape with 1s for the axes of x after its own."""
    return (*factor.shape, *[1] * (x.rank - axis % x.rank - factor.rank))


@layer("Axpy")
def axpy(e: Emitter, layer: Layer, factor: Value, x: Value, y: Value) -> Value:
    """factor · x + y    factor: n c or n c 1 1    x, y: n c h w"""
    return e.Add(e.Mul(x, e.reshape(factor, (*x.shape[:2], 1, 1))), y)


@layer("BroadcastMul")
def broadcast_mul(e: Emitter, layer: Layer, x: Value, y: Value) -> Value:
    """x · y: n c h w and n c or n c 1 1, in either order"""
    if e.tops[0] != x.shape:
        x, y = y, x
    return e.Mul(x, e.reshape(y, (*x.shape[:2], 1, 1)))


@layer("Power", params="power_param")
def power(
    e: Emitter,
    layer: Layer,
    x: Value,
    *,
    power: float = 1.0,
    scale: float = 1.0,
    shift: float = 0.0,
) -> Value:
    """(shift + scale · x)^power"""
    y = _affine(e, x, scale, shift)
    if power == 3:  # ncnn takes the logarithm of the base, negative or not
        return e.Mul(e.Mul(y, y), y)
    if power == 1:
        return y
    if e.portable and power == int(power) and power != 2 and abs(power) <= MOST_FACTORS:
        return product_of(e, y, int(power))
    return e.Pow(y, float(power))


@layer("Exp", params="exp_param")
def exp(
    e: Emitter,
    layer: Layer,
    x: Value,
    *,
    base: float = -1.0,
    scale: float = 1.0,
    shift: float = 0.0,
) -> Value:
    """base^(shift + scale · x); base -1 means e"""
    ln_base = _ln(layer, base)
    return e.Exp(_affine(e, x, scale * ln_base, shift * ln_base))


@layer("Log", params="log_param")
def logarithm(
    e: Emitter,
    layer: Layer,
    x: Value,
    *,
    base: float = -1.0,
    scale: float = 1.0,
    shift: float = 0.0,
) -> Value:
    """log_base(shift + scale · x); base -1 means e"""
    y = e.Log(_affine(e, x, scale, shift))
    return y if base == -1 else e.Mul(y, 1 / _ln(layer, base))


def _ln(layer: Layer, base: float) -> float:
    """ln of a base that Caffe accepts. Raises UnsupportedLayerError for another."""
    if base == -1:
        return 1.0
    if not 0 < base < inf or (base == 1 and layer.type == "Log"):
        raise UnsupportedLayerError(
            "there is no power or logarithm with this base",
            where=layer,
            expected="a base above 0 (and for Log not 1), or -1 for e",
            received=f"{base:g}",
        )
    return log(base)


def _affine(e: Emitter, x: Value, scale: float, shift: float) -> Value:
    x = x if scale == 1 else e.Mul(x, float(scale))
    return x if shift == 0 else e.Add(x, float(shift))


@layer("AbsVal")
def absolute(e: Emitter, layer: Layer, x: Value) -> Value:
    """|x|"""
    return e.Abs(x)


@layer("Threshold", params="threshold_param")
def threshold(e: Emitter, layer: Layer, x: Value, *, threshold: float = 0.0) -> Value:
    """1 where x > threshold, else 0"""
    if e.portable:
        return above_zero(e, e.Sub(x, float(threshold)) if threshold else x)
    return e.Cast(e.Greater(x, float(threshold)), to=FLOAT)


@layer("Clip", params="clip_param")
def clip(e: Emitter, layer: Layer, x: Value, *, min: float, max: float) -> Value:
    """min(max(x, min), max)"""
    return e.Clip(x, float(min), float(max))
