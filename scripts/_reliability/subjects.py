"""Whole files, what bridge does with them, and who else reads them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

import bridge
from bridge.caffe import schema
from bridge.caffe.reader import stored_layers
from bridge.convert import raise_onnx
from bridge.errors import BridgeError
from bridge.inspection import inspect

ROOT = Path(__file__).resolve().parents[2]
GOLDEN, SHARED = ROOT / "tests" / "golden", ROOT.parent / "shared"


@dataclass(frozen=True)
class Subject:
    """A file of a net: what is done with a damaged copy of it, and how another program reads it."""

    net: str
    kind: str
    path: Path
    verb: Callable[[Path], object]

    @property
    def reference(self) -> Callable[[Path], object]:
        return _REFERENCES[self.kind]


Net = tuple[Path, Path]  # a prototxt, and its weights, which may not exist


def golden() -> list[Net]:
    return [
        (path, path.with_name("net.caffemodel")) for path in sorted(GOLDEN.glob("*/net.prototxt"))
    ]


def shared() -> list[Net]:
    paths = sorted(SHARED.glob("models/*/deploy.prototxt"))
    return [(path, path.with_name("weights.caffemodel")) for path in paths]


def graphs() -> list[Path]:
    return sorted((SHARED / "onnx").glob("*.onnx"))


def subjects_of(prototxt: Path, weights: Path, folder: Path) -> Iterator[Subject]:
    """The files of a net, and the graph that it becomes, which is written into the folder."""
    name = prototxt.parent.name
    trained = weights if weights.is_file() else None
    yield Subject(name, "prototxt", prototxt, partial(lower, weights=trained))
    if trained is not None:
        yield Subject(name, "caffemodel", trained, partial(lower, prototxt))
    graph = folder / f"{name}.onnx"
    try:
        bridge.caffe_to_onnx(prototxt, trained, graph, check=False)
    except BridgeError:
        return  # it is refused as it is
    yield Subject(name, "ONNX", graph, look_and_raise)


def subject_of_graph(graph: Path) -> Subject:
    return Subject(graph.stem, "ONNX", graph, look_and_raise)


def copied(subject: Subject, folder: Path) -> Path:
    return Path(shutil.copyfile(subject.path, folder / f"damaged{subject.path.suffix}"))


def lower(prototxt: Path, weights: Path | None) -> object:
    return bridge.caffe_to_onnx(prototxt, weights, check=False).proto


def look_and_raise(graph: Path) -> object:
    return inspect([graph]), raise_onnx(graph, check=False)


# ---- others that read them -----------------------------------------------------------------------


def _parse_text(path: Path) -> object:
    """As Caffe does it, with its fields and those of forks."""
    net = GetMessageClass(schema.descriptor("NetParameter"))
    return text_format.Parse(path.read_bytes(), net())


@cache
def _caffes_net() -> type[Message]:
    """The message without the fields of forks: files have others under their numbers."""
    file = FileDescriptorProto()
    schema.descriptor("NetParameter").file.CopyToProto(file)
    for message in file.message_type:
        own = [field for field in message.field if field.number < schema.FORKS]
        del message.field[:]
        message.field.extend(own)
    pool = DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return GetMessageClass(pool.FindMessageTypeByName(f"{schema.PACKAGE}.NetParameter"))


def _compare_weights(path: Path) -> None:
    """Raises ValueError where protobuf reads other numbers."""
    net: Any = _caffes_net().FromString(path.read_bytes())
    blobs = {
        (layer.name, index): blob
        for layer in (*net.layers, *net.layer)
        for index, blob in enumerate(layer.blobs)
    }
    for layer in stored_layers(path):
        for index, stored in layer.blobs.items():
            blob = blobs.get((layer.name, index))
            numbers = () if blob is None else blob.data or blob.double_data
            if blob is None or not stored.is_whole or (stored.count and not numbers):
                continue  # in the message of a V0 layer, or in the raw data of a fork
            expected = np.asarray(numbers, np.float32)
            if not np.array_equal(stored.blob.array().ravel(), expected, equal_nan=True):
                raise ValueError(f"other numbers in blob {index} of {layer.name}")


def _check_and_load(path: Path) -> object:
    onnx.checker.check_model(str(path))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


_REFERENCES = {"prototxt": _parse_text, "caffemodel": _compare_weights, "ONNX": _check_and_load}
