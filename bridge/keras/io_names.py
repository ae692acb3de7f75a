"""The names of a model's inputs and outputs, as ONNX spells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from bridge.raising import names
from bridge.raising.names import decode


def input_names(model: keras.Model) -> list[str]:
    """In the order of `model.inputs`."""
    return [decode(tensor.name) for tensor in model.inputs]


def output_names(model: keras.Model) -> list[str]:
    """In the order of `model.outputs`: the keys of a dict, or else the names of the operations that
    compute them, numbered where one has several. An input that is an output keeps its name."""
    if isinstance(model.output, Mapping):
        paths = (path for path, _ in keras.tree.flatten_with_path(model.output))
        return _distinct(["/".join(map(str, path)) for path in paths])
    return _distinct([decode(t._keras_history.operation.name) for t in model.outputs])


def serving_names(model: keras.Model) -> list[str]:
    """The names of the inputs in exports: ONNX's, or Keras's if TensorFlow does not take those."""
    return names.serving_names([tensor.name for tensor in model.inputs])


def serving_specs(model: keras.Model) -> list[Any]:
    """The inputs in exports, as TensorFlow traces functions of them."""
    from tensorflow import TensorSpec

    tensors = zip(model.inputs, serving_names(model), strict=True)
    return [TensorSpec(tensor.shape, tensor.dtype, name) for tensor, name in tensors]


def _distinct(names: Sequence[str]) -> list[str]:
    return [
        name if names.count(name) == 1 else f"{name}_{names[:index].count(name) + 1}"
        for index, name in enumerate(names)
    ]
