"""Activations, as layers, as functions, and by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bridge.layout import Weight
from bridge.tflite.building import axis_of, permuted, refuse_axes
from bridge.tflite.emitters.elementwise import binary, unary
from bridge.tflite.graph import Graph, NotWrittenError, Tensor
from bridge.tflite.table import writes

_SIX = 6.0
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805  # Keras's own


def relu(g: Graph, x: Tensor) -> Tensor:
    return unary(g, "RELU", x)


def sigmoid(g: Graph, x: Tensor) -> Tensor:
    return unary(g, "LOGISTIC", x)


def tanh(g: Graph, x: Tensor) -> Tensor:
    return unary(g, "TANH", x)


def softplus(g: Graph, x: Tensor) -> Tensor:
    """max(x, 0) + log(1 + e^-|x|), which overflows nowhere."""
    small = unary(g, "EXP", unary(g, "NEG", unary(g, "ABS", x)))
    return binary(g, "ADD", relu(g, x), unary(g, "LOG", binary(g, "ADD", small, 1.0)))


def softsign(g: Graph, x: Tensor) -> Tensor:
    return binary(g, "DIV", x, binary(g, "ADD", unary(g, "ABS", x), 1.0))


def silu(g: Graph, x: Tensor) -> Tensor:
    return binary(g, "MUL", x, sigmoid(g, x))


def selu(g: Graph, x: Tensor) -> Tensor:
    return binary(g, "MUL", elu(g, x, _SELU_ALPHA), _SELU_SCALE)


def mish(g: Graph, x: Tensor) -> Tensor:
    return binary(g, "MUL", x, tanh(g, softplus(g, x)))


def hard_sigmoid(g: Graph, x: Tensor) -> Tensor:
    return binary(g, "MUL", unary(g, "RELU6", binary(g, "ADD", x, 3.0)), 1 / _SIX)


def hard_silu(g: Graph, x: Tensor) -> Tensor:
    return unary(g, "HARD_SWISH", x)


@writes("ops.gelu")
def gelu(g: Graph, x: Tensor, approximate: bool = True) -> Tensor:
    if x.dtype != "float32":
        raise NotWrittenError(f"GELU of {x.dtype}")
    return g.op("GELU", x, shape=x.shape, approximate=approximate)


_BY_NAME: Mapping[str, Callable[[Graph, Tensor], Tensor]] = {
    "elu": lambda g, x: unary(g, "ELU", x),
    "gelu": lambda g, x: gelu(g, x, approximate=False),
    "exponential": lambda g, x: unary(g, "EXP", x),
    "hard_sigmoid": hard_sigmoid,
    "hard_silu": hard_silu,
    "hard_swish": hard_silu,
    "linear": lambda _, x: x,
    "mish": mish,
    "relu": relu,
    "relu6": lambda g, x: unary(g, "RELU6", x),
    "selu": selu,
    "sigmoid": sigmoid,
    "silu": silu,
    "softplus": softplus,
    "softsign": softsign,
    "swish": silu,
    "tanh": tanh,
}
_FUNCTIONS = "hard_sigmoid hard_silu relu relu6 selu sigmoid silu softplus softsign tanh"
for _name in _FUNCTIONS.split():
    writes(f"ops.{_name}")(_BY_NAME[_name])


@writes("layers.Activation")
def activation(g: Graph, x: Tensor, *, activation: Any) -> Tensor:
    named = _BY_NAME.get(activation) if isinstance(activation, str) else None
    if named is None:
        raise NotWrittenError(f"the activation {activation!r}")
    return named(g, x)


@writes("layers.ReLU")
def relu_layer(g: Graph, x: Tensor, *, max_value: float | None = None) -> Tensor:
    if max_value == _SIX:
        return unary(g, "RELU6", x)
    positive = relu(g, x)
    return positive if max_value is None else binary(g, "MINIMUM", positive, max_value)


@writes("layers.LeakyReLU")
def leaky_relu(g: Graph, x: Tensor, *, negative_slope: float = 0.3) -> Tensor:
    return _leaky(g, x, negative_slope)


@writes("ops.leaky_relu")
def leaky_relu_function(g: Graph, x: Tensor, negative_slope: float = 0.2) -> Tensor:
    return _leaky(g, x, negative_slope)


def _leaky(g: Graph, x: Tensor, slope: float) -> Tensor:
    if x.dtype != "float32":
        raise NotWrittenError(f"LEAKY_RELU of {x.dtype}")
    return g.op("LEAKY_RELU", x, shape=x.shape, alpha=slope)


@writes("layers.ELU", "ops.elu")
def elu(g: Graph, x: Tensor, alpha: float = 1.0) -> Tensor:
    """LiteRT's own has an alpha of 1: below 0 it is e^x - 1."""
    if alpha == 1.0:
        return unary(g, "ELU", x)
    negative = unary(g, "ELU", binary(g, "MINIMUM", x, 0.0))
    return binary(g, "ADD", relu(g, x), binary(g, "MUL", negative, alpha))


@writes("layers.PReLU", implied="shared_axes")
def prelu(g: Graph, x: Tensor, *, alpha: Weight) -> Tensor:
    """Of the shared axes the weight has size 1, as LiteRT broadcasts it."""
    refuse_axes(x, 4)
    return g.op("PRELU", x, g.weight("alpha", alpha), shape=x.shape)


@writes("layers.Softmax", "ops.softmax")
def softmax(g: Graph, x: Tensor, axis: int = -1) -> Tensor:
    return _along_last(g, "SOFTMAX", x, axis, beta=1.0)


@writes("ops.log_softmax")
def log_softmax(g: Graph, x: Tensor, axis: int = -1) -> Tensor:
    return _along_last(g, "LOG_SOFTMAX", x, axis)


def _along_last(g: Graph, code: str, x: Tensor, axis: int, **options: Any) -> Tensor:
    """LiteRT's own are along the last axis."""
    if not isinstance(axis, int):
        raise NotWrittenError("a softmax along several axes")
    if x.dtype != "float32":
        raise NotWrittenError(f"{code} of {x.dtype}")
    last = [*range(x.rank)]
    last.append(last.pop(axis_of(axis, x.rank)))
    moved = permuted(g, x, last)
    result = g.op(code, moved, shape=moved.shape, version=1, **options)
    return permuted(g, result, [last.index(axis) for axis in range(x.rank)])
