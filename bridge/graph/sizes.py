"""Sizes that ONNX's shape inference gets wrong, and so do the files that rely on it.

- A pooling that rounds up does not count a window that would begin in the trailing padding.
  Up to opset 21 ONNX's inference counts it, and its checker refuses the right size.
- An STFT without `onesided` has the frequencies up to half the sample rate.
- A Resize makes size * scale, rounded to float32 before it is rounded down: 5 * 1.4 is 7.

Here they are what onnxruntime computes.    (onnx.ai/onnx/operators, MaxPool, AveragePool, Resize;
onnxruntime/core/providers/cpu/tensor/upsamplebase.h)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeGuard

import numpy as np

from bridge import ir
from bridge.graph.definitions import types_if_fit

_Shape: TypeAlias = "Sequence[int | ir.SymbolicDim]"

OPSET_OF_RIGHT_POOLING = 22


def correct_sizes(model: ir.Model) -> bool:
    """Corrects sizes that are wrong, and free ones that are known, and infers what depends on them
    again, node by node; whether there were any. What other nodes say of a shape by computing it is
    left open then, for the inference of the whole graph."""
    opset, corrected, stale = model.opset_imports[""], False, set[ir.Node]()
    for node in model.graph.all_nodes():
        if node in stale:
            _infer_again(node, opset)
        right = _right_sizes(node, opset) if node.graph is model.graph else None
        if right is not None:
            corrected = True
            for value in node.outputs:
                value.shape = ir.Shape(right)
        if right is not None or node in stale:
            stale.update(use.node for value in node.outputs for use in value.uses())
    return corrected


def _right_sizes(node: ir.Node, opset: int) -> _Shape | None:
    """Those of a node's result, where they are not what the graph says."""
    sizes = None if node.domain else _SIZES.get(node.op_type)
    x = node.inputs[0] if node.inputs else None
    if sizes is None or x is None or x.shape is None or len(x.shape) < 3:
        return None
    right = sizes(node, [*x.shape], opset)
    return right if right is not None and _differ(node.outputs[0].shape, right) else None


def _differ(shape: ir.Shape | None, right: _Shape) -> bool:
    sizes = zip(shape or (), right, strict=False)
    return any(a != b for a, b in sizes if isinstance(b, int))


def _infer_again(node: ir.Node, opset: int) -> None:
    types = types_if_fit(node, opset)
    for value in node.outputs:
        value.shape, type_ = None, types.get(value.name or "")
        if type_ is not None:
            value.shape = ir.shape_of(type_)
            value.type = value.type or ir.type_of(type_)


# --- poolings -------------------------------------------------------------------------------------


def end_of_windows(size: int, extent: int, stride: int, begin: int, end: int) -> int:
    """The trailing padding with which rounding down gives the windows of rounding up, without one
    that would begin in the trailing padding."""
    last = -(-(size + begin + end - extent) // stride) * stride
    return end if last >= size + begin else last + extent - size - begin


def _of_pooling(node: ir.Node, shape: _Shape, opset: int) -> _Shape | None:
    """Those of a pooling that rounds up in vain along an axis. From then on it rounds down, over
    explicit padding, of which ONNX infers the same."""
    of, spatial, rank = node.attributes, shape[2:], len(shape) - 2
    explicit = of.get_string("auto_pad", "NOTSET") in ("NOTSET", "VALID")
    if opset >= OPSET_OF_RIGHT_POOLING or not of.get_int("ceil_mode", 0) or not explicit:
        return None
    names = ("kernel_shape", "strides", "dilations")
    kernel, strides, dilations = (of.get_ints(name, (1,) * rank) for name in names)
    pads = of.get_ints("pads", (0,) * 2 * rank)
    fit = {len(kernel), len(strides), len(dilations), len(pads) / 2} == {rank}
    if not fit or min(strides) < 1 or not _all_known(spatial):
        return None  # what is no pooling of ONNX's is refused later
    extents = [1 + (k - 1) * d for k, d in zip(kernel, dilations, strict=True)]
    sides = [*zip(spatial, extents, strides, pads[:rank], pads[rank:], strict=True)]
    ends = [end_of_windows(*side) for side in sides]
    spans = [(n + b + e - x, s) for (n, x, s, b, _), e in zip(sides, ends, strict=True)]
    in_vain = any(span % stride for span, stride in spans)
    if not in_vain or (of.get_int("count_include_pad", 0) > 0 and ends != [*pads[rank:]]):
        return None
    for attribute in (
        ir.attribute("auto_pad", "NOTSET"),
        ir.attribute("ceil_mode", 0),
        ir.attribute("pads", [*pads[:rank], *ends]),
    ):
        of.add(attribute)
    return [*shape[:2], *(span // stride + 1 for span, stride in spans)]


# --- Resize ---------------------------------------------------------------------------------------


def resized(
    sizes: Sequence[int],
    scales: Sequence[float] | None,
    target: Sequence[int] | None,
    axes: Sequence[int] | None,
    policy: str,
) -> tuple[list[np.float32], list[int]]:
    """The scale and the new size of each axis of a Resize, whose `scales`, or else `target` sizes,
    are those of `axes` (None: of all). The policies not_larger and not_smaller have one scale."""
    named = [*range(len(sizes))] if axes is None else [axis % len(sizes) for axis in axes]
    factors, results = [np.float32(1)] * len(sizes), [*sizes]
    if scales is not None:
        for axis, scale in zip(named, scales, strict=True):
            factors[axis] = np.float32(scale)
            results[axis] = int(np.float32(sizes[axis]) * factors[axis])
        return factors, results
    for axis, size in zip(named, target or (), strict=True):
        factors[axis], results[axis] = np.float32(size) / np.float32(sizes[axis]), size
    if policy != "stretch":
        one = (min if policy == "not_larger" else max)(factors[axis] for axis in named)
        for axis in named:
            factors[axis] = one
            results[axis] = int(float(np.float32(sizes[axis]) * one) + 0.5)
    return factors, results


def _of_resize(node: ir.Node, shape: _Shape, opset: int) -> _Shape | None:
    """Those of a Resize by constant scales, or to constant sizes with one scale for all axes."""
    of, output = node.attributes, node.outputs[0].shape
    _, _, scales, target = (*map(_elements, node.inputs), *[None] * 4)[:4]
    policy, axes = of.get_string("keep_aspect_ratio_policy", "stretch"), of.get_ints("axes", None)
    crops = of.get_string("coordinate_transformation_mode", "") == "tf_crop_and_resize"
    values = target if scales is None else scales
    named = [*shape] if axes is None else [shape[axis] for axis in axes if axis < len(shape)]
    if opset < 11 or crops or values is None or len(values) != len(named) or output is None:
        return None
    if scales is None and (policy == "stretch" or not _all_known(named)):
        return None
    known = [size if isinstance(size, int) else 1 for size in shape]
    _, sizes = resized(known, scales, target, axes, policy)
    sides = zip(shape, sizes, output, strict=False)
    return [new if isinstance(old, int) else kept for old, new, kept in sides]


def _elements(value: ir.Value | None) -> list[Any] | None:
    """Those of a constant that has any."""
    if value is None or value.const_value is None or not value.const_value.size:
        return None
    elements: list[Any] = value.const_value.numpy().ravel().tolist()
    return elements


def _all_known(sizes: _Shape) -> TypeGuard[Sequence[int]]:
    return all(isinstance(size, int) for size in sizes)


# --- STFT -----------------------------------------------------------------------------------------


def _of_stft(node: ir.Node, shape: _Shape, opset: int) -> _Shape | None:
    """Those of an STFT that says nothing of `onesided`. Its default is 1, but ONNX's inference
    takes it for 0: so it is said from then on."""
    output = node.outputs[0].shape
    if opset < 17 or "onesided" in node.attributes:
        return None
    node.attributes.add(ir.attribute("onesided", 1))
    _, window, frame_length = (*map(_elements, node.inputs[1:]), None, None)[:3]
    length = frame_length[0] if frame_length else len(window) if window else shape[1]
    if output is None or not isinstance(length, int):
        return None
    return [*output[:2], length // 2 + 1, 2]


_SIZES: Mapping[str, Callable[[ir.Node, _Shape, int], _Shape | None]] = {
    "AveragePool": _of_pooling,
    "LpPool": _of_pooling,
    "MaxPool": _of_pooling,
    "Resize": _of_resize,
    "STFT": _of_stft,
}
