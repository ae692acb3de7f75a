from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import onnx
import onnxruntime
import pytest

from bridge.errors import CheckError, UsageError
from bridge.graph.io import Mode, load, save, saving, to_proto
from bridge.lower import LoweredModel
from tests.graph.io.last_field import graph_fields, read_last
from tests.helpers.golden_cases import Case, assert_close

MODES = get_args(Mode)


def _files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"net.prototxt", "net.caffemodel"}


def _run(path: Path, case: Case) -> None:
    session = onnxruntime.InferenceSession(path)
    for name, expected in case.outputs.items():
        assert_close(session.run([name], case.inputs)[0], expected)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_runs_and_holds_to_onnxs_checks(
    mode: Mode, lowered: LoweredModel, lenet: Case, tmp_path: Path
) -> None:
    path = save(lowered, tmp_path / "net.onnx", weights=mode)
    onnx.checker.check_model(path, full_check=True)
    _run(path, lenet)
    assert _files(tmp_path) == {"net.onnx"} | ({"net.onnx.data"} if mode == "external" else set())


@pytest.mark.parametrize("mode", MODES)
def test_what_is_loaded_is_what_was_saved(
    mode: Mode, lowered: LoweredModel, tmp_path: Path
) -> None:
    loaded = load(save(lowered, tmp_path / "net.onnx", weights=mode))
    assert set(loaded.graph.initializers) == set(lowered.weights)
    for name, weight in lowered.weights.items():
        tensor = loaded.graph.initializers[name].const_value
        assert tensor is not None
        np.testing.assert_array_equal(tensor.numpy(), weight.array())


def test_inline_is_what_protobuf_would_have_written(lowered: LoweredModel, tmp_path: Path) -> None:
    written = onnx.load(save(lowered, tmp_path / "net.onnx", weights="inline"))
    assert written == to_proto(lowered)


@pytest.mark.parametrize("mode", MODES)
def test_a_reader_that_takes_the_last_graph_sees_all_of_it(
    mode: Mode, lowered: LoweredModel, tmp_path: Path
) -> None:
    """As protobuf allows for messages in pieces, and other readers than its own do not."""
    path = save(lowered, tmp_path / "net.onnx", weights=mode)
    read = read_last(path)
    assert graph_fields(path) == 1
    assert read == onnx.load(path, load_external_data=False)
    assert read.graph.node
    assert len(read.graph.initializer) == len(lowered.weights)


@pytest.mark.parametrize("mode", MODES)
def test_the_same_net_gives_the_same_bytes(
    mode: Mode, lowered: LoweredModel, tmp_path: Path
) -> None:
    def written() -> dict[str, bytes]:
        save(lowered, tmp_path / "net.onnx", weights=mode)
        files = {name: tmp_path / name for name in _files(tmp_path)}
        contents = {name: file.read_bytes() for name, file in files.items()}
        for file in files.values():
            file.unlink()
        return contents

    assert written() == written()


def test_linked_points_into_the_caffemodel(lowered: LoweredModel, tmp_path: Path) -> None:
    path = save(lowered, tmp_path / "net.onnx", weights="linked")
    assert path.stat().st_size < 0.5 * (tmp_path / "net.caffemodel").stat().st_size
    proto = onnx.load(path, load_external_data=False)
    locations = {
        entry.value
        for tensor in proto.graph.initializer
        for entry in tensor.external_data
        if entry.key == "location"
    }
    assert locations == {"net.caffemodel"}


def test_external_weights_start_on_pages(lowered: LoweredModel, tmp_path: Path) -> None:
    proto = onnx.load(
        save(lowered, tmp_path / "net.onnx", weights="external"), load_external_data=False
    )
    offsets = [
        int(entry.value)
        for tensor in proto.graph.initializer
        for entry in tensor.external_data
        if entry.key == "offset"
    ]
    assert len(offsets) >= 4
    assert not any(offset % 64 for offset in offsets)


def test_what_is_too_large_for_one_file_goes_beside_it(
    lowered: LoweredModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "INLINE_LIMIT", 100)
    save(lowered, tmp_path / "net.onnx")
    assert _files(tmp_path) == {"net.onnx", "net.onnx.data"}
    with pytest.raises(UsageError, match="external"):
        save(lowered, tmp_path / "net.onnx", weights="inline")


@pytest.mark.parametrize("mode", MODES)
def test_a_file_appears_whole_or_not_at_all(
    mode: Mode, lowered: LoweredModel, lenet: Case, tmp_path: Path
) -> None:
    target = tmp_path / "net.onnx"
    target.write_bytes(b"what was there before")

    def refuse(path: Path) -> None:
        assert path != target
        _run(path, lenet)
        raise CheckError("the numbers do not hold")

    with pytest.raises(CheckError):
        save(lowered, target, weights=mode, check=refuse)
    assert target.read_bytes() == b"what was there before"
    assert _files(tmp_path) == {"net.onnx"}
    save(lowered, target, weights=mode, check=lambda path: _run(path, lenet))
    _run(target, lenet)


def test_weights_that_are_computed_are_written_inside(
    lowered: LoweredModel, tmp_path: Path
) -> None:
    name, weight = next(iter(lowered.weights.items()))
    computed = replace(weight, read=lambda: np.full(weight.shape, 7, np.float32), span=None)
    model = replace(lowered, weights={**lowered.weights, name: computed})
    path = save(model, tmp_path / "net.onnx", weights="linked")
    tensors = {tensor.name: tensor for tensor in onnx.load(path).graph.initializer}
    assert (onnx.numpy_helper.to_array(tensors[name]) == 7).all()


class TestReplacing:
    """A graph that is there, with weights beside it, by another: at no time is it with the
    other's weights."""

    @pytest.fixture
    def old(self, lowered: LoweredModel, tmp_path: Path) -> Path:
        zeros = {
            name: replace(
                weight, read=lambda *_, s=weight.shape: np.zeros(s, np.float32), span=None
            )
            for name, weight in lowered.weights.items()
        }
        return save(replace(lowered, weights=zeros), tmp_path / "net.onnx", weights="external")

    @staticmethod
    def sums(path: Path) -> set[bool]:
        """Which weights a graph has: whether each is of zeros."""
        tensors = onnx.load(path).graph.initializer
        return {not onnx.numpy_helper.to_array(tensor).any() for tensor in tensors}

    @pytest.mark.parametrize("ended", ["rename", "replace"])
    @pytest.mark.parametrize("end", [KeyboardInterrupt, OSError])
    def test_ended_in_between(
        self,
        old: Path,
        lowered: LoweredModel,
        monkeypatch: pytest.MonkeyPatch,
        ended: str,
        end: type[BaseException],
    ) -> None:
        def stop(*_: object) -> None:
            raise end

        monkeypatch.setattr(Path, ended, stop)
        with pytest.raises((KeyboardInterrupt, UsageError)):
            save(lowered, old, weights="external")
        assert self.sums(old) == {True}

    def test_the_old_weights_go_with_the_old_graph(self, old: Path, lowered: LoweredModel) -> None:
        """Under a name that no graph before it had: who has just read one still looks there."""
        for number in (1, 2, 3):
            save(lowered, old, weights="external")
            assert self.sums(old) == {False}
            assert _files(old.parent) == {"net.onnx", f"net.onnx.{number}.data"}
        save(lowered, old, weights="inline")
        assert _files(old.parent) == {"net.onnx"}

    def test_the_weights_of_others_stay(self, old: Path, lowered: LoweredModel) -> None:
        proto = onnx.load(old, load_external_data=False)
        proto.producer_name = "another"
        old.write_bytes(proto.SerializeToString())
        save(lowered, old, weights="external")
        assert _files(old.parent) == {"net.onnx", "net.onnx.data", "net.onnx.1.data"}
        assert self.sums(old) == {False}

    def test_whoever_comes_first_one_is_there_whole(
        self, old: Path, lowered: LoweredModel, lenet: Case
    ) -> None:
        """Another process replaces it while this one is checked."""

        def other(_: Path) -> None:
            save(lowered, old, weights="external")
            assert self.sums(old) == {False}

        zeros = {
            name: replace(
                weight, read=lambda *_, s=weight.shape: np.zeros(s, np.float32), span=None
            )
            for name, weight in lowered.weights.items()
        }
        save(replace(lowered, weights=zeros), old, weights="external", check=other)
        assert self.sums(old) == {True}
        assert len(_files(old.parent)) == 2

    def test_several_processes_at_once(self, old: Path, lenet: Case) -> None:
        program = (
            "import sys, bridge\n"
            "from bridge.graph.io import saving\n"
            "saving.PAGE = 64\n"
            "for _ in range(12):\n"
            "    bridge.caffe_to_onnx(*sys.argv[1:], check=False, weights='external')\n"
        )
        arguments = [sys.executable, "-c", program, lenet.prototxt, lenet.caffemodel, old]
        running = [subprocess.Popen(arguments) for _ in range(3)]
        while any(process.poll() is None for process in running):
            # The graph that was just read may have been replaced, and its weights be gone: before
            # onnx looks for them, or (RuntimeError) while it looks.
            with suppress(FileNotFoundError, onnx.checker.ValidationError, RuntimeError):
                assert len(self.sums(old)) == 1
        assert [process.returncode for process in running] == [0, 0, 0]
        assert self.sums(old) == {False}
        assert len(_files(old.parent)) == 2


class TestRefusals:
    def test_no_such_folder(self, lowered: LoweredModel, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="folder"):
            save(lowered, tmp_path / "missing" / "net.onnx")

    def test_a_folder_for_a_name(self, lowered: LoweredModel, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="give the file a name"):
            save(lowered, tmp_path)

    @pytest.mark.parametrize("name", ["net.caffemodel", "link"])
    def test_the_weights_that_are_read(
        self, lowered: LoweredModel, tmp_path: Path, name: str
    ) -> None:
        (tmp_path / "link").symlink_to(tmp_path / "net.caffemodel")
        with pytest.raises(UsageError, match="overwrite"):
            save(lowered, tmp_path / name)

    def test_no_such_mode(self, lowered: LoweredModel, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="inline"):
            save(lowered, tmp_path / "net.onnx", weights="sideways")  # type: ignore[arg-type]

    def test_links_out_of_the_folder(self, lowered: LoweredModel, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        with pytest.raises(UsageError, match="beside the caffemodel"):
            save(lowered, tmp_path / "out" / "net.onnx", weights="linked")
        assert not list((tmp_path / "out").iterdir())
