"""Whether the tensors of an ONNX file have the numbers that they say they have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import ceil, prod
from pathlib import Path, PurePosixPath, PureWindowsPath

import onnx
from onnx import TensorProto, helper

from bridge.errors import GraphError


def refuse_unreadable_tensors(model: onnx.ModelProto, path: Path) -> None:
    """Looks at every tensor, those of branches, loops and functions too, and reads none.

    Raises GraphError for an unknown dtype, a negative size, data that are too short or missing, and
    for external data that are not in the file's own folder or below it.
    """
    for tensor in _tensors(model):
        where = f"{path}, tensor {tensor.name!r}"
        if tensor.data_type not in TensorProto.DataType.values() or not tensor.data_type:
            raise GraphError("it has none of ONNX's dtypes", where=where, received=tensor.data_type)
        if any(size < 0 for size in tensor.dims):
            raise GraphError("it has a negative size", where=where, received=[*tensor.dims])
        if tensor.data_location == TensorProto.EXTERNAL:
            _refuse_external(tensor, path, where)
        elif tensor.data_type != TensorProto.STRING:
            _refuse_short(tensor, where)


def _tensors(model: onnx.ModelProto) -> Iterator[TensorProto]:
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


def _refuse_external(tensor: TensorProto, path: Path, where: str) -> None:
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    link = _link_outside(path, location)
    if not location or _leads_outside(location) or link:
        raise GraphError(
            "its data are not beside the ONNX file",
            where=where,
            expected="a file in the same folder or below it",
            received=f"{location!r}{link}",
            hint="ONNX allows no others: another's model could name any of your files"
            + (". Of a cache that keeps links, copy what they lead to: cp -rL" if link else ""),
        )
    sizes = {key: entries.get(key, "0") for key in ("offset", "length")}
    if not all(size.isascii() and size.isdecimal() for size in sizes.values()):
        raise GraphError("its data have no position in their file", where=where, received=sizes)
    length = int(sizes["length"]) or _bytes(tensor)
    if length < _bytes(tensor):
        raise GraphError(
            "it has less data than its shape says",
            where=where,
            expected=f"{_bytes(tensor)} bytes",
            received=f"{length} bytes",
        )
    _refuse_missing(tensor.name, path, path.parent / location, int(sizes["offset"]) + length)


def _leads_outside(location: str) -> bool:
    paths = (PurePosixPath(location), PureWindowsPath(location))
    return any(path.anchor or ".." in path.parts for path in paths)


def _link_outside(path: Path, location: str) -> str:
    """In words, if it is a link to a file that is not in the folder of the graph, or below it."""
    file, folder = path.parent / location, path.parent.resolve()
    return "" if file.resolve().is_relative_to(folder) else ", a link that leads out of it"


def _refuse_missing(name: str, path: Path, file: Path, end: int) -> None:
    if not file.is_file() or file.stat().st_size < end:
        raise GraphError(
            f"the weight {name!r} is missing",
            where=path,
            expected=f"{end} bytes in {file}",
            received=f"{file.stat().st_size} bytes" if file.is_file() else "no such file",
            hint="keep the .onnx together with the files of its weights",
        )
