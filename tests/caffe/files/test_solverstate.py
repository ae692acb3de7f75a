from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from bridge.caffe.files.solverstate import read_solverstate
from bridge.errors import UsageError, WeightsError
from bridge.files.memory import VARIABLE
from bridge.files.wire import field
from tests.training.training_runs import run


def test_the_iteration_and_the_history_are_read() -> None:
    state = read_solverstate(run("adam").file("mid.solverstate"))
    assert state.iteration == 4
    assert [array.shape for array in state.history] == 2 * [(4, 2, 3, 3), (4,), (3, 100), (3,)]
    assert all((array >= 0).all() for array in state.history[4:])  # squares


def test_the_hdf5_form_has_the_same(tmp_path: Path) -> None:
    binary = read_solverstate(run("sgd_momentum").file("mid.solverstate"))
    path = tmp_path / "s.solverstate.h5"
    with h5py.File(path, "w") as file:  # as SnapshotSolverStateToHDF5 in sgd_solver.cpp
        file["iter"], file["learned_net"], file["current_step"] = 4, "snap", 0
        for index, array in enumerate(binary.history):
            file[f"history/{index}"] = array
    state = read_solverstate(path)
    assert state.iteration == 4
    assert all((a == b).all() for a, b in zip(state.history, binary.history, strict=True))
    with h5py.File(path, "r+") as file:
        del file["history/1"]
    with pytest.raises(WeightsError, match="not a solver state"):
        read_solverstate(path)


@pytest.mark.parametrize("iteration", [b"four", np.zeros(0, np.int64), h5py.Empty("i8"), 0.5])
def test_an_iteration_that_is_no_number_is_refused(iteration: Any, tmp_path: Path) -> None:
    path = tmp_path / "s.solverstate.h5"
    with h5py.File(path, "w") as file:
        file["iter"] = iteration
    with pytest.raises(WeightsError, match="not a solver state"):
        read_solverstate(path)


def test_a_history_of_more_than_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "1M")
    path = tmp_path / "s.solverstate.h5"
    with h5py.File(path, "w") as file:
        file["iter"] = 4
        zeros = np.zeros(2**20, np.float32)  # which take 5 kB
        file.create_dataset("history/0", data=zeros, compression=9)
    with pytest.raises(UsageError, match="'/history/0' would take too much memory"):
        read_solverstate(path)


@pytest.mark.parametrize("name", ["mid.caffemodel", "train.prototxt", "io.npz"])
def test_other_files_are_refused(name: str) -> None:
    with pytest.raises(WeightsError, match="not a solver state"):
        read_solverstate(run("adam").file(name))


def test_a_damaged_one_is_refused(tmp_path: Path) -> None:
    data = run("adam").file("mid.solverstate").read_bytes()
    (tmp_path / "s.solverstate").write_bytes(data[:-20])
    with pytest.raises(WeightsError, match="damaged"):
        read_solverstate(tmp_path / "s.solverstate")
    (tmp_path / "s.solverstate").write_bytes(np.array([8, 4], np.uint8).tobytes())
    assert read_solverstate(tmp_path / "s.solverstate").history == ()
    more = b"\x08\4" + field(3, field(7, field(1, b"\0")) + field(5, bytes(4)))
    (tmp_path / "s.solverstate").write_bytes(more)
    with pytest.raises(WeightsError, match=r"1 values for the shape \(0,\)"):
        read_solverstate(tmp_path / "s.solverstate")
