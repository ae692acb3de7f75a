"""Reading ONNX files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from bridge import files
from bridge.errors import GraphError, UsageError, words_of
from bridge.graph.io.mapped import load_unread
from bridge.graph.io.soundness import refuse_unsound

if TYPE_CHECKING:
    from bridge import ir


def load(path: str | Path) -> ir.Model:
    """An ONNX file; large weights are mapped, not read, in it and in files beside it.

    Raises UsageError where the file cannot be opened, GraphError where it is not ONNX or its
    weights are not where it says.
    """
    from bridge import ir

    path = files.readable(path, "ONNX graph")
    try:
        proto = load_unread(path)
    except OSError as error:
        raise UsageError(f"cannot read it: {error.strerror}", where=path) from error
    except (DecodeError, ValueError) as error:
        raise not_onnx(path, str(error)) from error
    if not proto.opset_import and not proto.graph.node:
        raise not_onnx(path, "a message without operators")
    refuse_unsound(proto, path)
    try:
        model = ir.from_proto(proto)
    except ir.InvalidModelError as error:
        raise GraphError(
            "the graph breaks ONNX's rules", where=path, received=words_of(error)
        ) from error
    for tensor in _external_tensors(model):
        tensor.folder = path.parent
    _map_own_weights(model, path)
    return model


def _map_own_weights(model: ir.Model, path: Path) -> None:
    """Opens the file for the weights within it now, so that it may be gone when they are read."""
    from bridge import ir

    for value in model.graph.initializers.values():
        tensor = value.const_value
        if isinstance(tensor, ir.ExternalTensor) and tensor.location == path.name:
            value.const_value = ir.Tensor(tensor.numpy(), name=tensor.name)


def external_files(model: ir.Model) -> list[Path]:
    """The files that hold the weights of a loaded model, without duplicates."""
    return list(dict.fromkeys(tensor.path for tensor in _external_tensors(model)))


def _external_tensors(model: ir.Model) -> Iterator[ir.ExternalTensor]:
    """Those of the graph, and of its branches, loops and nodes."""
    from bridge import ir

    nodes = list(model.graph.all_nodes())
    graphs = [model.graph, *(graph for node in nodes for graph in node.subgraphs())]
    tensors = [value.const_value for graph in graphs for value in graph.initializers.values()]
    attributes = (attribute for node in nodes for attribute in node.attributes.values())
    tensors += [a.value for a in attributes if a.type is ir.AttributeType.TENSOR]
    return (tensor for tensor in tensors if isinstance(tensor, ir.ExternalTensor))


def not_onnx(path: Path, received: str) -> GraphError:
    """The refusal of a file that does not read as ONNX: what it is, if that is known."""
    kind = files.of(path)
    if kind is not None and kind.name == files.ONNX:
        kind = None
    elif kind is not None:
        received = kind.name
    return GraphError(
        "not an ONNX file",
        where=path,
        expected="an ONNX graph, .onnx",
        received=received,
        hint=(kind and kind.hint) or "is the file whole? fetch it, or write it, again",
    )
