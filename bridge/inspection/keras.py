"""What is in a `.keras` archive: a zip of the model's config, JSON, and its weights, HDF5.

Source: keras/src/saving/saving_lib.py, of Keras 3.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

from bridge.archive.weights import snake_case
from bridge.errors import UsageError, words_of
from bridge.files import hdf5
from bridge.files.memory import refuse_large
from bridge.inspection.contents import Inspection, Part

if TYPE_CHECKING:
    from bridge.lower.values import Dims

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
# What random layers and optimizers keep, which is no parameter of the model.
_SEEDS, _OPTIMIZER = "seed_generator", "optimizer/"

# Layers whose output has the shape of their input.
_SAME_SHAPE = frozenset(
    "Activation BatchNormalization Dropout ELU LeakyReLU PReLU ReLU Softmax".split()
)

Json = Mapping[str, Any]


@dataclass(frozen=True)
class _Stored:
    """An array of the weights, by its path: `layers/conv2d_1/vars/0`."""

    path: str
    shape: tuple[int, ...]
    bytes: int


def keras_archive(path: Path) -> Inspection:
    """Raises UsageError if it is none, or h5py is missing, WeightsError for damaged weights."""
    with _damage_told(path), ZipFile(path) as archive:
        metadata, model = _json(archive, _METADATA), _json(archive, _CONFIG)
        stored = list(_stored(path, archive))
        config = model["config"]
        layers = _layers(config)
        parts = tuple(_parts(layers, stored))
        inputs, outputs = _ends(config, layers)
        shapes = {part.name: part.shapes[0] for part in parts}
        return Inspection(
            (str(path),),
            f"Keras model, {model['class_name']}",
            str(config.get("name", "")),
            {"written by": f"Keras {metadata.get('keras_version', 'of an unknown version')}"},
            {name: shapes.get(name) for name in inputs},
            {name: shapes.get(name) for name in outputs},
            parts,
            sum(Part("", "", weights=(entry.shape,)).parameters for entry in stored),
            sum(entry.bytes for entry in stored),
            tuple(_warnings(layers)),
        )


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """Anything may be in a zip, and in JSON."""
    try:
        yield
    except (BadZipFile, NotImplementedError, RuntimeError, EOFError, *_OF_JSON) as error:
        raise UsageError(
            "not a Keras model",
            where=path,
            expected="a .keras archive of Keras 3: config.json, metadata.json, model.weights.h5",
            received=words_of(error),
        ) from error


_OF_JSON = (ValueError, KeyError, TypeError, AttributeError, IndexError)


def _json(archive: ZipFile, name: str) -> Json:
    refuse_large(archive.getinfo(name).file_size, name, archive.filename)
    entries: Json = json.loads(archive.read(name))
    if not isinstance(entries, dict):
        raise TypeError(f"{name} has {type(entries).__name__}")
    return entries


def _stored(path: Path, archive: ZipFile) -> Iterator[_Stored]:
    with archive.open(_WEIGHTS) as member, hdf5.opened(path, member) as file:
        for name, dataset in hdf5.datasets(path, file):
            is_state = _SEEDS in name or name.startswith(_OPTIMIZER)
            if "/vars/" in f"/{name}" and not is_state:
                yield _Stored(name, tuple(dataset.shape), dataset.size * dataset.dtype.itemsize)


def _layers(config: Json) -> Sequence[Json]:
    """None of a model that only its own code knows."""
    layers: Sequence[Json] = config.get("layers", ())
    return layers


def _parts(layers: Sequence[Json], stored: Sequence[_Stored]) -> Iterator[Part]:
    """A part for each layer; Keras counts the layers of each class to name their weights."""
    shapes = dict(_known_shapes(layers))
    numbers: Counter[str] = Counter()
    before: tuple[str, ...] = ()
    for layer in layers:
        kind, name = str(layer["class_name"]), _name(layer)
        group = ""
        if not _is_operation(layer):
            snake = snake_case(kind)
            group = f"layers/{snake}_{numbers[snake]}/" if numbers[snake] else f"layers/{snake}/"
            numbers[snake] += 1
        weights = tuple(x.shape for x in stored if group and x.path.startswith(group))
        nodes = layer.get("inbound_nodes")
        # The layers of a Sequential model have no nodes: each reads the one before.
        reads = before if nodes is None else tuple(dict.fromkeys(_histories(nodes)))
        shape = shapes.get(name) or _shape_after(layer, [shapes.get(read) for read in reads])
        shapes[name] = shape
        yield Part(name, kind, reads, (name,), (shape,), weights)
        before = (name,)


def _shape_after(layer: Json, inputs: Sequence[Dims | None]) -> Dims | None:
    """Of a layer that no other reads, where its input's shape says it."""
    kind, shape = layer["class_name"], inputs[0] if len(inputs) == 1 else None
    units = layer["config"].get("units")
    if shape and kind == "Dense" and isinstance(units, int):
        return (*shape[:-1], units)
    return shape if kind in _SAME_SHAPE else None


def _is_operation(layer: Json) -> bool:
    """Whether it is a function of keras.ops, which has no weights."""
    return "ops" in str(layer.get("module", "")).split(".")


def _name(layer: Json) -> str:
    return str(layer.get("name") or layer["config"]["name"])


def _known_shapes(layers: Sequence[Json]) -> Iterator[tuple[str, Dims | None]]:
    """Of inputs, and of what other layers read where the archive says it. No shape stands for an
    unknown one as well."""
    for layer in layers:
        yield from _tensor_shapes(layer.get("inbound_nodes"))
    for layer in layers:
        shape = layer["config"].get("batch_shape") or layer["config"].get("batch_input_shape")
        if shape:
            yield _name(layer), _dims(shape)


def _dims(shape: Sequence[int | None]) -> Dims:
    return tuple("?" if size is None else int(size) for size in shape)


def _tensors(value: Any) -> Iterator[Json]:
    """The symbolic tensors among arguments: `keras_history` says which layer each is of."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            config = item.get("config")
            if isinstance(config, dict) and "keras_history" in config:
                yield config
            else:
                waiting += reversed(list(item.values()))
        elif isinstance(item, list):
            old = len(item) > 2 and isinstance(item[0], str) and isinstance(item[1], int)
            if old:  # as Keras 2 has it, and the lists of a model's inputs and outputs
                yield {"keras_history": item[:3]}
            else:
                waiting += reversed(item)


def _histories(value: Any) -> Iterator[str]:
    for tensor in _tensors(value):
        yield str(tensor["keras_history"][0])


def _tensor_shapes(nodes: Any) -> Iterator[tuple[str, Dims | None]]:
    for tensor in _tensors(nodes):
        if tensor.get("shape") and tensor["keras_history"][2] == 0:
            yield str(tensor["keras_history"][0]), _dims(tensor["shape"])


def _ends(config: Json, layers: Sequence[Json]) -> tuple[list[str], list[str]]:
    """The layers that are inputs and outputs; of a Sequential model the first and the last."""
    if "input_layers" in config:
        ends = config["input_layers"], config["output_layers"]
        inputs, outputs = (list(dict.fromkeys(_histories([end]))) for end in ends)
        return inputs, outputs
    names = [_name(layer) for layer in layers]
    return names[:1], names[-1:]


def _warnings(layers: Sequence[Json]) -> Iterator[str]:
    for layer in layers:
        module = str(layer.get("module", "keras"))
        if module.partition(".")[0] not in ("keras", "tf_keras", "builtins"):
            yield f"layer '{_name(layer)}' is not Keras's own: {module}.{layer['class_name']}"
        if layer["class_name"] == "Lambda":
            yield f"layer '{_name(layer)}' is a Lambda: Keras runs the code in it"
