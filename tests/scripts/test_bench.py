"""scripts/bench: what it measures is what it says; the figures are the machine's."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import onnx
import pytest

from bridge.inspection import inspect
from tests.conftest import ROOT


@pytest.fixture
def bench(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> ModuleType:
    monkeypatch.setattr(sys, "path", [*sys.path])  # the script adds its folder
    module = script("bench")
    for name, part in [*sys.modules.items()]:
        if name.startswith("_bench.") and hasattr(part, "FOLDER"):
            monkeypatch.setattr(part, "FOLDER", tmp_path)
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    return module


def part(name: str) -> Any:
    return importlib.import_module(f"_bench.{name}")


def test_its_net_is_vgg16(bench: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "vgg16.prototxt"
    path.write_text("\n".join(part("nets").vgg16_text()))
    (contents,) = inspect([path])
    assert contents.parameters == 138_357_544
    assert contents.outputs == {"prob": (1, 1000)}


def test_seconds_and_peaks_are_of_the_process(bench: ModuleType) -> None:
    measure = part("measure")
    work = "x = bytearray(300 * 2**20); sum(range(3 * 10**6))"
    costs = measure.measured(
        {"idle": measure.python("pass"), "busy": measure.python(work)}, 1, warm=True
    )
    assert costs["busy"].seconds > costs["idle"].seconds
    assert costs["busy"].peak > 300 * measure.MIB


def test_a_process_that_fails_ends_it_with_its_words(bench: ModuleType) -> None:
    measure = part("measure")
    with pytest.raises(SystemExit, match="no such thing"):
        measure.cost(measure.python("raise SystemExit('no such thing')"))


@pytest.mark.parametrize(("value", "status"), [(2.0, False), (3.0, True), (None, False)])
def test_what_goes_beyond_its_bar_is_marked(
    bench: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    value: float | None,
    status: bool,
) -> None:
    row = part("table").Row("a thing by another", value, "x", 2.5, "" if value else "it is away")
    monkeypatch.setattr(bench, "BENCHES", {"thing": lambda: iter([row])})
    monkeypatch.setattr(sys, "argv", ["bench", "thing"])
    with pytest.raises(SystemExit) as stopped:
        bench.main()
    assert stopped.value.code == status
    shown = capsys.readouterr().out
    assert ("too much" in shown) == status
    assert ("not measured: it is away" in shown) == (value is None)


def test_the_table_replaces_the_last_one(
    bench: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    table, page = part("table"), tmp_path / "performance.md"
    page.write_text("Before.\n\n<!-- scripts/bench --write -->\nold\n<!-- end -->\n\nAfter.\n")
    monkeypatch.setattr(table, "PAGE", page)
    table.write_page([table.Row("one", 0.5, "x", 1.0), table.Row("two", 2.0, "MiB", 1.0)])
    text = page.read_text()
    assert text.startswith("Before.\n") and text.endswith("<!-- end -->\n\nAfter.\n")  # noqa: PT018
    assert "old" not in text
    assert "| one | 0.5 x | ≤ 1 |\n| two | **2 MiB** | ≤ 1 |" in text


def test_the_earlier_build_is_there_for_a_while(bench: ModuleType, tmp_path: Path) -> None:
    others = part("others")
    with others.earlier_build() as tree:
        if tree is None:
            pytest.skip(others.NO_EARLIER)
        assert (tree / "bridge" / "__init__.py").is_file()
        assert tree.is_relative_to(tmp_path)
    assert not tree.exists()
    trees = subprocess.run(["git", "worktree", "list"], cwd=ROOT, capture_output=True, check=True)
    assert str(tree).encode() not in trees.stdout


def test_nets_of_many_layers(bench: ModuleType, tmp_path: Path) -> None:
    planning, path = part("planning"), tmp_path / "chain.onnx"
    planning.write_chain(30, path)
    assert [node.op_type for node in onnx.load(path).graph.node] == 15 * ["Conv", "Relu"]
    onnx.checker.check_model(path, full_check=True)
    planning.write_mixed(16, path)
    assert len(onnx.load(path).graph.node) == 16
    onnx.checker.check_model(path, full_check=True)


def test_other_names_are_refused(bench: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "speed"])
    with pytest.raises(SystemExit, match="no such benchmark: speed"):
        bench.main()
