"""scripts/reliability: it counts what comes of damaged files and of kills."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.helpers.golden_cases import case


@pytest.fixture
def reliability(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("reliability")


def test_damaged_files_are_taken_or_refused(reliability: ModuleType) -> None:
    figures = reliability.damage_figures([case("conv_basic_k3").folder], 2, 3)
    assert figures.keys() == {"prototxt", "caffemodel", "ONNX"}
    for counts in figures.values():
        assert counts["done"] + counts["refused"] == 5
        assert counts["MB"] > 0
    assert reliability.damage_table(figures).count("| 0 | 0 | 0 | 0 |") == 3


@pytest.mark.parametrize("kind", ["fault", "traceback", "too long", "refused"])
def test_what_comes_out_is_counted(
    kind: str, reliability: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = {
        "fault": reliability.InternalError("a fault"),
        "traceback": KeyError("x"),
        "too long": reliability.TooLongError(),
        "refused": reliability.BridgeError("no"),
    }

    def fail(_: Path) -> None:
        raise errors[kind]

    assert reliability.outcome(fail, Path("file")) == kind


def test_a_process_that_ends_gives_nothing(reliability: ModuleType) -> None:
    assert reliability.in_child(lambda: [1]) == [1]
    assert reliability.in_child(lambda: __import__("os")._exit(3)) is None


def test_a_graph_with_weights_of_two_nets_is_not_whole(
    reliability: ModuleType, tmp_path: Path
) -> None:
    one, other = reliability.two_nets(tmp_path)
    output = tmp_path / "net.onnx"
    reliability.convert(one, output, "linked")
    assert reliability.whole(output, "linked", [])
    one[1].write_bytes(one[1].read_bytes()[:-400100] + other[1].read_bytes()[-400100:])
    assert not reliability.whole(output, "linked", [])


@pytest.mark.parametrize("prepare", ["full", "read_only"])
def test_what_cannot_be_written_is_refused(prepare: str, reliability: ModuleType) -> None:
    figures = reliability.unwritten("inline", 2, getattr(reliability, prepare))
    assert figures == {"tries": 2, "refused": 2, "whole": 2}


def test_several_processes_leave_one_whole_output(reliability: ModuleType) -> None:
    figures = reliability.crowd("external", 2, 2)
    assert figures == {"conversions": 4, "failed": 0, "whole": True, "left": 0}
