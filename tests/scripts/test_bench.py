"""scripts/bench: what it measures is what it says; the figures are the machine's."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from bridge.inspection import inspect


@pytest.fixture
def bench(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> ModuleType:
    module = script("bench")
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    return module


def test_its_net_is_vgg16(bench: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "vgg16.prototxt"
    path.write_text("\n".join(bench.vgg16()))
    (contents,) = inspect([path])
    assert contents.parameters == 138_357_544
    assert contents.outputs == {"prob": (1, 1000)}


def test_seconds_and_peaks_are_of_the_process(bench: ModuleType) -> None:
    work = "x = bytearray(300 * 2**20); sum(range(3 * 10**6))"
    idle = bench.cost(bench.python("pass"))
    busy = bench.cost(bench.python(work))
    assert busy.seconds > idle.seconds
    assert busy.peak > 300 * bench.MIB


@pytest.mark.parametrize(("spent", "status"), [(2.0, False), (3.0, True)])
def test_what_goes_beyond_its_bound_is_marked(
    bench: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    spent: float,
    status: bool,
) -> None:
    costs = {"onnx": bench.Cost(1.0, 0.0), "lenet": bench.Cost(spent, 0.0)}
    monkeypatch.setattr(bench, "measured", lambda commands, rounds: costs)
    monkeypatch.setattr(sys, "argv", ["bench", "start"])
    with pytest.raises(SystemExit) as stopped:
        bench.main()
    assert stopped.value.code == status
    assert ("too much" in capsys.readouterr().out) == status


def test_other_names_are_refused(bench: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "speed"])
    with pytest.raises(SystemExit, match="no such benchmark: speed"):
        bench.main()
