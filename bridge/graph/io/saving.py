"""Writing ONNX files. They appear whole or not at all; weights go straight from file to file.

| mode     | what is written                                                              |
| -------- | ---------------------------------------------------------------------------- |
| inline   | one .onnx                                                                    |
| external | a small .onnx, and its weights beside it in .onnx.data (if another is replaced |
|          | .onnx.1.data, .onnx.2.data, …: a graph never finds another's weights)         |
| linked   | a small .onnx that points into the caffemodel, in the same folder or below it |
|          | and knows whether that is still the same file                                 |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto

from bridge.errors import UsageError
from bridge.files.outputs import refuse_collisions, writable
from bridge.files.staging import Staged, locked, staging
from bridge.graph.io.linked import metadata
from bridge.graph.io.model import PRODUCER, LazyModel, external, header, nbytes
from bridge.graph.io.wire import Initializer, Target, initializer, write_model
from bridge.layout import Weight
from bridge.public.progress import Bytes, uncounted

if TYPE_CHECKING:
    from bridge import ir

Mode = Literal["inline", "external", "linked"]
Check = Callable[[Path], object]

# What a single protobuf file may hold, less some room for the graph itself.
INLINE_LIMIT = 2**31 - 2**24

# Weights outside the .onnx start on page bounds, so that a runtime can map them; what does not
# fill a page (biases, and the shapes that a runtime wants to see at once) stays inside.
PAGE = 4096


def save(
    model: LazyModel,
    path: str | Path,
    *,
    weights: Mode | None = None,
    check: Check | None = None,
    written: Bytes = uncounted,
) -> Path:
    """Writes the model; without `weights` inline, or external where it is too large for that.

    `check` is called with the finished file before that gets its name; when it raises, nothing is
    left behind. `written` is called with how many bytes are written. External weights of a model
    that is replaced are removed, in the end.
    Raises UsageError for a path that cannot be written or that a weight is still to be read from,
    for an unknown mode, and for weights that a mode cannot take.
    """
    path = Path(path)
    refuse_unknown_mode(weights)
    mode = weights or ("inline" if _size(model) <= INLINE_LIMIT else "external")
    sources = [weight.span.path for weight in model.weights.values() if weight.span]
    outputs = {"the graph": path, **({"its data": _data_path(path)} if mode == "external" else {})}
    refuse_collisions(outputs, dict.fromkeys(sources))
    writable(path, (".onnx",))
    # A linked file must be written where its relative paths will hold.
    with staging(path, own_folder=mode != "linked") as staged:
        _WRITERS[mode](model, staged.path, written)
        if check:
            check(staged.path)
        _publish(staged)
    return path


def save_graph(model: ir.Model, path: Path) -> None:
    """Writes a graph in memory, and beside it its larger constants, of which it reads one at a
    time. For a temporary file: it has its name before it is whole."""
    from bridge import ir

    data = _data_path(path)
    with Target(data) as pages:

        def outside(tensor: ir.TensorBase, name: str) -> TensorProto:
            if tensor.nbytes < PAGE or tensor.dtype.itemsize < 1:
                return ir.write_tensor(tensor, name)
            weight = Weight(tensor.shape.numpy(), tensor.numpy, dtype=tensor.dtype.numpy())
            pages.align(PAGE)
            proto = external(name, weight, data.name, pages.position)
            pages.write_weight(weight)
            return proto

        path.write_bytes(ir.to_proto(model, outside).SerializeToString())


def refuse_unknown_mode(weights: str | None) -> None:
    if weights is not None and weights not in get_args(Mode):
        raise UsageError(
            "no such way to write weights",
            expected=" or ".join(get_args(Mode)),
            received=weights,
        )


# --- writing --------------------------------------------------------------------------------------


def _write_inline(model: LazyModel, path: Path, written: Bytes) -> None:
    if (size := _size(model)) > INLINE_LIMIT:
        raise UsageError(
            "the weights are too large for one ONNX file",
            expected=f"at most {INLINE_LIMIT} bytes",
            received=f"{size} bytes",
            hint="write them with --weights external",
        )
    initializers = [_inside(*item) for item in model.weights.items()]
    write_model(path, model.proto, initializers, written)


def _write_external(model: LazyModel, path: Path, written: Bytes) -> None:
    data = _data_path(path)
    initializers = []
    total = sum(size for size in map(nbytes, model.weights.values()) if size >= PAGE)
    with Target(data, total, written) as pages:
        for name, weight in model.weights.items():
            if nbytes(weight) < PAGE:
                initializers.append(_inside(name, weight))
                continue
            pages.align(PAGE)
            tensor = external(name, weight, data.name, pages.position)
            initializers.append(initializer(tensor))
            pages.write_weight(weight)
    write_model(path, model.proto, initializers)


def _write_linked(model: LazyModel, path: Path, written: Bytes) -> None:
    weights = model.weights.values()
    if weights and not any(weight.span for weight in weights):
        raise UsageError(
            "no weight can be linked",
            where=path,
            expected="weights that the caffemodel holds as the graph needs them, in float32",
            hint="write them with --weights external",
        )
    sources = {weight.span.path for weight in weights if weight.span}
    locations = {source: _location(source, path) for source in sources}
    initializers = [
        initializer(external(name, weight, locations[weight.span.path], weight.span.offset))
        if weight.span
        else _inside(name, weight)
        for name, weight in model.weights.items()
    ]
    write_model(path, _noting(model, locations), initializers, written)


def _noting(model: LazyModel, locations: Mapping[Path, str]) -> onnx.ModelProto:
    """The graph, which knows what the files were that it points into."""
    spans = [weight.span for weight in model.weights.values() if weight.span]
    files = {
        (source, location): [(span.offset, span.length) for span in spans if span.path == source]
        for source, location in locations.items()
    }
    proto = onnx.ModelProto()
    proto.CopyFrom(model.proto)
    proto.metadata_props.append(metadata(files))
    return proto


def _location(source: Path, path: Path) -> str:
    """Of a file of weights, as a graph names it. Raises UsageError for one outside its folder."""
    folder, source = path.parent.resolve(), source.resolve()
    if source.is_relative_to(folder):
        return source.relative_to(folder).as_posix()
    raise UsageError(
        "ONNX allows links into the model's own folder only",
        where=path,
        expected=f"an output in {source.parent}",
        hint="write it beside the caffemodel, or with --weights external",
    )


_WRITERS: dict[str, Callable[[LazyModel, Path, Bytes], None]] = {
    "inline": _write_inline,
    "external": _write_external,
    "linked": _write_linked,
}


def _inside(name: str, weight: Weight) -> Initializer:
    return initializer(header(name, weight), weight)


def _size(model: LazyModel) -> int:
    return sum(map(nbytes, model.weights.values()))


# --- names ----------------------------------------------------------------------------------------


def _publish(staged: Staged) -> None:
    """Gives the graph and its data their names. The data's is one that no graph has ever named: so
    a graph never finds another's, whichever process writes the same file, and whatever ends one.
    """
    path = staged.target
    with locked(path.parent):
        old, written = _data_of(path), _data_path(staged.path)
        data = {}
        if written.exists() and written.stat().st_size:
            data[written] = _next_data_path(path, old)
            _point_to(staged.path, data[written].name)
        staged.publish(data, old)


def _data_path(path: Path, number: int = 0) -> Path:
    return path.with_name(f"{path.name}.{number}.data" if number else f"{path.name}.data")


def _next_data_path(path: Path, old: Sequence[Path]) -> Path:
    """The first free name after those of the old graph's data: whoever has just read that graph
    still looks for its data there, and would take the new graph's for it."""
    numbers = [int(file.stem.removeprefix(path.name).lstrip(".") or 0) for file in old]
    paths = (_data_path(path, number) for number in count(max(numbers, default=-1) + 1))
    return next(path for path in paths if not (path.exists() or path.is_symlink()))


def _data_of(path: Path) -> Sequence[Path]:
    """The files with the weights of an existing graph, if this package wrote them."""
    name = re.compile(re.escape(path.name) + r"(\.\d+)?\.data")
    files = [file for file in path.parent.iterdir() if name.fullmatch(file.name)]
    if not files or not path.is_file():
        return ()
    try:
        proto = onnx.load(path, load_external_data=False)
    except (OSError, DecodeError):
        return ()  # whatever it was, this package did not write it
    used = {entry.value for tensor in _outside(proto) for entry in tensor.external_data}
    return [file for file in files if proto.producer_name == PRODUCER and file.name in used]


def _point_to(path: Path, name: str) -> None:
    """Makes a graph look for its data in a file of this name, if it does not already."""
    if name == _data_path(path).name:
        return
    proto = onnx.load(path, load_external_data=False)
    for tensor in _outside(proto):
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = name
    path.write_bytes(proto.SerializeToString())


def _outside(proto: onnx.ModelProto) -> Sequence[TensorProto]:
    tensors = proto.graph.initializer
    return [tensor for tensor in tensors if tensor.data_location == TensorProto.EXTERNAL]
