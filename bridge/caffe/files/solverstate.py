"""A solver's snapshot: how far the training came, and what the solver remembers of it.

A `.solverstate` is a protobuf SolverState, its HDF5 form `.solverstate.h5` has the same as
datasets. `history` are the solver's own blobs, one for each parameter of the net in its order, and
for AdaDelta and Adam as many again.
(Source: SolverState in src/caffe/proto/caffe.proto, SnapshotSolverState* in
src/caffe/solvers/sgd_solver.cpp)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bridge import files
from bridge.caffe.files.blobs import stored_blob
from bridge.errors import Location, WeightsError
from bridge.files.hdf5 import datasets, is_hdf5, opened, values
from bridge.files.wire import BYTES, VARINT, Wire
from bridge.types import Array

# Field numbers of SolverState.
_ITERATION, _LEARNED_NET, _HISTORY = 1, 2, 3


@dataclass(frozen=True)
class SolverState:
    """The `iteration` that comes next, and the solver's blobs."""

    where: Location
    iteration: int
    history: tuple[Array, ...]


def read_solverstate(path: str | Path) -> SolverState:
    """The snapshot in either of Caffe's two formats.

    Errors: UsageError for a path that cannot be read, or without h5py; WeightsError for a file that
    is damaged, or of another kind.
    """
    file = files.readable(path, "solver state")
    if is_hdf5(file):
        return _from_hdf5(file)
    if not files.glance(file).startswith(b"\x08"):
        kind = files.of(file)
        raise _no_state(file, kind.name if kind is not None else None)
    return _from_binary(file)


def _no_state(path: Path, received: object) -> WeightsError:
    return WeightsError(
        "not a solver state",
        where=Location.of(path),
        expected="a .solverstate, or .solverstate.h5, as Caffe's snapshots write it",
        received=received,
    )


def _from_binary(path: Path) -> SolverState:
    wire = Wire(path)
    iteration, history = 0, []
    for entry in wire.entries(0, len(wire)):
        if entry.number == _ITERATION and entry.wire == VARINT:
            iteration = entry.value
        elif entry.number == _HISTORY and entry.wire == BYTES:
            stored = stored_blob(wire, entry)
            if not stored.is_whole:
                shape = stored.blob.shape
                raise wire.damaged(entry.begin, f"{stored.count} values for the shape {shape}")
            history.append(np.array(stored.blob.array()))
        elif entry.number == _LEARNED_NET and entry.wire != BYTES:
            raise _no_state(path, "another protobuf message")
    return SolverState(Location.of(path), iteration, tuple(history))


def _from_hdf5(path: Path) -> SolverState:
    history: dict[int, Array] = {}
    iteration: Any = None
    with opened(path) as file:
        for name, dataset in datasets(path, file):
            group, _, index = name.rpartition("/")
            if name == "iter":
                numbers = values(path, dataset)
                is_count = numbers.size and numbers.dtype.kind in "iu"
                iteration = int(numbers.flat[0]) if is_count else None
            elif group == "history" and index.isdecimal() and dataset.dtype.kind == "f":
                history[int(index)] = np.asarray(values(path, dataset), np.float32)
    if iteration is None or sorted(history) != list(range(len(history))):
        raise _no_state(path, "an HDF5 file of another kind")
    return SolverState(Location.of(path), iteration, tuple(history[i] for i in sorted(history)))
