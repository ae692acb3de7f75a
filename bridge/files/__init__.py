"""Files that a user names.

inputs.py   whether they are there, and what they are by their first bytes
outputs.py  which names a call may write to
staging.py  files that appear whole or not at all, and what killed processes have left
memory.py   how much memory the numbers of one file may take
hdf5.py     HDF5, which may show what lies in other files
wire.py     protobuf, walked without reading its payloads, and written in pieces
"""

from bridge.files.inputs import (
    CAFFEMODEL,
    HDF5_MAGIC,
    KERAS,
    ONNX,
    TFLITE,
    FileType,
    glance,
    identify,
    looks_binary,
    looks_like_prototxt,
    missing,
    of,
    other_kind,
    readable,
    url_of,
)

__all__ = [
    "CAFFEMODEL",
    "HDF5_MAGIC",
    "KERAS",
    "ONNX",
    "TFLITE",
    "FileType",
    "glance",
    "identify",
    "looks_binary",
    "looks_like_prototxt",
    "missing",
    "of",
    "other_kind",
    "readable",
    "url_of",
]
