"""Files appear whole or not at all, and what a killed process has left is gone at the next run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.errors import GraphError, UsageError
from bridge.files.staging import staged, staging, synced


@pytest.mark.parametrize("own_folder", [True, False])
def test_a_full_disk_leaves_what_was_there(own_folder: bool, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_text("what was there before")

    def fill() -> None:
        with staged(path, own_folder=own_folder) as target:
            target.write_text("half of")
            raise OSError(28, "No space left on device")

    with pytest.raises(UsageError, match="No space left on device"):
        fill()
    assert [file.name for file in tmp_path.iterdir()] == ["net.onnx"]
    assert path.read_text() == "what was there before"


@pytest.mark.parametrize("own_folder", [True, False])
def test_an_error_names_the_file_that_was_asked_for(own_folder: bool, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    with pytest.raises(GraphError) as raised, staged(path, own_folder=own_folder) as temporary:
        raise GraphError("too large", where=temporary, expected="a small one", hint="cut it")
    assert str(raised.value) == str(
        GraphError("too large", where=path, expected="a small one", hint="cut it")
    )


def test_of_two_files_neither_is_there_without_the_other(tmp_path: Path) -> None:
    def written() -> None:
        with staged(tmp_path / "net.keras") as model, staged(tmp_path / "map.json") as its_map:
            model.touch()
            its_map.touch()

    (tmp_path / "map.json").mkdir()  # no file can have this name
    with pytest.raises(UsageError):
        written()
    assert [file.name for file in tmp_path.iterdir()] == ["map.json"]
    (tmp_path / "map.json").rmdir()
    written()
    assert len(list(tmp_path.iterdir())) == 2


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


# Writes a file with its data, and is killed by a call of this name.
KILLED = """
import os, signal, sys
from pathlib import Path
from bridge.files.staging import staging
path, call = Path(sys.argv[1]), sys.argv[2]
with staging(path) as staged:
    staged.path.write_text("new")
    data = staged.path.with_name("net.onnx.1.data")
    data.write_text("new data")
    setattr(Path, call, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
    staged.publish({data: path.with_name(data.name)}, [path.with_name("net.onnx.data")])
"""


@pytest.mark.parametrize(
    ("call", "content", "data"),
    [
        ("rename", "old", "net.onnx.data"),
        ("replace", "old", "net.onnx.data"),
        ("unlink", "new", "net.onnx.1.data"),
    ],
)
def test_what_a_killed_process_left_is_gone_at_the_next_run(
    call: str, content: str, data: str, tmp_path: Path
) -> None:
    path = tmp_path / "net.onnx"
    path.write_text("old")
    (tmp_path / "net.onnx.data").write_text("old data")
    done = subprocess.run([sys.executable, "-c", KILLED, path, call], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == content
    assert (tmp_path / data).is_file()
    with staging(path):
        pass  # the next run, which is refused
    assert names(tmp_path) == {"net.onnx", data}
    assert path.read_text() == content


@pytest.mark.parametrize("own_folder", [True, False])
def test_what_another_writes_meanwhile_stays(own_folder: bool, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    with staging(path, own_folder=own_folder) as one:
        one.path.write_text("one")
        with staged(path, own_folder=own_folder) as other:
            other.write_text("other")
        assert path.read_text() == "other"
        one.publish()
    assert path.read_text() == "one"
    assert names(tmp_path) == {"net.onnx"}


def test_folders_of_others_stay(tmp_path: Path) -> None:
    others = {".net.onnx.writing-0", ".net.onnx.original", ".net.onnx.writing-abcdefgh.onnx"}
    for name in others:
        (tmp_path / name).mkdir()
    (tmp_path / ".net.onnx.writing-abcdefgi").symlink_to(tmp_path / ".net.onnx.original")
    with staged(tmp_path / "net.onnx") as file:
        file.touch()
    assert names(tmp_path) == {*others, "net.onnx", ".net.onnx.writing-abcdefgi"}


def test_a_file_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, order = tmp_path / "net.onnx", []
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: order.append(path.exists()) or sync(handle))
    with staged(path) as file:
        file.touch()
    assert order == [False, False, True]  # the file, and the folder before and after the name


def test_a_folder_is_brought_to_the_disk_with_what_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model" / "variables").mkdir(parents=True)
    (tmp_path / "model" / "variables" / "data").touch()
    count = []
    monkeypatch.setattr(os, "fsync", count.append)
    synced(tmp_path / "model")
    assert len(count) == 3
