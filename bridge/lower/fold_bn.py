"""`--fold-bn`: fold a BatchNormalization after a linear layer into that layer's weights.

The result has one node fewer: the linear layer writes what the normalisation wrote. Weights are
computed when they are written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

import onnx

from bridge.graph.batch_norm import BatchNorm
from bridge.layout import Weight
from bridge.lower.model import LoweredModel
from bridge.types import Array


def _scaled_outputs_first(w: Array, scale: Array, _: int) -> Array:
    """Conv: o i *k.   Gemm with transB: o k."""
    return w * scale.reshape(-1, *(1,) * (w.ndim - 1))


def _scaled_transposed(w: Array, scale: Array, group: int) -> Array:
    """ConvTranspose: (g i) o *k, where the outputs are (g o)."""
    kernel = w.reshape(group, -1, *w.shape[1:])
    factors = scale.reshape(group, 1, -1, *(1,) * (w.ndim - 2))
    return (kernel * factors).reshape(w.shape)


# For each linear operator, how its kernel is multiplied, output by output.
SCALED: Mapping[str, Callable[[Array, Array, int], Array]] = {
    "Conv": _scaled_outputs_first,
    "ConvTranspose": _scaled_transposed,
    "Gemm": _scaled_outputs_first,
}


def fold_batch_norms(model: LoweredModel) -> LoweredModel:
    """The model with every normalisation folded that is a linear layer's only consumer."""
    proto = onnx.ModelProto()
    proto.CopyFrom(model.proto)
    graph = proto.graph
    consumers = Counter(name for node in graph.node for name in node.input)
    consumers.update(output.name for output in graph.output)
    producers = {node.output[0]: node for node in graph.node}
    weights, removed = dict(model.weights), set()
    for norm in list(graph.node):
        linear = producers.get(norm.input[0]) if norm.op_type == "BatchNormalization" else None
        if linear is None or not _can_fold(linear, norm, consumers, weights):
            continue
        _fold(linear, norm, consumers, weights)
        removed.add(norm.input[0])
        linear.output[0] = norm.output[0]
        producers[norm.output[0]] = linear
        graph.node.remove(norm)
    used = {name for node in graph.node for name in node.input}
    kept = [value for value in graph.value_info if value.name not in removed]
    del graph.value_info[:]
    graph.value_info.extend(kept)
    return replace(
        model,
        proto=proto,
        weights={name: weight for name, weight in weights.items() if name in used},
        values={name: shape for name, shape in model.values.items() if name not in removed},
    )


def _can_fold(
    linear: onnx.NodeProto,
    norm: onnx.NodeProto,
    consumers: Mapping[str, int],
    weights: Mapping[str, Weight],
) -> bool:
    attributes = {attribute.name: attribute.i for attribute in linear.attribute}
    constants = [*linear.input[1:], *norm.input[1:]]
    return (
        linear.op_type in SCALED
        and consumers[norm.input[0]] == 1
        and all(name in weights for name in constants)
        and (linear.op_type != "Gemm" or attributes.get("transB") == 1)
    )


def _fold(
    linear: onnx.NodeProto,
    norm: onnx.NodeProto,
    consumers: Mapping[str, int],
    weights: dict[str, Weight],
) -> None:
    epsilon = next((a.f for a in norm.attribute if a.name == "epsilon"), 1e-5)
    group = next((a.i for a in linear.attribute if a.name == "group"), 1)
    kernel, *bias = (weights[name] for name in linear.input[1:])
    batch_norm = BatchNorm(epsilon, *(weights[name] for name in norm.input[1:]))
    scaled = SCALED[linear.op_type]
    new = {
        "weight": batch_norm.folded_kernel(kernel, lambda w, scale: scaled(w, scale, group)),
        "bias": batch_norm.folded_bias(bias[0] if bias else None),
    }
    for index, (role, weight) in enumerate(new.items(), 1):
        name = _name(linear, index, role, consumers, weights)
        weights[name] = weight
        _set_input(linear, index, name)


def _name(
    linear: onnx.NodeProto,
    index: int,
    role: str,
    consumers: Mapping[str, int],
    weights: Mapping[str, Weight],
) -> str:
    """The initializer's own name, unless other nodes also read it (shared weights)."""
    if index < len(linear.input) and consumers[linear.input[index]] == 1:
        return linear.input[index]
    name = f"{linear.name}.{role}"
    while name in weights:
        name += ".folded"
    return name


def _set_input(node: onnx.NodeProto, index: int, name: str) -> None:
    if index < len(node.input):
        node.input[index] = name
    else:
        node.input.append(name)
