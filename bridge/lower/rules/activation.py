"""Activations, element by element; the formula is in each docstring.

Formulas: relu_layer.cpp, prelu_layer.cpp, elu_layer.cpp, sigmoid_layer.cpp, tanh_layer.cpp,
bnll_layer.cpp, swish_layer.cpp, dropout_layer.cpp; from forks relu6_layer.cpp, hswish_layer.cpp,
hsigmoid_layer.cpp, mish_layer.cpp, brelu_layer.cpp, crelu_layer.cpp, neg_relu_layer.cpp,
insanity_layer.cpp (happynear's), rrelu_layer.cpp (ducha-aiki's), gradient_scaler_layer.cpp,
hard_tanh_layer.cpp (Synopsys's), and relu_layer.cpp of Cambricon's (upper_limit),
elu_layer.cpp of NVIDIA's (lambda)
"""

from __future__ import annotations

from math import isfinite, log

from bridge.caffe.net import Layer, Shape
from bridge.caffe.shapes.table import LayerShapes, parameters, require, shape, text
from bridge.errors import UnsupportedLayerError
from bridge.lower.emitter import Emitter
from bridge.lower.table import layer
from bridge.lower.values import Value


def rectified(e: Emitter, x: Value, negative_slope: float) -> Value:
    """max(x, 0) + negative_slope · min(x, 0)"""
    return e.LeakyRelu(x, alpha=negative_slope) if negative_slope else e.Relu(x)


@layer("ReLU", params="relu_param")
def relu(
    e: Emitter, layer: Layer, x: Value, *, negative_slope: float = 0.0, upper_limit: float = 0.0
) -> Value:
    """max(x, 0) + negative_slope · min(x, 0); a fork's integer `upper_limit` clips it"""
    if not isfinite(upper_limit):
        raise UnsupportedLayerError(
            "its upper limit is no whole number", where=layer, received=upper_limit
        )
    limit = float(int(upper_limit))
    if not limit:
        return rectified(e, x, negative_slope)
    if negative_slope or limit < 0:
        return e.Min(rectified(e, x, negative_slope), limit)
    return e.Clip(x, 0.0, limit)


@layer("Insanity", params="insanity_param")
@layer("RReLU", params="rrelu_param")
def randomized_relu(
    e: Emitter, layer: Layer, x: Value, *, lb: float = 0.0, ub: float = 0.0
) -> Value:
    """max(x, 0) + min(x, 0) / ((ub - lb) / (ln |ub| - ln |lb|)), as in testing"""
    if not lb < ub or lb * ub == 0 or abs(lb) == abs(ub):
        raise UnsupportedLayerError(
            "its bounds define no slope",
            where=layer,
            expected="lb and ub in the text, lb < ub, neither 0, with different magnitudes",
            received=f"lb {lb:g}, ub {ub:g}",
        )
    return e.LeakyRelu(x, alpha=(log(abs(ub)) - log(abs(lb))) / (ub - lb))


@layer("GradientScaler", params="gradient_scaler_param")
def gradient_scaler(e: Emitter, layer: Layer, x: Value, **settings: object) -> Value:
    """x; it scales only gradients"""
    return x


@shape("PReLU")
def prelu_shapes(layer: Layer, x: Shape) -> LayerShapes:
    """x: n c *s  ->  the same; slope: c, or one number"""
    require(len(x) >= 2, layer, "PReLU needs 2 axes or more", "n c ...", text(x))
    shared = parameters(layer, "prelu_param").channel_shared
    return LayerShapes((x,), (() if shared else (x[1],),))


@layer("PReLU", params="prelu_param")
def prelu(e: Emitter, layer: Layer, x: Value, *, channel_shared: bool = False) -> Value:
    """max(x, 0) + slope · min(x, 0)    x: n c *s    slope: c, or one number"""
    slopes = 1 if channel_shared else x.fixed(1)
    slope = e.blob(0, (slopes, *[1] * (x.rank - 2)))
    return e.PRelu(x, e.weight(slope, "slope"))


@layer("ReLU6", params="relu6_param")
def relu6(
    e: Emitter, layer: Layer, x: Value, *, threshold: float = 6.0, negative_slope: float = 0.0
) -> Value:
    """min(max(x, 0) + negative_slope · min(x, 0), threshold)"""
    if negative_slope:
        return e.Min(e.LeakyRelu(x, alpha=negative_slope), threshold)
    return e.Clip(x, 0.0, threshold)


@layer("BReLU", params="brelu_param")
def bounded_relu(e: Emitter, layer: Layer, x: Value, *, minval: float, maxval: float) -> Value:
    """min(max(x, minval), maxval)"""
    return e.Clip(x, float(minval), float(maxval))


@layer("NegReLU", params="relu_param")
def negative_relu(e: Emitter, layer: Layer, x: Value, *, negative_slope: float = 0.0) -> Value:
    """min(x, 0) + negative_slope · max(x, 0)"""
    return e.Neg(rectified(e, e.Neg(x), negative_slope))


@layer("CReLU", params="crelu_param")
def concatenated_relu(
    e: Emitter, layer: Layer, x: Value, *, negative_slope: float = 0.0, concat_axis: int = 1
) -> Value:
    """relu(x) and relu(-x), concatenated along an axis"""
    both = e.Concat(x, e.Neg(x), axis=concat_axis % x.rank)
    return rectified(e, both, negative_slope)


@layer("HSigmoid")
def hard_sigmoid(e: Emitter, layer: Layer, x: Value) -> Value:
    """min(max(x + 3, 0), 6) / 6"""
    return e.HardSigmoid(x, alpha=1 / 6, beta=0.5)


@layer("HardSigmoid", params="hardsigmoid_param")
def hard_sigmoid_of(
    e: Emitter, layer: Layer, x: Value, *, alpha: float = 0.2, beta: float = 0.5
) -> Value:
    """min(max(alpha · x + beta, 0), 1)"""
    return e.HardSigmoid(x, alpha=alpha, beta=beta)


@layer("HardTanh")
def hard_tanh(e: Emitter, layer: Layer, x: Value) -> Value:
    """min(max(x, -1), 1)"""
    return e.Clip(x, -1.0, 1.0)


@layer("HSwish", "HardSwish")
def hard_swish(e: Emitter, layer: Layer, x: Value) -> Value:
    """x · min(max(x + 3, 0), 6) / 6"""
    return e.Mul(x, e.HardSigmoid(x, alpha=1 / 6, beta=0.5))


@layer("Mish")
def mish(e: Emitter, layer: Layer, x: Value) -> Value:
    """x · tanh(ln(1 + eˣ))"""
    return e.Mul(x, e.Tanh(e.Softplus(x)))  # an infinite Softplus is right here


@layer("ELU", params="elu_param")
def elu(e: Emitter, layer: Layer, x: Value, *, alpha: float = 1.0, **settings: float) -> Value:
    """x where x > 0, else alpha · (eˣ - 1); a fork's `lambda` multiplies the result"""
    factor = settings.get("lambda", 1.0)
    return e.Elu(x, alpha=alpha) if factor == 1 else e.Selu(x, alpha=alpha, gamma=factor)


@layer("Sigmoid", params="sigmoid_param")
def sigmoid(e: Emitter, layer: Layer, x: Value) -> Value:
    """1 / (1 + e⁻ˣ)"""
    return e.Sigmoid(x)


@layer("TanH", params="tanh_param")
def tanh(e: Emitter, layer: Layer, x: Value) -> Value:
    """tanh x"""
    return e.Tanh(x)


@layer("BNLL")
def bnll(e: Emitter, layer: Layer, x: Value) -> Value:
    """ln(1 + eˣ)"""
    # max(x, 0) + ln(1 + exp(-|x|)): many runtimes have an infinite Softplus from x = 89 on.
    return e.Add(e.Relu(x), e.Log(e.Add(e.Exp(e.Neg(e.Abs(x))), 1.0)))


@layer("Swish", params="swish_param")
def swish(e: Emitter, layer: Layer, x: Value, *, beta: float = 1.0) -> Value:
    """x · sigmoid(beta · x)"""
    return e.Mul(x, e.Sigmoid(x if beta == 1 else e.Mul(x, beta)))


@layer("Dropout", params="dropout_param")
def dropout(
    e: Emitter, layer: Layer, x: Value, *, dropout_ratio: float = 0.5, scale_train: bool = True
) -> Value:
    """x, in testing; (1 - ratio) · x if a fork does not scale in training (`scale_train`)"""
    if not scale_train:
        return e.Mul(x, 1 - dropout_ratio)
    return x if e.portable else e.Dropout(x, dropout_ratio)
