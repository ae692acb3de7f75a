"""Whether the tensors of an ONNX file have the numbers that they say they have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import ceil, prod
from os.path import realpath
from pathlib import Path, PurePosixPath, PureWindowsPath

import onnx
from onnx import TensorProto, helper

from bridge.errors import GraphError
from bridge.layout import Span


def refuse_unreadable_tensors(
    model: onnx.ModelProto, path: Path, *, allow_external_path: bool = False
) -> None:
    """Looks at every tensor, those of branches, loops and functions too, and reads none.

    Raises GraphError for an unknown dtype, a negative size, data that are too short or missing, and
    for external data that are not in the file's own folder or below it, unless that is allowed.
    """
    for tensor in tensors_of(model):
        where = f"{path}, tensor {tensor.name!r}"
        if tensor.data_type not in TensorProto.DataType.values() or not tensor.data_type:
            raise GraphError("it has none of ONNX's dtypes", where=where, received=tensor.data_type)
        if any(size < 0 for size in tensor.dims):
            raise GraphError("it has a negative size", where=where, received=[*tensor.dims])
        if tensor.data_location == TensorProto.EXTERNAL:
            if not allow_external_path:
                _refuse_outside(tensor, path, where)
            _refuse_external(tensor, path, where)
        elif tensor.data_type != TensorProto.STRING:
            _refuse_short(tensor, where)


def tensors_of(model: onnx.ModelProto) -> Iterator[TensorProto]:
    graphs = [model.graph]
    nodes: list[Iterable[onnx.NodeProto]] = [function.node for function in model.functions]
    while graphs or nodes:
        if graphs:
            graph = graphs.pop()
            yield from graph.initializer
            nodes.append(graph.node)
        for attribute in (a for node in nodes.pop() for a in node.attribute):
            yield from (*([attribute.t] if attribute.HasField("t") else []), *attribute.tensors)
            graphs += [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]


def _refuse_short(tensor: TensorProto, where: str) -> None:
    expected = _bytes(tensor)
    if tensor.HasField("raw_data"):
        received, unit = len(tensor.raw_data), "bytes"
    else:
        field = helper.tensor_dtype_to_field(tensor.data_type)
        received, unit = len(getattr(tensor, field)), "numbers"
        expected = _numbers(tensor)
    if received != expected:
        raise GraphError(
            "it does not have as many numbers as its shape says",
            where=where,
            expected=f"{expected} {unit}, for the shape {[*tensor.dims]}",
            received=f"{received} {unit}",
            hint="the file was cut off, or written without its weights: export it again",
        )


def _bytes(tensor: TensorProto) -> int:
    from bridge import ir

    return ceil(ir.DataType(tensor.data_type).itemsize * prod(tensor.dims))


def _numbers(tensor: TensorProto) -> int:
    """How many entries the field of its dtype has: two for a complex number, one for several that
    share a byte."""
    count = prod(tensor.dims)
    if tensor.data_type in (TensorProto.COMPLEX64, TensorProto.COMPLEX128):
        return 2 * count
    return min(count, _bytes(tensor))


def _refuse_outside(tensor: TensorProto, path: Path, where: str) -> None:
    if is_outside(tensor, path):
        location = _entries(tensor).get("location", "")
        link = "" if _leads_outside(location) else ", a link that leads out of it"
        raise GraphError(
            "its data are not beside the ONNX file",
            where=where,
            expected="a file in the same folder or below it",
            received=f"{location!r}{link}",
            hint="whoever wrote the model could name any of your files: if this is the right one, "
            "--allow-external-path reads it (in Python allow_external_path=True)",
        )


def _refuse_external(tensor: TensorProto, path: Path, where: str) -> None:
    entries = _entries(tensor)
    location = entries.get("location", "")
    if not location or "\0" in location:
        raise GraphError("its data are in no file", where=where, received=repr(location))
    sizes = {key: entries.get(key, "0") for key in ("offset", "length")}
    if not all(size.isascii() and size.isdecimal() for size in sizes.values()):
        raise GraphError("its data have no position in their file", where=where, received=sizes)
    span = span_of(tensor, path)
    if span.length < _bytes(tensor):
        raise GraphError(
            "it has less data than its shape says",
            where=where,
            expected=f"{_bytes(tensor)} bytes",
            received=f"{span.length} bytes",
        )
    _refuse_missing(tensor.name, path, span.path, span.offset + span.length)


def span_of(tensor: TensorProto, path: Path) -> Span:
    """Where the data of an external tensor of the graph in `path` lie."""
    entries = _entries(tensor)
    length = int(entries.get("length", 0)) or _bytes(tensor)
    return Span(path.parent / entries["location"], int(entries.get("offset", 0)), length)


def is_outside(tensor: TensorProto, path: Path) -> bool:
    """Whether its data are in another folder than the graph's, or those below."""
    location = _entries(tensor).get("location", "")
    if tensor.data_location != TensorProto.EXTERNAL or "\0" in location:
        return False
    file, folder = map(realpath, (path.parent / location, path.parent))  # a Path's own may raise
    return _leads_outside(location) or not Path(file).is_relative_to(folder)


def _entries(tensor: TensorProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in tensor.external_data}


def _leads_outside(location: str) -> bool:
    paths = (PurePosixPath(location), PureWindowsPath(location))
    return any(path.anchor or ".." in path.parts for path in paths)


def _refuse_missing(name: str, path: Path, file: Path, end: int) -> None:
    if not file.is_file() or file.stat().st_size < end:
        raise GraphError(
            f"the weight {name!r} is missing",
            where=path,
            expected=f"{end} bytes in {file}",
            received=f"{file.stat().st_size} bytes" if file.is_file() else "no such file",
            hint="keep the .onnx together with the files of its weights",
        )
