""".tflite files, which are read without TensorFlow or LiteRT: what these make of the schema
writes them here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import UsageError
from bridge.inspection import Inspection, inspect
from bridge.inspection.tflite import _schema

flatbuffers = pytest.importorskip("flatbuffers", reason="no flatbuffers, which writes a .tflite")


def filled(owner: Any, **fields: Any) -> Any:
    for name, value in fields.items():
        assert hasattr(owner, name)
        setattr(owner, name, value)
    return owner


def model() -> Any:
    """One dense layer, 3 → 2, and an operator of somebody's own behind it."""
    s = _schema()
    tensors = [
        filled(s.TensorT(), name=name, shape=shape, shapeSignature=free, buffer=buffer, type=0)
        for name, shape, free, buffer in (
            (b"serving_x:0", [1, 3], [-1, 3], 0),
            (b"w", [2, 3], None, 1),
            (b"dense;fused", [1, 2], [-1, 2], 0),
            (b"own", [1, 2], [-1, 2], 0),
        )
    ]
    operators = [
        filled(s.OperatorT(), opcodeIndex=0, inputs=[0, 1, -1], outputs=[2]),
        filled(s.OperatorT(), opcodeIndex=1, inputs=[2], outputs=[3]),
    ]
    codes = [
        filled(s.OperatorCodeT(), deprecatedBuiltinCode=9),
        filled(s.OperatorCodeT(), builtinCode=32, deprecatedBuiltinCode=32, customCode=b"Own"),
    ]
    graph = filled(s.SubGraphT(), tensors=tensors, inputs=[0], outputs=[3], operators=operators)
    ends = [
        [filled(s.TensorMapT(), name=name, tensorIndex=i)] for name, i in ((b"x", 0), (b"y", 3))
    ]
    return filled(
        s.ModelT(),
        version=3,
        description=b"made by hand",
        subgraphs=[graph],
        buffers=[s.BufferT(), filled(s.BufferT(), data=[0] * 24)],
        operatorCodes=codes,
        signatureDefs=[filled(s.SignatureDefT(), inputs=ends[0], outputs=ends[1])],
    )


def written(path: Path) -> Path:
    builder = flatbuffers.Builder()
    builder.Finish(model().Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def only(path: Path) -> Inspection:
    (contents,) = inspect([path])
    json.dumps(contents.as_dict())
    return contents


def test_operators_weights_and_ends_are_shown(tmp_path: Path) -> None:
    contents = only(written(tmp_path / "net.tflite"))
    assert contents.kind == "TensorFlow Lite model"
    assert contents.facts == {
        "schema": "3",
        "numbers": "float32",
        "description": "made by hand",
    }
    dense, own = contents.parts
    assert (dense.name, dense.type, dense.reads) == ("dense", "FULLY_CONNECTED", ("serving_x:0",))
    assert (dense.weights, dense.shapes) == (((2, 3),), (("?", 2),))
    assert (own.type, own.reads, own.writes) == ("Own", ("dense",), ("own",))
    assert (contents.parameters, contents.bytes) == (6, 24)
    assert (contents.inputs, contents.outputs) == ({"x": ("?", 3)}, {"y": ("?", 2)})


def test_a_file_of_another_name_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    assert only(written(tmp_path / "net.bin")).kind == "TensorFlow Lite model"


def test_what_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(b"text")
    with pytest.raises(UsageError, match=r"not a \.tflite"):
        only(path)


def test_damaged_files_are_refused_or_shown(tmp_path: Path) -> None:
    """Every fourth byte behind the mark, in turn, as large as can be."""
    whole = written(tmp_path / "net.tflite").read_bytes()
    refused = 0
    for position in range(8, len(whole), 4):
        path = tmp_path / "bad.tflite"
        path.write_bytes(whole[:position] + b"\xff\xff\xff\x7f" + whole[position + 4 :])
        try:
            only(path)
        except UsageError:
            refused += 1
    assert refused > 20
