"""`--target speed`: an equivalent plan that runs faster on a CPU, and is less natural to read.

A BatchNormalization after a linear layer is folded into that layer's weights, a convolution pads
itself where it can, and a grouped one becomes one convolution per group. Weights are lazy, so this
costs nothing until they are written.

(`lower.fold_bn` folds the normalisations of lowered Caffe nets, for those who want that in ONNX;
this works for any graph, on Keras's layers.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count

import numpy as np

from bridge.graph.batch_norm import BatchNorm
from bridge.layout import Weight
from bridge.raising.building.padding import same_pads
from bridge.raising.building.recorder import Recorder
from bridge.raising.names import decode
from bridge.raising.plan import Call, Plan, Ref, Size, refs_in
from bridge.types import Array


def faster(plan: Plan) -> Plan:
    """The same function, in calls that TensorFlow runs faster on a CPU.

    There is no tensor any more for a value between a linear layer and its normalisation, and a
    model that is trained further has no normalisation there.
    """
    return split_groups(pad_within(fold_norms(plan)))


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


# For each linear layer the name of its kernel, and how one factor per output broadcasts to it.
_LINEAR: Mapping[str, tuple[str, Callable[[Array, Sequence[int]], Array]]] = {
    "layers.Dense": ("kernel", _along_last),
    **{f"layers.Conv{n}D": ("kernel", _along_last) for n in (1, 2, 3)},
    **{f"layers.DepthwiseConv{n}D": ("depthwise", _along_last_two) for n in (1, 2)},
    **{f"layers.Conv{n}DTranspose": ("kernel", _along_last_but_one) for n in (1, 2, 3)},
}


def fold_norms(plan: Plan) -> Plan:
    """Folds each BatchNormalization into the linear layer of which it is the only consumer."""
    uses = Counter(ref.call for ref in _uses(plan))
    shared = _shared(plan)
    unshared = [call for call in plan.calls if call.id not in shared]
    linear = {call.id: call for call in unshared if call.target in _LINEAR}
    last_axes = {s.ref.call: len(s.layout.stored_shape) - 1 for s in plan.values.values()}
    outputs = {ref.call for ref in plan.returned}
    folded: dict[int, Call] = {}
    for norm in unshared:
        if norm.target != "layers.BatchNormalization":
            continue
        before = linear.get(norm.arguments[0].call)
        if before is None or uses[before.id] > 1:
            continue
        if norm.options["axis"] == last_axes.get(before.id):
            # An output goes by the name of its operation.
            name = norm.name if norm.id in outputs else before.name
            folded[before.id] = replace(_folded(before, norm), name=name)
    replacements = {call.id: call for call in folded.values()}
    calls = [replacements.get(call.id, call) for call in plan.calls if call.id not in folded]
    values = {name: s for name, s in plan.values.items() if s.ref.call not in folded}
    return replace(plan, calls=tuple(calls), values=values)


def _shared(plan: Plan) -> set[int]:
    """The calls of layers that are applied more than once. They are not changed."""
    again = {call.id: call.again for call in plan.calls if call.again is not None}
    return {*again, *again.values()}


def _uses(plan: Plan) -> Iterator[Ref]:
    """Every use of a tensor, as an argument of a call or as an output of the model."""
    for call in plan.calls:
        yield from refs_in(call.arguments)
    yield from plan.returned


def _folded(linear: Call, norm: Call) -> Call:
    """The linear layer with the result of the normalisation."""
    role, along = _LINEAR[linear.target]
    kernel, bias = linear.weights[role], linear.weights.get("bias")
    mean, variance = norm.weights["moving_mean"], norm.weights["moving_variance"]
    gamma = norm.weights.get("gamma") or _filled(mean.stored_shape, 1)
    beta = norm.weights.get("beta") or _filled(mean.stored_shape, 0)
    batch_norm = BatchNorm(norm.options["epsilon"], gamma, beta, mean, variance)

    def scaled(w: Array, scale: Array) -> Array:
        return w * along(scale, kernel.stored_shape)

    weights = {
        role: batch_norm.folded_kernel(kernel, scaled),
        "bias": batch_norm.folded_bias(bias),
    }
    options = {**linear.options, "use_bias": True}
    return replace(linear, id=norm.id, options=options, weights={**linear.weights, **weights})


def _filled(shape: tuple[int, ...], number: int) -> Weight:
    return Weight(shape, lambda: np.full(shape, number, np.float32))


# ---- padding ---------------------------------------------------------------------------------


def pad_within(plan: Plan) -> Plan:
    """Leaves padding to the convolution that alone reads it, where its own is the same for the
    size of the map: a layer for padding copies the whole map."""
    uses = Counter(ref.call for ref in _uses(plan))
    shared, pads = _shared(plan), dict[int, Call]()
    sizes = {stored.ref: stored.layout.stored_shape for stored in plan.values.values()}
    merged, calls = set[int](), list[Call]()
    for call in plan.calls:
        before = pads.get(call.arguments[0].call) if _is_valid_convolution(call) else None
        if call.target in _PADDING and uses[call.id] == 1 and call.id not in shared:
            pads[call.id] = call
        elif before is not None and call.id not in shared and _is_same(before, call, sizes):
            options = {**call.options, "padding": "same"}
            merged.add(before.id)
            call = replace(call, arguments=before.arguments, options=options)
        calls.append(call)
    values = {name: s for name, s in plan.values.items() if s.ref.call not in merged}
    kept = tuple(call for call in calls if call.id not in merged)
    return replace(plan, calls=kept, values=values)


_PADDING = frozenset(f"layers.ZeroPadding{n}D" for n in (1, 2, 3))


def _is_valid_convolution(call: Call) -> bool:
    is_one = _is_convolution(call) or call.target.startswith("layers.DepthwiseConv")
    return is_one and call.options.get("padding") == "valid"


def _is_same(pad: Call, conv: Call, sizes: Mapping[Ref, tuple[Size, ...]]) -> bool:
    """Whether a convolution's padding `same` is exactly that of the layer before it."""
    shape, kernel = sizes.get(pad.arguments[0]), conv.options["kernel_size"]
    if shape is None or conv.target.endswith("Transpose"):
        return False
    ones = (1,) * len(kernel)
    strides, dilations = (conv.options.get(n, ones) for n in ("strides", "dilation_rate"))
    pairs = pad.options["padding"] if len(kernel) > 1 else (pad.options["padding"],)
    windows = zip(shape[1:-1], kernel, strides, dilations, pairs, strict=True)
    return all(
        same_pads(size, 1 + (extent - 1) * dilation, stride) == tuple(pair)
        for size, extent, stride, dilation, pair in windows
    )


# ---- groups ----------------------------------------------------------------------------------


def split_groups(plan: Plan) -> Plan:
    """Splits a grouped convolution into one convolution per group, and concatenates them.

    TensorFlow's grouped convolutions are slower on a CPU, the more so the more groups they have.
    """
    names, ids = Recorder(), count(1 + max((call.id for call in plan.calls), default=0))
    for name in [*(x.name for x in plan.inputs), *(call.name for call in plan.calls)]:
        names.unique(decode(name))
    shared, calls = _shared(plan), list[Call]()
    for call in plan.calls:
        if call.id not in shared and "groups" in call.options and _is_convolution(call):
            calls.extend(_by_group(call, names, ids))
        else:
            calls.append(call)
    return replace(plan, calls=tuple(calls))


def _is_convolution(call: Call) -> bool:
    return call.target.startswith("layers.Conv")


def _by_group(call: Call, names: Recorder, ids: Iterator[int]) -> Iterator[Call]:
    """Splits x along its channels, and convolves each part with its group's weights."""
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
        weights = {
            role: _group_weight(weight, group, groups) for role, weight in call.weights.items()
        }
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


def _group_weight(weight: Weight, group: int, groups: int) -> Weight:
    """A group's share of the outputs, which are the last axis of kernel and bias."""
    *others, outputs = weight.stored_shape
    size = outputs // groups
    key = (*(slice(None) for _ in others), slice(group * size, (group + 1) * size))
    return Weight.derived((*others, size), lambda w: w[key], weight)
