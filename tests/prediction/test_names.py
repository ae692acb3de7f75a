from __future__ import annotations

from pathlib import Path

import pytest

from bridge.errors import PrototxtError, UsageError
from bridge.prediction.names import read_names


def file(folder: Path, text: str) -> Path:
    path = folder / "names.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_each_line_names_a_class(tmp_path: Path) -> None:
    path = file(tmp_path, "n01440764 tench, Tinca tinca\n\nfür Elise \n\n")
    assert read_names(path) == {0: "n01440764 tench, Tinca tinca", 1: "", 2: "für Elise"}


def test_a_label_map_of_ssd(tmp_path: Path) -> None:
    path = file(
        tmp_path,
        """# VOC
        item { name: "none_of_the_above" label: 0 display_name: "background" }
        item { name: "cat" label: 8 }""",
    )
    assert read_names(path) == {0: "background", 8: "cat"}


@pytest.mark.parametrize("text", ["", "\n \n", "\0\1\2", "item { label: 'one' }"])
def test_what_names_nothing_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="no names of classes"):
        read_names(file(tmp_path, text))


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the names of the classes"):
        read_names(tmp_path / "none.txt")
    with pytest.raises(PrototxtError):
        read_names(file(tmp_path, 'item { name: "'))
