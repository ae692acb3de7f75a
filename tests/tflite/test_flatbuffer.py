"""Tables as bytes, and arrays behind them."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.tflite.flatbuffer import ALIGNED, Options, frame
from tests.tflite.test_schema import schema

ARRAYS = [np.arange(3, dtype=np.float32), np.arange(5, dtype=np.int8), np.zeros(0, np.int8)]


def file() -> bytes:
    model = {
        "version": 3,
        "operator_codes": [{"builtin_code": 3, "version": 2}],
        "subgraphs": [
            {
                "tensors": [{"shape": [1, 2], "name": "é", "shape_signature": [-1, 2]}],
                "inputs": [0],
                "operators": [
                    {
                        "inputs": [0, -1],
                        "builtin_options_type": 1,
                        "builtin_options": Options("Conv2DOptions", {"stride_w": 4}),
                    }
                ],
            }
        ],
        "buffers": [{}, *({"data": index} for index in range(len(ARRAYS)))],
    }
    sizes = [array.nbytes for array in ARRAYS]
    parts = frame(model, sizes)
    arrays = zip(parts.heads, ARRAYS, strict=True)
    content = parts.before + b"".join(head + array.tobytes() for head, array in arrays)
    assert len(content) == parts.length(sizes)
    return content


def test_a_reader_reads_what_was_written() -> None:
    content = file()
    assert content[4:8] == b"TFL3"
    model = schema().ModelT.InitFromObj(schema().Model.GetRootAs(content, 0))
    assert (model.version, model.operatorCodes[0].version, model.operatorCodes[0].builtinCode) == (
        (3, 2, 3)
    )
    (graph,) = model.subgraphs
    assert graph.tensors[0].name.decode() == "é"
    assert graph.tensors[0].shapeSignature.tolist() == [-1, 2]
    (operator,) = graph.operators
    assert operator.inputs.tolist() == [0, -1]
    options = operator.builtinOptions
    assert (options.strideW, options.strideH, options.dilationWFactor) == (4, 0, 1)


@pytest.mark.parametrize("index", range(2))
def test_arrays_stand_behind_the_tables_and_are_aligned(index: int) -> None:
    content = file()
    buffer = schema().Model.GetRootAs(content, 0).Buffers(1 + index)
    stored = ARRAYS[index].tobytes()
    assert buffer.DataAsNumpy().tobytes() == stored
    starts = [at for at in range(0, len(content), ALIGNED) if content[at:].startswith(stored)]
    assert len(starts) == 1


def test_the_same_tables_are_the_same_bytes() -> None:
    assert file() == file()
