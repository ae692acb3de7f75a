"""Elementwise functions of one tensor, and functions along one axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any

import numpy as np
from onnx import TensorProto
from onnx.helper import tensor_dtype_to_np_dtype

from bridge.errors import UnsupportedError
from bridge.layout import Layout, product
from bridge.raising.building.candidates import channels_last, with_identity_axes
from bridge.raising.building.recorder import Recorder
from bridge.raising.plan import Ref
from bridge.raising.search.permuting import reshape
from bridge.raising.table import Candidate, Node, Operand, raises

MAX_SOFTMAX_RANK = 5  # of TensorFlow's on the CPU
SELU_ALPHA, SELU_GAMMA = 1.6732632423543772, 1.0507009873554805


def pointwise(x: Operand, target: str, options: Mapping[str, Any] | None = None) -> Candidate:
    """One Keras call, in any layout, which the output keeps."""
    group, kind = target.split(".")

    def build(k: Recorder, x: Ref) -> Ref:
        call = k.layer if group == "layers" else k.op
        return call(kind, x, **(options or {}))

    return Candidate((x.layout,), (x.layout,), build)


# ONNX operators without attributes that are one Keras call in any layout.
POINTWISE: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "Relu": ("layers.ReLU", {}),
    "Sigmoid": ("layers.Activation", {"activation": "sigmoid"}),
    "Tanh": ("layers.Activation", {"activation": "tanh"}),
    "Softplus": ("layers.Activation", {"activation": "softplus"}),
    "Softsign": ("layers.Activation", {"activation": "softsign"}),
    "HardSwish": ("layers.Activation", {"activation": "hard_silu"}),
    "Mish": ("layers.Activation", {"activation": "mish"}),
    "Abs": ("ops.absolute", {}),
    "Acos": ("ops.arccos", {}),
    "Acosh": ("ops.arccosh", {}),
    "Asin": ("ops.arcsin", {}),
    "Asinh": ("ops.arcsinh", {}),
    "Atan": ("ops.arctan", {}),
    "Atanh": ("ops.arctanh", {}),
    "Ceil": ("ops.ceil", {}),
    "Cos": ("ops.cos", {}),
    "Cosh": ("ops.cosh", {}),
    "Erf": ("ops.erf", {}),
    "Exp": ("ops.exp", {}),
    "Floor": ("ops.floor", {}),
    "IsNaN": ("ops.isnan", {}),
    "Log": ("ops.log", {}),
    "Neg": ("ops.negative", {}),
    "Not": ("ops.logical_not", {}),
    "BitwiseNot": ("ops.bitwise_invert", {}),
    "Reciprocal": ("ops.reciprocal", {}),
    "Round": ("ops.round", {}),
    "Sign": ("ops.sign", {}),
    "Sin": ("ops.sin", {}),
    "Sinh": ("ops.sinh", {}),
    "Sqrt": ("ops.sqrt", {}),
    "Tan": ("ops.tan", {}),
}


def _register(operator: str, target: str, options: Mapping[str, Any]) -> None:
    def rule(node: Node, x: Operand) -> Candidate:
        return pointwise(x, target, options)

    function = options.get("activation", target.split(".")[1])
    rule.__doc__ = f"Elementwise {function}\n\n(onnx.ai/onnx/operators, {operator})"
    raises(operator)(rule)


for _operator, (_target, _options) in POINTWISE.items():
    _register(_operator, _target, _options)


_FLOATS = ("FLOAT", "FLOAT16", "BFLOAT16", "DOUBLE")
_WHOLE = ("BOOL", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32")
# The dtypes that all backends of Keras compute with.
_NUMBERS = frozenset(map(TensorProto.DataType.Value, (*_FLOATS, *_WHOLE)))


@raises("Cast")
def cast(node: Node, x: Operand, *, to: int, saturate: int = 1) -> Candidate:
    """x in another dtype                                        (onnx.ai/onnx/operators, Cast)"""
    if to not in _NUMBERS:
        raise UnsupportedError("a dtype that Keras does not have", received=_dtype_name(to))
    return pointwise(x, "ops.cast", {"dtype": tensor_dtype_to_np_dtype(to).name})


@raises("BitCast", since=26)
def bit_cast(node: Node, x: Operand, *, to: int) -> Candidate:
    """The bits of x, read as another dtype of as many       (onnx.ai/onnx/operators, BitCast)"""
    dtype = tensor_dtype_to_np_dtype(to) if to in _NUMBERS or to == TensorProto.UINT64 else None
    if dtype is None:
        raise UnsupportedError("a dtype that Keras does not have", received=_dtype_name(to))
    if "bool" in (x.dtype, dtype.name):  # of one bit by value: TensorFlow's bitcast refuses them
        return pointwise(x, "ops.cast", {"dtype": dtype.name})
    return pointwise(x, "ops.view", {"dtype": dtype.name})


@raises("CastLike")
def cast_like(
    node: Node, x: Operand, like: Operand, *, saturate: int = 1, round_mode: str = "up"
) -> Candidate:
    """x in the dtype of another tensor                     (onnx.ai/onnx/operators, CastLike)"""
    if like.dtype not in {tensor_dtype_to_np_dtype(number).name for number in _NUMBERS}:
        raise UnsupportedError("a dtype that Keras does not have", received=like.dtype)
    candidate = pointwise(x, "ops.cast", {"dtype": like.dtype})
    return replace(candidate, input_layouts=(*candidate.input_layouts, None))


def _dtype_name(dtype: int) -> str:
    names: Mapping[int, str] = {number: name for name, number in TensorProto.DataType.items()}
    return names.get(dtype, f"number {dtype}")


@raises("Clip", since=11)
def clip(
    node: Node, x: Operand, low: Operand | None = None, high: Operand | None = None
) -> Candidate:
    """x, limited to at least low and at most high; a ReLU layer if low is 0

    (onnx.ai/onnx/operators, Clip)
    """
    limits = [None if limit is None else _number(limit) for limit in (low, high)]
    candidate = clipped(x, *limits)
    constants = (None,) * sum(limit is not None for limit in (low, high))
    return replace(candidate, input_layouts=(*candidate.input_layouts, *constants))


def _number(operand: Operand) -> float:
    if operand.is_constant and prod(operand.weight().shape) != 1:
        raise UnsupportedError(f"'{operand.name}' is not a single number", received=operand.shape)
    number: float = operand.array().item()
    return number


def clipped(x: Operand, low: float | None, high: float | None) -> Candidate:
    """One limit or both; Keras's ReLU if the lower one is 0. If low > high, all becomes high."""
    if low is not None and high is not None and low > high:
        return Candidate((x.layout,), (x.layout,), partial(_crossed, low=low, high=high))
    if low == 0 and "int" not in x.dtype:
        return pointwise(x, "layers.ReLU", {} if high is None else {"max_value": high})
    if low is None and high is None:
        return Candidate((x.layout,), (x.layout,), lambda _, x: x)
    if high is None:
        return Candidate((x.layout,), (x.layout,), lambda k, x: k.op("maximum", x, low))
    if low is None:
        return Candidate((x.layout,), (x.layout,), lambda k, x: k.op("minimum", x, high))
    return pointwise(x, "ops.clip", {"x_min": low, "x_max": high})


def _crossed(k: Recorder, x: Ref, low: float, high: float) -> Ref:
    return k.op("minimum", k.op("maximum", x, low), high)


@raises("LeakyRelu")
def leaky_relu(node: Node, x: Operand, *, alpha: float = 0.01) -> Candidate:
    """y = x where x > 0, else alpha·x                     (onnx.ai/onnx/operators, LeakyRelu)

    Unlike Caffe's ReLU, Keras's layer does not allow a negative slope.
    """
    if alpha >= 0:
        return pointwise(x, "layers.LeakyReLU", {"negative_slope": alpha})

    def build(k: Recorder, x: Ref) -> Ref:
        return k.op("where", k.op("greater", x, 0.0), x, k.op("multiply", x, alpha))

    return Candidate((x.layout,), (x.layout,), build)


@raises("Elu")
def elu(node: Node, x: Operand, *, alpha: float = 1.0) -> Candidate:
    """y = x where x > 0, else alpha·(exp(x) - 1)                (onnx.ai/onnx/operators, Elu)"""
    return pointwise(x, "layers.ELU", {"alpha": alpha})


@raises("Celu")
def celu(node: Node, x: Operand, *, alpha: float = 1.0) -> Candidate:
    """y = x where x > 0, else alpha·(exp(x/alpha) - 1)         (onnx.ai/onnx/operators, Celu)"""
    return pointwise(x, "ops.celu", {"alpha": alpha})


@raises("Selu")
def selu(
    node: Node, x: Operand, *, alpha: float = SELU_ALPHA, gamma: float = SELU_GAMMA
) -> Candidate:
    """y = gamma·x where x > 0, else gamma·alpha·(exp(x) - 1)   (onnx.ai/onnx/operators, Selu)"""
    if (np.float32(alpha), np.float32(gamma)) == (np.float32(SELU_ALPHA), np.float32(SELU_GAMMA)):
        return pointwise(x, "layers.Activation", {"activation": "selu"})

    def build(k: Recorder, x: Ref) -> Ref:
        return k.op("multiply", k.layer("ELU", x, alpha=alpha), gamma)

    return Candidate((x.layout,), (x.layout,), build)


@raises("ThresholdedRelu")
def thresholded_relu(node: Node, x: Operand, *, alpha: float = 1.0) -> Candidate:
    """y = x where x > alpha, else 0                 (onnx.ai/onnx/operators, ThresholdedRelu)"""
    return pointwise(x, "ops.threshold", {"threshold": alpha, "default_value": 0.0})


@raises("Shrink")
def shrink(node: Node, x: Operand, *, bias: float = 0.0, lambd: float = 0.5) -> Candidate:
    """y = x + bias where x < -lambd, x - bias where x > lambd, else 0

    (onnx.ai/onnx/operators, Shrink)

    Keras's own have a bias of 0, or of lambd.
    """
    if "float" not in x.dtype:
        raise UnsupportedError("Shrink of integers", expected="floats", received=x.dtype)
    if bias == 0:
        return pointwise(x, "ops.hard_shrink", {"threshold": lambd})
    if bias == lambd > 0:
        return pointwise(x, "ops.soft_shrink", {"threshold": lambd})

    def build(k: Recorder, x: Ref) -> Ref:
        above = k.op("where", k.op("greater", x, lambd), k.op("subtract", x, bias), 0.0)
        return k.op("where", k.op("less", x, -lambd), k.op("add", x, bias), above)

    return Candidate((x.layout,), (x.layout,), build)


@raises("HardSigmoid")
def hard_sigmoid(node: Node, x: Operand, *, alpha: float = 0.2, beta: float = 0.5) -> Candidate:
    """y = alpha·x + beta, limited to 0 … 1; Keras's own has alpha 1/6 and beta 1/2

    (onnx.ai/onnx/operators, HardSigmoid)
    """
    if (np.float32(alpha), beta) == (np.float32(1 / 6), 0.5):
        return pointwise(x, "layers.Activation", {"activation": "hard_sigmoid"})

    def build(k: Recorder, x: Ref) -> Ref:
        return k.op("clip", k.op("add", k.op("multiply", x, alpha), beta), x_min=0.0, x_max=1.0)

    return Candidate((x.layout,), (x.layout,), build)


@raises("Gelu")
def gelu(node: Node, x: Operand, *, approximate: str = "none") -> Candidate:
    """x · Φ(x), or its approximation by a tanh                  (onnx.ai/onnx/operators, Gelu)"""
    return pointwise(x, "ops.gelu", {"approximate": approximate == "tanh"})


@raises("Swish")
def swish(node: Node, x: Operand, *, alpha: float = 1.0) -> Candidate:
    """x · sigmoid(alpha·x); Keras's own has an alpha of 1     (onnx.ai/onnx/operators, Swish)"""
    if alpha == 1:
        return pointwise(x, "layers.Activation", {"activation": "silu"})

    def build(k: Recorder, x: Ref) -> Ref:
        return k.op("multiply", x, k.op("sigmoid", k.op("multiply", x, alpha)))

    return Candidate((x.layout,), (x.layout,), build)


@raises("IsInf")
def is_inf(
    node: Node, x: Operand, *, detect_negative: int = 1, detect_positive: int = 1
) -> Candidate:
    """Whether x is an infinity of one of the given signs        (onnx.ai/onnx/operators, IsInf)"""
    functions = {(1, 1): "isinf", (1, 0): "isneginf", (0, 1): "isposinf"}
    if (detect_negative, detect_positive) not in functions:
        raise UnsupportedError("IsInf that detects no infinity")
    return pointwise(x, f"ops.{functions[detect_negative, detect_positive]}")


@raises("LogSoftmax", since=13)
def log_softmax(node: Node, x: Operand, *, axis: int = -1) -> Candidate:
    """x minus the logarithm of the sum of exp(x) along one axis

    (onnx.ai/onnx/operators, LogSoftmax)
    """
    layout = _with_own_axis(x, axis % x.rank)
    stored_axis = layout.where(axis % x.rank)
    return Candidate((layout,), (layout,), lambda k, x: k.op("log_softmax", x, axis=stored_axis))


def _with_own_axis(x: Operand, axis: int) -> Layout:
    """A layout with a stored axis for this axis alone: that of x, if it has one."""
    if x.layout.where(axis) is not None:
        return x.layout
    return channels_last(x) if x.rank > 2 else Layout.identity(x.shape)


@raises("Softmax", since=13)
def softmax(node: Node, x: Operand, *, axis: int = -1) -> Candidate:
    """exp(x) over its sum along one axis                    (onnx.ai/onnx/operators, Softmax)"""
    axis %= x.rank
    layout = _with_own_axis(x, axis)
    shape, stored_axis = layout.stored_shape, layout.where(axis) or 0

    def build(k: Recorder, x: Ref) -> Ref:
        if node.shape[axis] == 1:  # Keras's layer gives the same, and a warning at each call
            return k.op("exp", k.op("subtract", x, x))
        if len(shape) <= MAX_SOFTMAX_RANK:
            return k.layer("Softmax", x, axis=stored_axis)
        outer, inner = product(shape[:stored_axis]), product(shape[stored_axis + 1 :])
        merged = (outer, shape[stored_axis], inner)
        y = k.layer("Softmax", reshape(k, x, shape, merged), axis=1)
        return reshape(k, y, merged, shape)

    return Candidate((layout,), (layout,), build)


@raises("Softmax")
def softmax_flattened(node: Node, x: Operand, *, axis: int = 1) -> Candidate | Sequence[Candidate]:
    """The same if `axis` is the last: before opset 13, all axes from it on were one

    (onnx.ai/onnx/operators, Softmax)
    """
    if axis % x.rank != x.rank - 1:
        raise UnsupportedError(
            "Softmax of an opset below 13 over several axes at once",
            hint="convert the graph to opset 13 or newer",
        )
    return softmax(node, x, axis=axis)


@raises("Hardmax", since=13)
def hardmax(node: Node, x: Operand, *, axis: int = -1) -> Candidate:
    """1 at the first of the largest elements along one axis, else 0

    (onnx.ai/onnx/operators, Hardmax)
    """
    axis %= x.rank
    layout = with_identity_axes(x, [axis])
    stored_axis, size = layout.where(axis) or 0, x.shape[axis]
    if not isinstance(size, int):
        raise UnsupportedError("Hardmax along an axis of unknown size")
    # Of a new last axis Keras (3.15) takes no other number.
    new_axis = -1 if stored_axis == len(layout.stored) - 1 else stored_axis

    def build(k: Recorder, ref: Ref) -> Ref:
        first = k.op("argmax", ref, axis=stored_axis)
        return k.op("one_hot", first, num_classes=size, axis=new_axis, dtype=x.dtype)

    return Candidate((layout,), (layout,), build)


@raises("Dropout", since=10)
def dropout(
    node: Node,
    x: Operand,
    ratio_input: Operand | None = None,
    training: Operand | None = None,
    *,
    ratio: float = 0.5,
    seed: int = 0,
) -> Candidate:
    """The identity at inference; a Dropout layer, which acts when the model is trained. The mask
    says that nothing is dropped.

    (onnx.ai/onnx/operators, Dropout)
    """
    if ratio_input is not None:
        ratio = float(ratio_input.array()) if ratio_input.is_constant else 0.5
    if not 0 <= ratio <= 1:
        raise UnsupportedError(
            "an impossible dropout ratio", expected="0 to 1", received=f"ratio {ratio}"
        )
    known_ratio = ratio_input is None or ratio_input.is_constant
    if training is not None and bool(training.array()) and (ratio or not known_ratio):
        raise UnsupportedError(
            "Dropout in training mode, whose results are random",
            hint="export the net for inference, in PyTorch after model.eval()",
        )

    def build(k: Recorder, x: Ref) -> Ref | tuple[Ref, ...]:
        y = k.layer("Dropout", x, rate=ratio)
        return (y, k.op("ones_like", x, dtype="bool")) if node.has_output(1) else y

    return Candidate((x.layout,), (x.layout,) * len(node.shapes), build)


@raises("Dropout")
def dropout_with_a_numeric_mask(
    node: Node, x: Operand, *, ratio: float = 0.5
) -> Candidate | Sequence[Candidate]:
    """The same; before opset 10 the mask was of the dtype of x

    (onnx.ai/onnx/operators, Dropout)
    """
    if node.has_output(1):
        raise UnsupportedError("the mask output of a Dropout of an opset below 10")
    return dropout(node, x, ratio=ratio)
