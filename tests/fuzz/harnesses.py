"""What is done with bytes that a fuzzer makes, by the kind of file. Only a refusal may come out.

scripts/fuzz runs one of them for a time, guided by what of the package the bytes reach.
"""

from __future__ import annotations

import io
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from math import prod
from pathlib import Path

import h5py
import onnx
from google.protobuf import text_format
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

import bridge
from bridge.caffe import schema
from bridge.caffe.files import weights
from bridge.caffe.files.solver_settings import read_solver
from bridge.caffe.files.solverstate import read_solverstate
from bridge.caffe.preprocessing import read_mean
from bridge.caffe.reader import stored_layers
from bridge.convert import raise_onnx
from bridge.errors import BridgeError, InternalError, ReadError, ShapeError, UnsupportedError
from bridge.inspection import inspect
from bridge.lower import TABLE as LAYERS
from bridge.raising import TABLE as OPERATORS
from tests.fuzz import mutators
from tests.fuzz.mutators import Mutator, of_messages
from tests.helpers.golden_cases import CASES, Case
from tests.helpers.operator_cases import operator_cases
from tests.training.training_runs import RUNS

# Nets from the smallest on, of which each has another kind of layer.
NETS = tuple(sorted(CASES, key=lambda net: net.prototxt.stat().st_size))


@dataclass(frozen=True)
class Harness:
    """`run` takes a file of this suffix, `seeds` gives whole ones to begin with, and `mutate`
    changes what is in one."""

    suffix: str
    run: Callable[[Path], object]
    seeds: Callable[[], Iterable[bytes]]
    mutate: Mutator = field(default=mutators.of_bytes, repr=False)

    def __call__(self, data: bytes) -> bool:
        """Whether the bytes are taken, or refused. Raises whatever else comes out."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"file{self.suffix}"
            path.write_bytes(data)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error", RuntimeWarning)  # of NumPy's: a user sees it
                    self.run(path)
            except InternalError:
                raise
            except BridgeError:
                return False
        return True


# ---- what is done with a file --------------------------------------------------------------------


def _lowered(prototxt: Path) -> object:
    return bridge.caffe_to_onnx(prototxt, check=False).proto


def _net(path: Path) -> object:
    return _lowered(path), bridge.explain(path)


def _weights(path: Path) -> object:
    """What the file holds; and the net that it describes, which may be of another fork's."""
    with suppress(UnsupportedError, ReadError, ShapeError):
        _lowered(path)
    return inspect([path]), [
        blob.blob.array()
        for layer in weights.read(path)
        for blob in layer.blobs.values()
        if blob.is_whole
    ]


def _hdf5_weights(path: Path) -> object:
    return inspect([path]), [
        blob.blob.array() for layer in stored_layers(path) for blob in layer.blobs.values()
    ]


def _graph(path: Path) -> object:
    return inspect([path]), raise_onnx(path, path.with_suffix(".keras"), check=False)


def _recording(path: Path) -> object:
    return bridge.check(path, path)


def _keras(path: Path) -> object:
    from bridge.keras.load import load

    with suppress(BridgeError):
        inspect([path])
    return load(path)


def _training(path: Path) -> object:
    return bridge.caffe_training(path, solver=RUNS / "adam" / "solver.prototxt")


# ---- whole files ---------------------------------------------------------------------------------


def _nets() -> Iterator[bytes]:
    return (net.prototxt.read_bytes() for net in NETS)


def _caffemodels() -> Iterator[bytes]:
    return (net.caffemodel.read_bytes() for net in NETS if net.caffemodel.is_file())


def _recordings() -> Iterator[bytes]:
    return ((net.folder / "io.npz").read_bytes() for net in NETS)


def _graphs() -> Iterator[bytes]:
    for net in NETS:
        trained = net.caffemodel if net.caffemodel.is_file() else None
        with suppress(BridgeError):
            proto = bridge.caffe_to_onnx(net.prototxt, trained, check=False).proto
            yield proto.SerializeToString()


def _models() -> Iterator[bytes]:
    """ONNX graphs of Caffe nets, and then one of each of ONNX's operators."""
    yield from _graphs()
    for case in operator_cases().values():
        yield case.model.SerializeToString()


def _archives() -> Iterator[bytes]:
    """Keras models of some of the graphs."""
    with tempfile.TemporaryDirectory() as folder:
        graph, archive = Path(folder) / "net.onnx", Path(folder) / "net.keras"
        for data in islice(_graphs(), 60):
            graph.write_bytes(data)
            with suppress(BridgeError):
                raise_onnx(graph, archive, check=False)
                yield archive.read_bytes()


def _hdf5_files() -> Iterator[bytes]:
    """The weights of some nets, as Caffe writes them if its snapshots are to be HDF5."""
    return islice(filter(None, map(_hdf5_file, NETS)), 40)


def _hdf5_file(net: Case) -> bytes:
    """Nothing for a net without weights."""
    file = io.BytesIO()
    layers = stored_layers(net.caffemodel) if net.caffemodel.is_file() else ()
    with h5py.File(file, "w") as archive:
        for layer in layers:
            for index, stored in layer.blobs.items():
                archive[f"data/{layer.name}/{index}"] = stored.blob.array()
        is_empty = not len(archive)
    return b"" if is_empty else file.getvalue()


def _of_runs(pattern: str) -> Iterator[bytes]:
    return (path.read_bytes() for path in sorted(RUNS.glob(f"*/{pattern}")))


def _means() -> Iterator[bytes]:
    """A colour for each channel, and an image."""
    blob = _message("BlobProto")
    for shape in ((3, 1, 1), (1, 3, 4, 5)):
        mean = blob(data=[1.0] * prod(shape))
        mean.shape.dim.extend(shape)
        yield mean.SerializeToString()
    yield blob(num=1, channels=2, height=2, width=1, data=[1.0] * 4).SerializeToString()


# ---- changes of what is in a file ----------------------------------------------------------------


def _message(name: str) -> type[Message]:
    return GetMessageClass(schema.descriptor(name))


def _parsed(message: type[Message], data: bytes) -> Message:
    return text_format.Parse(data.decode(), message(), allow_unknown_field=True)


def _printed(message: Message) -> bytes:
    return text_format.MessageToString(message).encode()


def _texts(name: str) -> Mutator:
    return partial(of_messages, partial(_parsed, _message(name)), _printed, _WORDS)


def _binaries(message: type[Message]) -> Mutator:
    return partial(of_messages, message.FromString, _serialized, _WORDS)


def _serialized(message: Message) -> bytes:
    return message.SerializePartialToString()


_SCHEMAS = onnx.defs.get_all_schemas_with_history()
_WORDS = {
    "type": sorted(LAYERS),
    "op_type": sorted(OPERATORS),
    "name": sorted({attribute for schema in _SCHEMAS for attribute in schema.attributes}),
}


HARNESSES: Mapping[str, Harness] = {
    "prototxt": Harness(".prototxt", _net, _nets, _texts("NetParameter")),
    "caffemodel": Harness(
        ".caffemodel", _weights, _caffemodels, _binaries(_message("NetParameter"))
    ),
    "hdf5": Harness(".caffemodel.h5", _hdf5_weights, _hdf5_files, mutators.of_hdf5),
    "onnx": Harness(".onnx", _graph, _models, _binaries(onnx.ModelProto)),
    "npz": Harness(".npz", _recording, _recordings, mutators.RECORDING),
    "keras": Harness(".keras", _keras, _archives, mutators.KERAS),
    "solver": Harness(
        ".prototxt", read_solver, partial(_of_runs, "solver.prototxt"), _texts("SolverParameter")
    ),
    "solverstate": Harness(".solverstate", read_solverstate, partial(_of_runs, "*.solverstate")),
    "training": Harness(
        ".prototxt", _training, partial(_of_runs, "train.prototxt"), _texts("NetParameter")
    ),
    "mean": Harness(".binaryproto", read_mean, _means, _binaries(_message("BlobProto"))),
}
