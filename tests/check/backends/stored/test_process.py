"""Models in a process of their own: what comes back, and what one that ends leaves.

Comparisons with real models of Keras are in tests/check/test_loading.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bridge.check.backends.exported import Exported, Port
from bridge.check.backends.stored import process as processes
from bridge.check.backends.stored.opening import OPENERS, KerasFile
from bridge.check.backends.stored.process import ModelProcess
from bridge.check.backends.stored.server import Models
from bridge.errors import GraphError, UsageError

X = np.float32([[1, 2]])


class Doubling:
    title, inputs, outputs, values = "doubling", {"x": ((1, 2), "float32")}, ("y",), ("y", "z")
    dtypes, origins = frozenset(("float32",)), dict[str, Any]()

    def run(self, feeds: Any, wanted: Any) -> Iterator[tuple[str, Any]]:
        yield "y", 2 * feeds["x"]
        if "z" in wanted:
            raise ZeroDivisionError("as a library fails")


def keras_file(path: Path) -> KerasFile:
    if path.suffix == ".broken":
        raise OSError(5, "Input/output error", str(path))
    return KerasFile(path.name, (("x", (None, 2)),), {"y": "Rescaling"}, Doubling)


def tflite(path: Path) -> Exported:
    port = Port("x", (1, 2), "float32")
    return Exported(path.name, (port,), (port,), lambda arrays: [2 * array for array in arrays])


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The server's answers, with openers that need no library."""
    for kind, opener in (("keras", keras_file), ("tflite", tflite)):
        monkeypatch.setitem(OPENERS, kind, opener)
    monkeypatch.chdir(Path.cwd())
    models = Models()
    return lambda method, *arguments: models.answer(0, method, arguments)


def test_values_come_one_by_one(ask: Callable[..., Any], tmp_path: Path) -> None:
    ask("open", str(tmp_path), {}, "keras", Path("net.keras"))
    assert ask("description").operations == {"y": "Rescaling"}
    assert ask("placed")[4] == ("y", "z")
    ask("start", {"x": X}, ["y"])
    name, array = ask("next")
    np.testing.assert_array_equal(array, 2 * X)
    assert (name, ask("next")) == ("y", None)


def test_an_exported_model_answers_at_once(ask: Callable[..., Any], tmp_path: Path) -> None:
    ask("open", str(tmp_path), {}, "tflite", Path("net.tflite"))
    assert ask("description").run is None
    np.testing.assert_array_equal(ask("run", [X])[0], 2 * X)


def test_what_libraries_raise_is_a_refusal(ask: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"net\.broken: the system refuses it: Input/output error"):
        ask("open", str(tmp_path), {}, "keras", Path("net.broken"))
    ask("open", str(tmp_path), {}, "keras", Path("net.keras"))
    ask("placed")
    ask("start", {"x": X}, ["y", "z"])
    ask("next")
    with pytest.raises(GraphError, match="cannot be run\n  received: as a library fails"):
        ask("next")


def test_one_that_ends_is_an_error_and_the_next_model_gets_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    process = ModelProcess()
    monkeypatch.setattr(processes, "_started", [process])
    assert processes.model_process() is process
    process._process.kill()
    process._process.wait()
    with pytest.raises(UsageError, match=r"net\.keras: the process .* has ended") as refusal:
        process.open("keras", Path("net.keras"))
    assert refusal.value.received == "its process ended with SIGKILL"
    another = processes.model_process()
    assert another is not process
    with pytest.raises(GraphError, match="cannot be run"):
        another.ask(Path("net.keras"), 0, "next", ())  # it has no such model
    another.close()
