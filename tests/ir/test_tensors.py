"""Constants, whose numbers are read when they are asked for."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from bridge import ir
from bridge.ir.tensors import tensor_of

DTYPES = (np.float32, np.float16, np.int64, np.bool_, ml_dtypes.bfloat16, ml_dtypes.int4)


def external(tensor: TensorProto, path: Path, offset: int) -> TensorProto:
    """The same tensor, with its numbers in a file, behind as many other bytes."""
    path.write_bytes(b"?" * offset + tensor.raw_data)
    outside = TensorProto(name="w", data_type=tensor.data_type, dims=tensor.dims)
    outside.data_location = TensorProto.EXTERNAL
    for key, value in (("location", path.name), ("offset", offset)):
        outside.external_data.add(key=key, value=str(value))
    return outside


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_numbers_are_those_of_the_message_or_of_the_file(dtype: type, tmp_path: Path) -> None:
    array = np.array([[0, 1, 1], [1, 0, 1]]).astype(dtype)
    proto = numpy_helper.from_array(array, "w")
    outside = tensor_of(external(proto, tmp_path / "w.data", 16))
    assert isinstance(outside, ir.ExternalTensor)
    outside.folder = tmp_path
    for tensor in (tensor_of(proto), outside, ir.Tensor(array, name="w")):
        assert (tensor.shape, tensor.size, tensor.name) == ((2, 3), 6, "w")
        assert tensor.nbytes == len(proto.raw_data)
        assert tensor.dtype.numpy() == array.dtype
        np.testing.assert_array_equal(tensor.numpy(), array)
        np.testing.assert_array_equal(numpy_helper.to_array(ir.write_tensor(tensor)), array)


def test_numbers_outside_raw_data_are_read_too() -> None:
    tensor = tensor_of(onnx.helper.make_tensor("w", TensorProto.FLOAT, [2], [1.5, 2]))
    assert tensor.numpy().tolist() == [1.5, 2]


def test_a_file_is_mapped_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "w.data"
    tensor = tensor_of(external(numpy_helper.from_array(np.ones(3, np.float32)), path, 0))
    assert isinstance(tensor, ir.ExternalTensor)
    tensor.folder = tmp_path
    path.write_bytes(np.full(3, 7, np.float32).tobytes())
    array = tensor.numpy()
    assert array.tolist() == [7, 7, 7]
    assert not array.flags.owndata
    assert not array.flags.writeable


def test_a_tensor_without_elements_needs_no_file() -> None:
    proto = TensorProto(data_type=1, dims=[0, 2], data_location=TensorProto.EXTERNAL)
    assert tensor_of(proto).numpy().shape == (0, 2)


def test_a_lazy_tensor_is_computed_each_time() -> None:
    reads = []

    def read() -> ir.Tensor:
        reads.append(1)
        return ir.Tensor(np.ones(2, np.float32))

    tensor = ir.LazyTensor(read, dtype=ir.DataType.FLOAT, shape=ir.Shape([2]), name="w")
    assert tensor.nbytes == 8
    assert not reads
    assert tensor.numpy().tolist() == tensor.numpy().tolist() == [1, 1]
    assert len(reads) == 2


def test_a_tensor_is_written_under_another_name() -> None:
    tensor = tensor_of(numpy_helper.from_array(np.ones(1), "old"))
    assert ir.write_tensor(tensor, "new").name == "new"
    assert ir.write_tensor(tensor).name == "old"


def test_an_unknown_dtype_is_refused() -> None:
    with pytest.raises(ValueError, match="99"):
        tensor_of(TensorProto(data_type=99))


def test_tensors_of_one_file_share_its_map(tmp_path: Path) -> None:
    """Each map keeps the file open, and a process may have a thousand files."""
    proto = numpy_helper.from_array(np.arange(6, dtype=np.float32), "w")
    outside = external(proto, tmp_path / "w.data", 0)
    tensors = [ir.ExternalTensor(outside) for _ in range(2)]
    for tensor in tensors:
        tensor.folder = tmp_path
    bases = [base(tensor.numpy()) for tensor in tensors]
    assert bases[0] is bases[1]
    (tmp_path / "w.data").unlink()
    external(numpy_helper.from_array(np.ones(6, np.float32), "w"), tmp_path / "w.data", 0)
    assert tensors[0].numpy().tolist() == [1] * 6


def base(array: np.ndarray) -> object:
    """The buffer that an array is a view of."""
    while isinstance(array, np.ndarray):
        array = array.base
    return array.obj if isinstance(array, memoryview) else array
