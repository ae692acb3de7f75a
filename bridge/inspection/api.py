"""`inspect`, and what is in Caffe's files, mean images and ONNX graphs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bridge import files, ir
from bridge.errors import BridgeError
from bridge.inspection.contents import Inspection, Part, size_of
from bridge.inspection.keras import keras_archive
from bridge.inspection.tflite import lite_model
from bridge.public import public

if TYPE_CHECKING:
    from bridge import ir
    from bridge.caffe.files.weights import StoredLayer
    from bridge.caffe.net import Layer, Net
    from bridge.lower.values import Dims


@public
def inspect(paths: Sequence[str | Path], *, allow_external_path: bool = False) -> list[Inspection]:
    """Inspects each file; a caffemodel after a prototxt belongs to it. `allow_external_path` reads
    weights that an .onnx has in other folders.

    Raises UsageError for files that do not exist, and any BridgeError of reading them.
    """
    inspections: list[Inspection] = []
    waiting = [Path(path) for path in paths]
    while waiting:
        path = files.readable(waiting.pop(0), "file")
        inspect_file = _reader(path)
        if inspect_file is _onnx_graph:
            inspections.append(_onnx_graph(path, allow_external_path=allow_external_path))
        elif inspect_file is not None:
            inspections.append(inspect_file(path))
        elif _is_text(path):
            weights = waiting.pop(0) if waiting and _holds_weights(waiting[0]) else None
            inspections.append(_caffe_net(path, weights))
        else:
            inspections.append(_caffemodel(path))
    return inspections


def _reader(path: Path) -> Callable[[Path], Inspection] | None:
    """Who reads a file, by its suffix or else by its first bytes; None for those of Caffe's, which
    have many names."""
    suffix = path.suffix.lower()
    if suffix in _BY_SUFFIX or suffix in _OF_CAFFE:
        return _BY_SUFFIX.get(suffix)
    kind = files.of(path)
    return None if kind is None else _BY_KIND.get(kind.name)


def _is_text(path: Path) -> bool:
    return not files.looks_binary(files.glance(path))


def _holds_weights(path: Path) -> bool:
    is_other = path.suffix.lower() in _BY_SUFFIX
    return path.is_file() and not is_other and not _is_text(path)


# ---- Caffe -----------------------------------------------------------------------------------


def _caffe_net(prototxt: Path, caffemodel: Path | None) -> Inspection:
    import bridge.lower  # noqa: F401 (its rules say shapes and weights)
    from bridge.caffe import read
    from bridge.caffe.files.prototxt import load
    from bridge.caffe.reader import stored_layers
    from bridge.caffe.upgrade import dialect

    net = read(prototxt, caffemodel, allow_missing_weights=True)
    facts = {"text": dialect(load(prototxt)[0])}
    files = [prototxt]
    stored: tuple[StoredLayer, ...] = ()
    if caffemodel is not None:
        stored = stored_layers(caffemodel)
        facts |= _weight_facts(stored)
        files.append(caffemodel)
    return _of_net(files, net, facts, stored)


def _caffemodel(path: Path) -> Inspection:
    """The net that a caffemodel describes; if it cannot be read, only its blobs."""
    import bridge.lower  # noqa: F401 (its rules say shapes and weights)
    from bridge.caffe import read
    from bridge.caffe.reader import stored_layers

    stored = stored_layers(path)
    facts = _weight_facts(stored)
    warnings: tuple[str, ...] = ()
    if stored[0].dialect != "HDF5":
        try:
            net = read(path, allow_missing_weights=True)
            if any(layer.tops for layer in net.layers):
                return _of_net([path], net, facts, stored)
        except BridgeError as refusal:
            warnings = (f"the net in it is not shown: {refusal}",)
    parts = tuple(
        Part(layer.name, "", weights=tuple(entry.blob.shape for entry in layer.blobs.values()))
        for layer in stored
        if layer.blobs
    )
    count, size = sum(part.parameters for part in parts), _bytes(stored)
    return Inspection(
        (str(path),), "Caffe weights", "", facts, {}, {}, parts, count, size, warnings
    )


def _of_net(
    files: Sequence[Path], net: Net, facts: Mapping[str, str], stored: Sequence[StoredLayer]
) -> Inspection:
    from bridge.caffe.shapes import known
    from bridge.lower.cut import cut
    from bridge.lower.fields import without_effect

    shapes = known(net)
    kept = cut(net)
    kept_layers = {id(layer) for layer in kept.layers}
    parts = tuple(
        _of_layer(layer, needs, shapes.values, id(layer) in kept_layers)
        for layer, needs in zip(net.layers, shapes.weights, strict=True)
    )
    problem = _obstacle(net)
    return Inspection(
        tuple(map(str, files)),
        "Caffe net",
        net.name,
        {**facts, **dict(_training_facts(net))},
        {entry.name: entry.shape for entry in net.inputs},
        {name: shapes.values.get(name) for name in kept.outputs},
        parts,
        _unshared(net, parts),
        _bytes(stored),
        (
            *net.warnings,
            *without_effect(net, kept),
            *([f"it cannot be converted as it is: {_on_one_line(problem)}"] if problem else []),
        ),
    )


def _of_layer(
    layer: Layer,
    needs: tuple[Dims, ...] | None,
    values: Mapping[str, Dims],
    is_kept: bool,
) -> Part:
    blobs = tuple(blob.shape for blob in layer.blobs)
    return Part(
        layer.name,
        layer.type,
        layer.bottoms,
        layer.tops,
        tuple(values.get(top) for top in layer.tops),
        blobs or needs or (),
        _refusal(layer) if is_kept else "left out: no output needs it",
        str(layer.where),
    )


def _refusal(layer: Layer) -> str:
    """Why a layer by itself cannot be lowered."""
    from bridge.lower import TABLE
    from bridge.lower.fields import complaints
    from bridge.plugins import load_entry_points

    if layer.type not in TABLE:
        load_entry_points()
    if layer.type not in TABLE:
        return "no rule for it"
    return "; ".join(map(str, complaints(layer)))


def _on_one_line(problem: str) -> str:
    return " ".join(problem.split())


def _obstacle(net: Net) -> str:
    """Why the whole net cannot be lowered, if so."""
    from bridge.caffe.match import with_filled_weights
    from bridge.lower import lower

    try:
        lower(net if any(layer.blobs for layer in net.layers) else with_filled_weights(net))
    except BridgeError as refusal:
        return str(refusal)
    return ""


def _unshared(net: Net, parts: Sequence[Part]) -> int:
    """The number of parameters, with shared ones counted once."""
    sizes: dict[object, int] = {}
    for layer, part in zip(net.layers, parts, strict=True):
        for index, shape in enumerate(part.weights):
            share = layer.shares.get(index)
            sizes.setdefault(share.name if share else (id(layer), index), size_of(shape))
    return sum(sizes.values())


def _training_facts(net: Net) -> Iterator[tuple[str, str]]:
    for entry in net.inputs:
        if entry.mean or entry.mean_file:
            mean = ",".join(f"{value:g}" for value in entry.mean) or entry.mean_file
            yield f"mean of {entry.name}", mean
        if entry.scale != 1:
            yield f"scale of {entry.name}", f"{entry.scale:g}"


def _weight_facts(stored: Sequence[StoredLayer]) -> dict[str, str]:
    kinds = Counter(entry.dtype for layer in stored for entry in layer.blobs.values())
    dialects = dict.fromkeys(layer.dialect for layer in stored)
    numbers = ", ".join(kinds)
    return {"weights": f"{', '.join(dialects)}{', of ' if numbers else ''}{numbers}"}


def _bytes(stored: Sequence[StoredLayer]) -> int:
    import numpy as np

    blobs = (entry for layer in stored for entry in layer.blobs.values())
    return sum(entry.count * np.dtype(entry.dtype).itemsize for entry in blobs)


# ---- mean images -----------------------------------------------------------------------------


def _mean_image(path: Path) -> Inspection:
    from bridge.caffe.preprocessing import read_mean

    mean = read_mean(path)
    values = mean.array()
    channels = values.reshape(values.shape[0], -1).mean(axis=1)
    facts = {
        "mean of each channel": ",".join(f"{value:.4g}" for value in channels),
        "from": f"{values.min():.4g} to {values.max():.4g}",
    }
    part = Part("mean", "", weights=(mean.shape,))
    size = path.stat().st_size
    return Inspection((str(path),), "mean image", "", facts, {}, {}, (part,), part.parameters, size)


# ---- ONNX ------------------------------------------------------------------------------------


def _onnx_graph(path: Path, *, allow_external_path: bool = False) -> Inspection:
    import bridge.raising  # noqa: F401 (its rules fill the table)
    from bridge.graph.io import gathered, load
    from bridge.graph.validity import valid_graphs
    from bridge.raising.open_sizes import open_sizes

    with gathered(path, allow_external_path=allow_external_path) as graph:
        file = graph.path
        with valid_graphs([file]):
            inspection = _of_graph(path, load(file))
            return replace(inspection, open_sizes=open_sizes(file))


def _of_graph(path: Path, model: ir.Model) -> Inspection:
    from bridge.raising.table import TABLE
    from bridge.raising.values import operator_name

    opset = model.opset_imports.get("", 0)
    tensors = _weights(model)
    constants = {value.name: value for value in model.graph.initializers.values()}
    parts = tuple(
        Part(
            node.name or "",
            operator_name(node),
            tuple(
                value.name or "" for value in node.inputs if value and value.name not in constants
            ),
            tuple(value.name or "" for value in node.outputs),
            tuple(_dims(value) for value in node.outputs),
            tuple(_dims(value) or () for value in node.inputs if value and value.name in constants),
            "" if TABLE.find(operator_name(node), opset) else "no rule for it",
        )
        for node in model.graph
    )
    producer = f"{model.producer_name or ''} {model.producer_version or ''}".strip()
    opsets = (f"{domain} {version}".strip() for domain, version in model.opset_imports.items())
    facts = {"opset": ", ".join(opsets), **({"made by": producer} if producer else {})}
    return Inspection(
        (str(path),),
        "ONNX graph",
        model.graph.name or "",
        facts,
        {v.name or "": _dims(v) for v in model.graph.inputs if v.name not in constants},
        {value.name or "": _dims(value) for value in model.graph.outputs},
        parts,
        sum(tensor.size for tensor in tensors),
        sum(tensor.nbytes for tensor in tensors),
    )


def _weights(model: ir.Model) -> list[ir.TensorBase]:
    """The initializers, of which Constant nodes become some: there exporters may have weights, and
    there whole numbers are none, but shapes and indices."""
    named = {*model.graph.initializers}
    ir.lift_constants(model)
    tensors = {name: value.const_value for name, value in model.graph.initializers.items()}
    return [
        tensor
        for name, tensor in tensors.items()
        if tensor is not None and (name in named or tensor.dtype.is_floating_point())
    ]


def _dims(value: ir.Value) -> Dims | None:
    if value.shape is None:
        return None
    return tuple(dim if isinstance(dim, int) else str(dim.value or "?") for dim in value.shape)


_OF_CAFFE = (".prototxt", ".caffemodel", ".h5")
_BY_SUFFIX = {
    ".onnx": _onnx_graph,
    ".keras": keras_archive,
    ".tflite": lite_model,
    ".binaryproto": _mean_image,
    ".npy": _mean_image,
}
_BY_KIND = {files.ONNX: _onnx_graph, files.KERAS: keras_archive, files.TFLITE: lite_model}
