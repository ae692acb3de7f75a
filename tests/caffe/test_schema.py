from __future__ import annotations

import pytest

from bridge.caffe import schema


@pytest.mark.parametrize(
    ("message", "field", "number"),
    [
        ("NetParameter", "layer", 100),
        ("NetParameter", "input_shape", 8),
        ("LayerParameter", "blobs", 7),
        ("LayerParameter", "convolution_param", 106),
        ("LayerParameter", "recurrent_param", 146),
        ("LayerParameter", "detection_output_param", 204),
        ("V1LayerParameter", "blobs", 6),
        ("V1LayerParameter", "loss_param", 42),
        ("V0LayerParameter", "blobs", 50),
        ("PriorBoxParameter", "offset", 13),
    ],
)
def test_fields_have_the_numbers_of_caffe(message: str, field: str, number: int) -> None:
    assert schema.descriptor(message).fields_by_name[field].number == number


def test_fields_of_forks_have_numbers_that_no_file_uses() -> None:
    assert schema.descriptor("LayerParameter").fields_by_name["interp_param"].number >= 10000


def test_defaults_are_those_of_caffe() -> None:
    pooling = schema.defaults("PoolingParameter")
    assert (pooling["pool"], pooling["round_mode"]) == ("MAX", "CEIL")
    assert schema.defaults("ConvolutionParameter")["group"] == 1
    assert schema.defaults("ConvolutionParameter")["kernel_size"] == []
    assert schema.defaults("ReshapeParameter")["shape"] is None
    assert schema.defaults("LRNParameter")["beta"] == 0.75


def test_the_pool_is_private() -> None:
    """Another schema of the same name, as pycaffe's is, can be loaded beside it."""
    from google.protobuf.descriptor_pb2 import FileDescriptorProto
    from google.protobuf.descriptor_pool import Default

    other = FileDescriptorProto(name="caffe.proto", package="bridge.caffe")
    other.message_type.add(name="NetParameter")
    Default().AddSerializedFile(other.SerializeToString())
    assert "layer" in schema.fields("NetParameter")
