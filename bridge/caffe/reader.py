"""Reading a Caffe net: its files in, one `Net` out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bridge import files
from bridge.caffe.assemble import assemble
from bridge.caffe.files import binary, hdf5, weights
from bridge.caffe.files import prototxt as text
from bridge.caffe.files.harmless import is_harmless
from bridge.caffe.files.prototxt import Message
from bridge.caffe.files.weights import StoredLayer
from bridge.caffe.inputs import with_channels, with_shapes
from bridge.caffe.match import attach
from bridge.caffe.net import Net, Shape
from bridge.caffe.state import PHASES, State
from bridge.caffe.upgrade import upgrade
from bridge.errors import BridgeError, Location, PrototxtError, UsageError, after
from bridge.files.hdf5 import is_hdf5


def read(
    prototxt: str | Path,
    caffemodel: str | Path | None = None,
    *,
    phase: str = "TEST",
    stages: Sequence[str] = (),
    level: int = 0,
    input_shape: Mapping[str, Shape] | None = None,
    allow_missing_weights: bool = False,
    hold: Callable[[Net], object] | None = None,
) -> Net:
    """A Caffe net of any dialect, with its weights if a caffemodel (or its HDF5 form) is passed.

    Without one, layers have no blobs; but if `prototxt` is itself a caffemodel, passed alone, the
    net that it describes and its weights are read from it. `phase` (TEST or TRAIN), `stages` and
    `level` select layers by their include and exclude rules. `input_shape` replaces the shapes of
    inputs, by name. With `allow_missing_weights` fillers initialise what a caffemodel lacks.
    `hold` sees the net before its weights are matched, and may refuse it: a misread layer needs
    other weights than it has.
    Errors: UsageError for paths that cannot be read, or unknown names; PrototxtError, WeightsError
    for files that are broken or do not match; UnsupportedError where the result depends on shared
    or overwritten memory.
    """
    if phase not in PHASES:
        raise UsageError("no such phase", expected=" or ".join(PHASES), received=phase)
    net_path = files.readable(prototxt, "prototxt")
    weights_path = None if caffemodel is None else files.readable(caffemodel, "caffemodel")
    _refuse_other_than_net(net_path)
    is_alone = weights_path is None and _is_binary(net_path)
    if weights_path is not None and _is_binary(net_path):
        raise _binary_prototxt(net_path, weights_path)
    definition, warnings = (binary if is_alone else text).load(net_path)
    state = State(phase, level, frozenset((*stages, *definition.get("state", {}).get("stage", []))))
    with after(warnings):
        net = _assembled(definition, state, input_shape or {})
    net = replace(net, warnings=(*warnings, *net.warnings))
    source = net_path if is_alone else weights_path
    with after(net.warnings):
        if hold is not None:
            hold(net)
        return net if source is None else _with_weights(net, source, allow_missing_weights)


def _with_weights(net: Net, source: Path, allow_missing: bool) -> Net:
    stored = stored_layers(source)
    net = with_channels(net, stored)
    return attach(net, stored, Location.of(source), allow_missing=allow_missing)


def _assembled(definition: Message, state: State, input_shape: Mapping[str, Shape]) -> Net:
    """The net without weights.

    An error also names unknown fields, since they may be its cause: with `topp`, no layer
    produces the blob.
    """
    try:
        layers, warnings = upgrade(definition)
        net = assemble(definition.get("name", ""), layers, state, input_shape)
        net = with_shapes(net, input_shape)
    except BridgeError as error:
        suspects = "; ".join(_suspects(definition))
        if not suspects:
            raise
        raise error.with_hint(f"this may be the cause: {suspects}") from None
    return replace(net, warnings=warnings, complaints=definition.complaints)


def _suspects(definition: Message) -> Iterator[str]:
    for message in (definition, *definition.get("layer", ()), *definition.get("layers", ())):
        yield from (c.line() for c in message.complaints if not is_harmless(c))


def stored_layers(path: Path) -> tuple[StoredLayer, ...]:
    """The layers in a file of weights, in either of Caffe's two formats. Errors: WeightsError, and
    UsageError if h5py is missing."""
    return hdf5.read(path) if is_hdf5(path) else weights.read(path)


def _refuse_other_than_net(path: Path) -> None:
    kind = files.identify(files.glance(path))
    if kind is not None:
        raise PrototxtError(
            "not a Caffe net",
            where=Location.of(path),
            expected="protobuf text: NET.prototxt",
            received=kind.name,
            hint=kind.hint,
        )


def _binary_prototxt(prototxt: Path, caffemodel: Path) -> UsageError:
    swapped = not _is_binary(caffemodel)
    return UsageError(
        "the prototxt is a binary file",
        where=Location.of(prototxt),
        expected="protobuf text: NET.prototxt WEIGHTS.caffemodel",
        hint="swap the two files" if swapped else None,
    )


def _is_binary(path: Path) -> bool:
    return files.looks_binary(files.glance(path))
