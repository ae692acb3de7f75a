"""scripts/reliability: it counts what comes of damaged files and of kills."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from tests.helpers.golden_cases import case


@pytest.fixture
def part(script: Callable[[str], ModuleType]) -> Callable[[str], ModuleType]:
    """A module of the script."""
    script("reliability")
    return lambda name: import_module(f"_reliability.{name}")


def test_damaged_files_are_taken_or_refused(
    part: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    damage, subjects = part("damage"), part("subjects")
    net = case("conv_basic_k3")
    entries = [
        damage.measured(subject, tmp_path, 0, damage.Amount(2, 3))
        for subject in subjects.subjects_of(net.prototxt, net.caffemodel, tmp_path)
    ]
    assert [entry["kind"] for entry in entries] == ["prototxt", "caffemodel", "ONNX"]
    for entry in entries:
        assert entry["counts"].get("done", 0) + entry["counts"].get("refused", 0) == 5
        assert entry["refused elsewhere"] == []
        assert entry["MB"] > 0
    assert part("tables").damage_table(entries).count("| 0 | 0 | 0 | 0 |") == 3


def test_a_copy_has_one_change_at_a_time(part: Callable[[str], ModuleType], tmp_path: Path) -> None:
    damage = part("damage")
    original, copy = tmp_path / "a", tmp_path / "b"
    original.write_bytes(bytes(8))
    copy.write_bytes(bytes(8))
    changes = [damage.Change(5, None), damage.Change(2, None), damage.Change(7, 0)]
    changes.append(damage.Change(1, 3))
    copies = [copy.read_bytes() for _ in damage.damaged(original, copy, changes)]
    assert copies == [bytes(5), bytes(2), bytes(7) + b"\1", b"\0\x08" + bytes(6)]


def test_what_was_measured_is_not_measured_again(
    part: Callable[[str], ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage, net = part("damage"), case("conv_basic_k3")
    monkeypatch.setattr(damage, "golden", lambda: [(net.prototxt, net.caffemodel)])
    for name in ("shared", "graphs"):
        monkeypatch.setattr(damage, name, list)
    results = tmp_path / "results.jsonl"
    first = damage.rounds(1, damage.Amount(1, 1), 1, results)
    monkeypatch.setattr(damage, "tried", None)
    assert damage.rounds(1, damage.Amount(1, 1), 1, results) == [
        {**entry, "refused elsewhere": []} for entry in first
    ]


def test_weights_that_another_reader_has_otherwise_are_seen(
    part: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    subjects = part("subjects")
    trained = case("conv_basic_k3").caffemodel
    subjects._compare_weights(trained)
    layers = [layer for layer in subjects.stored_layers(trained) if layer.blobs]
    other = layers[0].blobs[0].blob.array() + 1
    wrong = SimpleNamespace(is_whole=True, count=1, blob=SimpleNamespace(array=lambda: other))
    stored = SimpleNamespace(name=layers[0].name, blobs={0: wrong})
    monkeypatch.setattr(subjects, "stored_layers", lambda _: [stored])
    with pytest.raises(ValueError, match="other numbers in blob 0"):
        subjects._compare_weights(trained)


@pytest.mark.parametrize("kind", ["fault", "traceback", "too long", "refused"])
def test_what_comes_out_is_counted(
    kind: str, part: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    children = part("children")
    errors = {
        "fault": children.InternalError("a fault"),
        "traceback": KeyError("x"),
        "too long": children.TooLongError(),
        "refused": children.BridgeError("no"),
    }

    def fail(_: Path) -> None:
        raise errors[kind]

    assert children.outcome(fail, Path("file")) == kind


def test_a_process_that_ends_gives_nothing(part: Callable[[str], ModuleType]) -> None:
    assert part("children").in_child(lambda: [1]) == [1]
    assert part("children").in_child(lambda: __import__("os")._exit(3)) is None


def test_a_graph_with_weights_of_two_nets_is_not_whole(
    part: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    one, other = part("kills").two_nets(tmp_path)
    output = tmp_path / "net.onnx"
    part("kills").convert(one, output, "linked")
    assert part("kills").whole(output, [])
    one[1].write_bytes(one[1].read_bytes()[:-400100] + other[1].read_bytes()[-400100:])
    assert not part("kills").whole(output, [])


@pytest.mark.parametrize("prepare", ["full", "read_only"])
def test_what_cannot_be_written_is_refused(prepare: str, part: Callable[[str], ModuleType]) -> None:
    figures = part("writing").unwritten("inline", 2, getattr(part("writing"), prepare))
    assert figures == {"tries": 2, "refused": 2, "whole": 2}


def test_several_processes_leave_one_whole_output(part: Callable[[str], ModuleType]) -> None:
    figures = part("writing").crowd("external", 2, 2)
    assert figures == {"conversions": 4, "failed": 0, "whole": True, "left": 0}
