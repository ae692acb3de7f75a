"""The file: its names, its bytes, and its size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bridge.errors import UnsupportedError
from bridge.layout import Weight
from bridge.tflite import write as module
from bridge.tflite.emission import lite_model
from bridge.tflite.write import SIGNATURE, write
from tests.helpers.keras_against_onnx import graph, plan_of, seeded
from tests.tflite.test_schema import schema

TEXT = "g (float[b,3,4,4] x) => (y, z) { y = Conv(x, w) z = Relu(y) }"
NET = graph(TEXT, {"w": seeded((2, 3, 1, 1))})


def test_the_same_plan_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(lite_model(plan_of(NET)), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_names_and_free_sizes_are_in_it(tmp_path: Path) -> None:
    write(lite_model(plan_of(NET)), tmp_path / "net.tflite")
    content = (tmp_path / "net.tflite").read_bytes()
    model = schema().ModelT.InitFromObj(schema().Model.GetRootAs(content, 0))
    (signature,) = model.signatureDefs
    assert signature.signatureKey.decode() == SIGNATURE
    tensors = model.subgraphs[0].tensors
    for side in (signature.inputs, signature.outputs):
        for entry in side:
            assert tensors[entry.tensorIndex].name == entry.name
    (x,) = signature.inputs
    assert x.name == b"x"
    assert tensors[x.tensorIndex].shape.tolist() == [1, 4, 4, 3]
    assert tensors[x.tensorIndex].shapeSignature.tolist() == [-1, 4, 4, 3]


def test_each_weight_is_read_once_and_its_bytes_are_counted(tmp_path: Path) -> None:
    reads, counts = [], list[tuple[int, int]]()
    plan = plan_of(NET)

    def counted(weight: Weight) -> Weight:
        def read() -> np.ndarray:
            reads.append(weight.stored_shape)
            return weight.array()

        return Weight(weight.stored_shape, read)

    model = lite_model(plan)
    for operator in model.operators:
        for tensor in operator.inputs:
            if tensor.data is not None:
                object.__setattr__(tensor, "data", counted(tensor.data))
    write(model, tmp_path / "net.tflite", lambda *count: counts.append(count))
    assert sorted(reads) == [(2,), (2, 1, 1, 3)]
    assert counts[-1][0] == counts[-1][1] == (tmp_path / "net.tflite").stat().st_size


def test_more_than_a_flatbuffer_holds_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST", 100)
    with pytest.raises(UnsupportedError, match="more than 2 GiB"):
        write(lite_model(plan_of(NET)), tmp_path / "net.tflite")
    assert not list(tmp_path.iterdir())
