"""Pointwise functions of one tensor, and those along one axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from onnx.helper import tensor_dtype_to_np_dtype

from bridge.errors import UnsupportedError
from bridge.layout import Layout
from bridge.raising.orders import channels_last
from bridge.raising.plan import Ref
from bridge.raising.recorder import Recorder
from bridge.raising.table import Node, Operand, Step, raises


def pointwise(x: Operand, target: str, options: Mapping[str, Any] | None = None) -> Step:
    """Any order in, the same order out."""
    group, kind = target.split(".")

    def build(k: Recorder, x: Ref) -> Ref:
        call = k.layer if group == "layers" else k.op
        return call(kind, x, **(options or {}))

    return Step((x.layout,), (x.layout,), build)


# ONNX operators without attributes that are one Keras call, whatever the order.
POINTWISE: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "Relu": ("layers.ReLU", {}),
    "Sigmoid": ("layers.Activation", {"activation": "sigmoid"}),
    "Tanh": ("layers.Activation", {"activation": "tanh"}),
    "Softplus": ("layers.Activation", {"activation": "softplus"}),
    "Softsign": ("layers.Activation", {"activation": "softsign"}),
    "Abs": ("ops.absolute", {}),
    "Ceil": ("ops.ceil", {}),
    "Cos": ("ops.cos", {}),
    "Erf": ("ops.erf", {}),
    "Exp": ("ops.exp", {}),
    "Floor": ("ops.floor", {}),
    "Log": ("ops.log", {}),
    "Neg": ("ops.negative", {}),
    "Not": ("ops.logical_not", {}),
    "Reciprocal": ("ops.reciprocal", {}),
    "Round": ("ops.round", {}),
    "Sign": ("ops.sign", {}),
    "Sin": ("ops.sin", {}),
    "Sqrt": ("ops.sqrt", {}),
}


def _register(operator: str, target: str, options: Mapping[str, Any]) -> None:
    def rule(node: Node, x: Operand) -> Step:
        return pointwise(x, target, options)

    rule.__doc__ = f"Element by element: {options.get('activation', target.split('.')[1])}."
    raises(operator)(rule)


for _operator, (_target, _options) in POINTWISE.items():
    _register(_operator, _target, _options)


@raises("Cast")
def cast(node: Node, x: Operand, *, to: int, saturate: int = 1) -> Step:
    """x in another dtype                                        (onnx.ai/onnx/operators, Cast)"""
    return pointwise(x, "ops.cast", {"dtype": tensor_dtype_to_np_dtype(to).name})


@raises("Clip", since=11)
def clip(node: Node, x: Operand, low: Operand | None = None, high: Operand | None = None) -> Step:
    """x, not below low and not above high; a ReLU layer where low is 0

    (onnx.ai/onnx/operators, Clip)
    """
    ends = [None if each is None else float(each.array()) for each in (low, high)]
    step = clipped(x, *ends)
    absent = (None,) * sum(each is not None for each in (low, high))
    return Step((*step.want, *absent), step.out, step.build)


@raises("Clip", since=6)
def clip_by_attributes(
    node: Node, x: Operand, *, min: float | None = None, max: float | None = None
) -> Step:
    """The same, as it was before opset 11."""
    return clipped(x, min, max)


def clipped(x: Operand, low: float | None, high: float | None) -> Step:
    """One end or both; Keras's own ReLU where the lower end is 0."""
    if low == 0.0:
        return pointwise(x, "layers.ReLU", {} if high is None else {"max_value": high})
    if low is None and high is None:
        return Step((x.layout,), (x.layout,), lambda _, x: x)
    if high is None:
        return Step((x.layout,), (x.layout,), lambda k, x: k.op("maximum", x, low))
    if low is None:
        return Step((x.layout,), (x.layout,), lambda k, x: k.op("minimum", x, high))
    return pointwise(x, "ops.clip", {"x_min": low, "x_max": high})


@raises("LeakyRelu")
def leaky_relu(node: Node, x: Operand, *, alpha: float = 0.01) -> Step:
    """y = x where x > 0, else alpha·x                     (onnx.ai/onnx/operators, LeakyRelu)"""
    return pointwise(x, "layers.LeakyReLU", {"negative_slope": alpha})


@raises("Elu")
def elu(node: Node, x: Operand, *, alpha: float = 1.0) -> Step:
    """y = x where x > 0, else alpha·(exp(x) - 1)                (onnx.ai/onnx/operators, Elu)"""
    return pointwise(x, "layers.ELU", {"alpha": alpha})


@raises("Softmax", since=13)
def softmax(node: Node, x: Operand, *, axis: int = -1) -> Step:
    """exp(x) over its sum along one axis, at any rank       (onnx.ai/onnx/operators, Softmax)"""
    axis %= x.rank
    want = x.layout
    if want.where(axis) is None:
        want = channels_last(x) if x.rank > 2 else Layout.plain(x.shape)
    place = want.where(axis)

    def build(k: Recorder, x: Ref) -> Ref:
        if node.shape[axis] == 1:  # Keras's layer gives the same, and a warning at each call
            return k.op("exp", k.op("subtract", x, x))
        return k.layer("Softmax", x, axis=place)

    return Step((want,), (want,), build)


@raises("Softmax")
def softmax_flattened(node: Node, x: Operand, *, axis: int = 1) -> Step | Sequence[Step]:
    """Before opset 13 all axes from `axis` on were one; the same where no axis follows."""
    if axis % x.rank != x.rank - 1:
        raise UnsupportedError(
            "Softmax of an opset below 13 over several axes at once",
            hint="convert the graph to opset 13 or newer",
        )
    return softmax(node, x, axis=axis)


@raises("Dropout")
def dropout(
    node: Node,
    x: Operand,
    ratio_input: Operand | None = None,
    training: Operand | None = None,
    *,
    ratio: float = 0.5,
    seed: int = 0,
) -> Step:
    """Identity at inference; a Dropout layer, which acts when the model is trained.

    (onnx.ai/onnx/operators, Dropout)
    """
    rate = ratio if ratio_input is None else float(ratio_input.array())
    if len(node.shapes) > 1:
        raise UnsupportedError("the mask output of Dropout")

    def build(k: Recorder, x: Ref) -> Ref:
        return k.layer("Dropout", x, rate=rate)

    return Step((x.layout,), (x.layout,), build)
