"""`--fp16`: the model in half precision, its inputs and outputs still float32.

The conversion is onnxruntime's own, which knows the operators that half precision would break
(NonMaxSuppression, the sizes of Resize, ...) and leaves those in float32 between casts.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np
import onnx
from onnx import helper, numpy_helper

from bridge.errors import UnsupportedError
from bridge.graph.io import LazyModel, to_proto
from bridge.layout import Weight

Model = TypeVar("Model", bound=LazyModel)


def to_half(model: Model) -> Model:
    """The same model with float16 weights and arithmetic. The weights are read for this.

    Raises UnsupportedError for a weight beyond float16's range, 65504: it would be another number.
    """
    from onnxruntime.transformers.float16 import convert_float_to_float16

    _refuse_large(model)
    whole = convert_float_to_float16(
        to_proto(model), keep_io_types=True, disable_shape_infer=True, force_fp16_initializers=True
    )
    weights = {tensor.name: _weight(tensor) for tensor in whole.graph.initializer}
    del whole.graph.initializer[:]
    _sort(whole.graph)
    return replace(model, proto=whole, weights=weights)


MAX_HALF = 65504.0
# Caffe's -FLT_MAX and FLT_MAX stand for "below" and "above everything"; half's own limits do too.
_SENTINEL = float(np.finfo(np.float32).max)


def _refuse_large(model: LazyModel) -> None:
    for name, weight in model.weights.items():
        if weight.dtype != np.float32:
            continue
        sizes = np.abs(weight.array())
        largest = float(sizes[sizes != _SENTINEL].max(initial=0))
        if largest > MAX_HALF:
            raise UnsupportedError(
                f"the weight {name!r} does not fit into half precision",
                expected=f"at most {MAX_HALF:.0f}",
                received=largest,
                hint="leave out --fp16",
            )


def _weight(tensor: onnx.TensorProto) -> Weight:
    read = partial(numpy_helper.to_array, tensor)
    return Weight(tuple(tensor.dims), read, dtype=helper.tensor_dtype_to_np_dtype(tensor.data_type))


def _sort(graph: onnx.GraphProto) -> None:
    """Sorts nodes after their inputs: the conversion appends its casts at the end."""
    producers = {name: node for node in graph.node for name in node.output}
    done: set[str] = set()
    ordered: list[onnx.NodeProto] = []
    for node in graph.node:
        waiting = [node]
        while waiting:
            first = waiting[-1]
            before = [
                producers[name] for name in first.input if name in producers and name not in done
            ]
            if before:
                waiting.extend(before)
                continue
            waiting.pop()
            if first.output[0] not in done:
                done.update(first.output)
                ordered.append(first)
    del graph.node[:]
    graph.node.extend(ordered)
