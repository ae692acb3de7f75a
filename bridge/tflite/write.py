"""The model of a `.tflite` → its file, which has the weights' bytes as they come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from bridge.errors import UnsupportedError
from bridge.layout import Weight
from bridge.public.progress import Bytes, uncounted
from bridge.tflite.emission import LiteModel
from bridge.tflite.flatbuffer import Frame, Options, frame
from bridge.tflite.graph import Operator, Tensor
from bridge.tflite.schema import BUILTINS, DTYPES, VERSION

SIGNATURE = "serving_default"
_MOST = 2**31 - 1  # bytes, which a FlatBuffer may have
_BYTE = 127  # the largest number of an operator in the field of older readers


def write(model: LiteModel, path: Path, written: Bytes = uncounted) -> None:
    """Writes a new file, reading each weight as it comes; `written` is called with the bytes that
    are written. The same model gives the same bytes.

    Raises UnsupportedError for more than 2 GiB; OSError if the system refuses it.
    """
    content = _Content.of(model)
    sizes = [prod(weight.shape) * weight.dtype.itemsize for weight in content.weights]
    parts = frame(content.tables, sizes)
    total = parts.length(sizes)
    if total > _MOST:
        raise UnsupportedError(
            "a .tflite of more than 2 GiB", expected=f"at most {_MOST:,} bytes", received=total
        )
    with path.open("wb") as file:
        for piece in _pieces(parts, content.weights):
            file.write(piece)
            written(file.tell(), total)


def _pieces(parts: Frame, weights: Sequence[Weight]) -> Iterator[bytes | memoryview]:
    yield parts.before
    for head, weight in zip(parts.heads, weights, strict=True):
        yield head
        for piece in weight.pieces():
            yield piece.view(np.uint8).data


@dataclass(frozen=True)
class _Content:
    """The values of the table Model, and the weights that stand behind it."""

    tables: Mapping[str, Any]
    weights: Sequence[Weight]

    @classmethod
    def of(cls, model: LiteModel) -> _Content:
        tensors = list(_tensors(model))
        indices = {tensor: index for index, tensor in enumerate(tensors)}
        weights = {tensor: tensor.data for tensor in tensors if tensor.data is not None}
        codes = {operator: (operator.code, operator.version) for operator in model.operators}
        distinct = list(dict.fromkeys(codes.values()))
        # The first buffer is that of all tensors that are computed.
        buffers = {tensor: index for index, tensor in enumerate(weights, 1)}
        graph = {
            "tensors": [_tensor(t, model.names, buffers.get(t, 0)) for t in tensors],
            "inputs": [indices[tensor] for tensor in model.inputs.values()],
            "outputs": [indices[tensor] for tensor in model.outputs.values()],
            "operators": [_operator(o, indices, distinct.index(codes[o])) for o in model.operators],
            "name": "main",
        }
        tables = {
            "version": VERSION,
            "operator_codes": [_code(*code) for code in distinct],
            "subgraphs": [graph],
            "description": "caffe-bridge",
            "buffers": [{}, *({"data": index} for index in range(len(weights)))],
            "signature_defs": [_signature(model, indices)],
        }
        return cls(tables, tuple(weights.values()))


def _tensors(model: LiteModel) -> Iterator[Tensor]:
    """All, without duplicates: the inputs, then as the operators read and return them."""
    used = chain.from_iterable((*o.inputs, *o.outputs) for o in model.operators)
    every = (*model.inputs.values(), *used, *model.outputs.values())
    yield from dict.fromkeys(tensor for tensor in every if tensor is not None)


def _tensor(tensor: Tensor, names: Mapping[Tensor, str], buffer: int) -> dict[str, Any]:
    table = {
        "shape": [1 if size is None else size for size in tensor.shape],
        "type": DTYPES[tensor.dtype],
        "buffer": buffer,
        "name": names.get(tensor, tensor.name),
        "has_rank": True,
    }
    if None in tensor.shape:
        table["shape_signature"] = [-1 if size is None else size for size in tensor.shape]
    return table


def _operator(operator: Operator, indices: Mapping[Tensor, int], code: int) -> dict[str, Any]:
    builtin = BUILTINS[operator.code]
    table: dict[str, Any] = {
        "opcode_index": code,
        "inputs": [-1 if tensor is None else indices[tensor] for tensor in operator.inputs],
        "outputs": [indices[tensor] for tensor in operator.outputs],
    }
    if builtin.options:
        table["builtin_options_type"] = builtin.options_number
        table["builtin_options"] = Options(builtin.options, operator.options)
    return table


def _code(code: str, version: int) -> dict[str, int]:
    number = BUILTINS[code].number
    return {
        "deprecated_builtin_code": min(number, _BYTE),
        "builtin_code": number,
        "version": version,
    }


def _signature(model: LiteModel, indices: Mapping[Tensor, int]) -> dict[str, Any]:
    ends = {
        side: [{"name": name, "tensor_index": indices[t]} for name, t in tensors.items()]
        for side, tensors in (("inputs", model.inputs), ("outputs", model.outputs))
    }
    return {**ends, "signature_key": SIGNATURE}
