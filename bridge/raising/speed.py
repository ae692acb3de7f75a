"""`--target speed`: a plan that gives equal numbers sooner on a CPU, and is less natural.

A BatchNormalization behind a linear layer goes into that layer's weights, and a convolution in
groups becomes one convolution for each group. What a call is made of is computed when it is
written, so this costs nothing before.

(`graph.fold_bn` does the first to what Caffe nets are lowered to, for whoever wants it in ONNX;
here it is for any graph, and in the terms of the layers that Keras has.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np

from bridge.layout import Layout, Weight
from bridge.raising.building.recorder import Recorder
from bridge.raising.names import decode
from bridge.raising.plan import Call, Plan, Ref

Array = Any  # a numpy array, or a Traced one that writes down what is done to it


def faster(plan: Plan) -> Plan:
    """The same function in calls that TensorFlow carries out faster on a CPU.

    A value between a linear layer and its normalisation is no tensor any more, and a model that
    is trained further has no normalisation there.
    """
    return split_groups(fold_norms(plan))


# ---- normalisations --------------------------------------------------------------------------


def _along_last(scale: Array, kernel: Sequence[int]) -> Array:
    """kernel: ... o"""
    return scale


def _along_last_two(scale: Array, kernel: Sequence[int]) -> Array:
    """kernel: *k i m, where the outputs are (i m)"""
    return scale.reshape(tuple(kernel[-2:]))


def _along_last_but_one(scale: Array, kernel: Sequence[int]) -> Array:
    """kernel: *k o i"""
    return scale.reshape((-1, 1))


# For each linear layer its kernel's name, and how a factor for each output goes along it.
_LINEAR: Mapping[str, tuple[str, Callable[[Array, Sequence[int]], Array]]] = {
    "layers.Dense": ("kernel", _along_last),
    **{f"layers.Conv{n}D": ("kernel", _along_last) for n in (1, 2, 3)},
    **{f"layers.DepthwiseConv{n}D": ("depthwise", _along_last_two) for n in (1, 2)},
    **{f"layers.Conv{n}DTranspose": ("kernel", _along_last_but_one) for n in (1, 2, 3)},
}


def fold_norms(plan: Plan) -> Plan:
    """Every BatchNormalization goes into the linear layer whose result it alone reads.

    γ · (W x + b - μ) / σ + β  =  (s W) x + s (b - μ) + β        with s = γ / σ, σ = √(var + ε)
    """
    readers = Counter(ref.call for ref in _read(plan))
    shared = _shared(plan)
    alone = [call for call in plan.calls if call.id not in shared]
    linear = {call.id: call for call in alone if call.target in _LINEAR}
    last_axes = {s.ref.call: len(s.layout.stored_shape) - 1 for s in plan.values.values()}
    folded: dict[int, Call] = {}
    for norm in alone:
        if norm.target != "layers.BatchNormalization":
            continue
        before = linear.get(norm.arguments[0].call)
        if before is None or readers[before.id] > 1:
            continue
        if norm.options["axis"] == last_axes.get(before.id):
            folded[before.id] = _folded(before, norm)
    in_place = {call.id: call for call in folded.values()}
    return replace(
        plan,
        calls=tuple(in_place.get(call.id, call) for call in plan.calls if call.id not in folded),
        values={name: at for name, at in plan.values.items() if at.ref.call not in folded},
    )


def _shared(plan: Plan) -> set[int]:
    """The calls of layers that are applied more than once, and stay as they are."""
    again = {call.id: call.again for call in plan.calls if call.again is not None}
    return {*again, *again.values()}


def _read(plan: Plan) -> Iterator[Ref]:
    """Whatever a call reads or the model gives out, as often as it does."""
    pending: list[Any] = [call.arguments for call in plan.calls]
    while pending:
        each = pending.pop()
        if isinstance(each, Ref):
            yield each
        elif isinstance(each, (list, tuple)):
            pending.extend(each)
    yield from (plan.values[name].ref for name in plan.outputs)


def _folded(linear: Call, norm: Call) -> Call:
    """The linear layer under its name, giving what the normalisation gave."""
    role, along = _LINEAR[linear.target]
    kernel, bias = linear.weights[role], linear.weights.get("bias")
    epsilon = norm.options["epsilon"]
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    gamma, beta, mean, variance = (norm.weights[name] for name in names)

    def scaled(w: Array, gamma: Array, variance: Array) -> Array:
        return w * along(gamma / np.sqrt(variance + epsilon), kernel.stored_shape)

    def shifted(gamma: Array, beta: Array, mean: Array, variance: Array, *bias: Array) -> Array:
        return gamma / np.sqrt(variance + epsilon) * (sum(bias) - mean) + beta

    biases = () if bias is None else (bias,)
    weights = {
        role: _made(scaled, kernel.stored_shape, kernel, gamma, variance),
        "bias": _made(shifted, gamma.stored_shape, gamma, beta, mean, variance, *biases),
    }
    options = {**linear.options, "use_bias": True}
    return replace(linear, id=norm.id, options=options, weights={**linear.weights, **weights})


def _made(read: Callable[..., Array], shape: tuple[int, ...], *sources: Weight) -> Weight:
    """A weight that is computed of the stores of others."""
    return Weight(read, shape, Layout.identity(shape), sources)


# ---- groups ----------------------------------------------------------------------------------


def split_groups(plan: Plan) -> Plan:
    """A convolution in groups becomes a convolution for each, laid together.

    TensorFlow carries one in groups out slower on a CPU, the more so the more groups there are.
    """
    names, ids = Recorder(), count(1 + max((call.id for call in plan.calls), default=0))
    for name in (*(each.name for each in plan.inputs), *(call.name for call in plan.calls)):
        names.unique(decode(name))
    shared, calls = _shared(plan), list[Call]()
    for call in plan.calls:
        if call.id not in shared and "groups" in call.options and _is_convolution(call):
            calls.extend(_in_parts(call, names, ids))
        else:
            calls.append(call)
    return replace(plan, calls=tuple(calls))


def _is_convolution(call: Call) -> bool:
    return call.target.startswith("layers.Conv")


def _in_parts(call: Call, names: Recorder, ids: Iterator[int]) -> Iterator[Call]:
    """x is split along its channels, and each part meets its outputs' share of the weights."""
    name = decode(call.name)
    options = dict(call.options)
    groups = options.pop("groups")
    options["filters"] //= groups
    split = Call(
        next(ids),
        names.unique(f"{name}/split"),
        "ops.split",
        call.arguments,
        {"indices_or_sections": groups, "axis": -1},
    )
    yield split
    parts = []
    for group in range(groups):
        weights = {role: _share(weight, group, groups) for role, weight in call.weights.items()}
        part = Call(
            next(ids),
            names.unique(f"{name}/group{group}"),
            call.target,
            (Ref(split.id, group),),
            options,
            weights,
        )
        yield part
        parts.append(Ref(part.id))
    yield Call(call.id, call.name, "layers.Concatenate", (parts,), {"axis": -1})


def _share(weight: Weight, group: int, groups: int) -> Weight:
    """A group's outputs, which are the last axis of kernel and bias."""
    *others, outputs = weight.stored_shape
    size = outputs // groups
    cut = (*(slice(None) for _ in others), slice(group * size, (group + 1) * size))
    return _made(lambda w: w[cut], (*others, size), weight)
