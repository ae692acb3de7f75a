"""The dtypes, sizes and kinds of values."""

from __future__ import annotations

import onnx
import pytest
from onnx import TensorProto, helper

from bridge import ir


def test_the_dtypes_are_all_that_onnx_has() -> None:
    """If this fails, ONNX has a new one: onnx/onnx.proto."""
    known = {dtype.name: dtype.value for dtype in ir.DataType}
    assert dict(TensorProto.DataType.items()).items() <= known.items()


@pytest.mark.parametrize(
    ("name", "itemsize", "is_float"),
    [
        ("FLOAT", 4, True),
        ("BFLOAT16", 2, True),
        ("DOUBLE", 8, True),
        ("INT4", 0.5, False),
        ("BOOL", 1, False),
        ("COMPLEX64", 8, False),
    ],
)
def test_a_dtype_knows_its_size_and_whether_it_is_of_floats(
    name: str, itemsize: float, is_float: bool
) -> None:
    dtype = ir.DataType[name]
    assert (dtype.itemsize, dtype.is_floating_point()) == (itemsize, is_float)
    assert ir.DataType.from_numpy(dtype.numpy()) is dtype


def test_a_shape_has_numbers_names_and_open_sizes() -> None:
    shape = ir.Shape(["n", 3, None])
    assert shape == (ir.SymbolicDim("n"), 3, ir.SymbolicDim(None))
    assert str(shape) == "[n,3,None]"
    assert ir.Shape([2, 3]).numpy() == (2, 3)
    with pytest.raises(ValueError, match="not all sizes"):
        shape.numpy()


def test_what_a_message_says_of_a_type_is_written_again() -> None:
    tensor = helper.make_tensor_type_proto(1, ["n", 3, None])
    for proto in (
        tensor,
        helper.make_tensor_type_proto(1, None),
        helper.make_tensor_type_proto(1, []),
        helper.make_sequence_type_proto(tensor),
        helper.make_optional_type_proto(helper.make_sequence_type_proto(tensor)),
        helper.make_sparse_tensor_type_proto(1, [2]),
    ):
        written = onnx.TypeProto()
        ir.write_type(written, ir.type_of(proto), ir.shape_of(proto))
        assert written == proto


def test_a_message_without_a_type_says_nothing() -> None:
    assert ir.type_of(onnx.TypeProto()) is None
    assert ir.type_of(onnx.TypeProto(tensor_type={})) is None
    assert ir.shape_of(onnx.TypeProto()) is None


def test_a_map_is_refused() -> None:
    pairs = helper.make_map_type_proto(7, helper.make_tensor_type_proto(1, []))
    with pytest.raises(ValueError, match="not supported: map_type"):
        ir.type_of(pairs)
