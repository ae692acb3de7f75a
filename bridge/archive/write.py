"""A plan → a `.keras` archive, without Keras.

The archive is a zip of stored members: the config of the model, and its weights. The same plan
gives the same bytes.
"""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import ZipFile, ZipInfo

from bridge.archive.config import functional
from bridge.archive.graph import Graph
from bridge.archive.tables import layers, operations
from bridge.archive.weights import WeightsFile
from bridge.errors import UnsupportedError, lines_of
from bridge.public.progress import Bytes, uncounted
from bridge.raising.names import encode
from bridge.raising.plan import Call, Function, Plan

_OLDEST = "3.14.0"  # Keras whose format this is, which later ones read
_LARGE = 2**31  # bytes, from which on sizes are written as zip's larger numbers
_UNIX = 3


def write(plan: Plan, path: Path, written: Bytes = uncounted) -> None:
    """Writes the model of a plan to a new `.keras` file, reading each weight as it comes; `written`
    is called with the bytes of the weights that are written.

    Raises UnsupportedError for what no archive can hold, and for layers and operations that the
    tables lack; OSError if the system refuses it.
    """
    if not plan.inputs or not plan.outputs:
        raise UnsupportedError(
            "a Keras model needs inputs and outputs",
            received=f"{len(plan.inputs)} inputs, {len(plan.outputs)} outputs",
        )
    graph = Graph.of_plan(plan, encode(plan.name))
    weights = WeightsFile.of(graph)
    with ZipFile(path, "w") as archive:
        archive.writestr(_member("metadata.json"), json.dumps({"keras_version": _OLDEST}))
        archive.writestr(_member("config.json"), json.dumps(functional(graph)))
        large = weights.nbytes >= _LARGE
        with archive.open(_member("model.weights.h5"), "w", force_zip64=large) as member:
            for piece in weights.pieces(written):
                member.write(piece)


def is_known(plan: Plan) -> bool:
    """Whether the tables have all layers and operations of a plan: a plug-in may use any."""
    return all(_is_known(call) for call in plan.calls)


def refuse_unknown(plan: Plan) -> None:
    """Raises UnsupportedError for a plan with layers or operations that the tables lack."""
    unknown = [call for call in plan.calls if not _is_known(call)]
    if unknown:
        raise UnsupportedError(
            "no table says how to write these",
            lines=lines_of(unknown, lambda call: f"{call.name} ({call.target})"),
            hint="write a .keras file",
        )


def _is_known(call: Call) -> bool:
    group, kind = call.target.split(".")
    functions = (f for f in (*call.arguments, *call.options.values()) if isinstance(f, Function))
    table = layers() if group == "layers" else operations()
    return kind in table and all(_is_known(inner) for f in functions for inner in f.calls)


def _member(name: str) -> ZipInfo:
    """Of no time, and of no machine."""
    info = ZipInfo(name)
    info.create_system, info.external_attr = _UNIX, 0o600 << 16
    return info
