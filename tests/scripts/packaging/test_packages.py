"""scripts/packages: what it holds the sdist, the wheel and README's commands to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def module(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("packages")


def test_what_an_archive_lacks_is_named(module: ModuleType) -> None:
    tracked = ["README.md", "bridge/cli/app.py", "models/net.caffemodel", ".ci/run"]
    names = ["caffe_bridge-1/README.md", "caffe_bridge-1/PKG-INFO", "caffe_bridge-1/bridge"]
    assert module.missing_in_sdist(tracked, names) == ["bridge/cli/app.py", "models/net.caffemodel"]
    assert module.missing_in_wheel(tracked, ["bridge/__init__.py"]) == ["bridge/cli/app.py"]


def test_readmes_first_commands_are_read_with_what_they_print(module: ModuleType) -> None:
    commands = module.commands_of((ROOT / "README.md").read_text(encoding="utf-8"))
    assert [command.split()[3] for command in commands] == ["caffe-to-onnx", "onnx-to-keras"]
    (last, _) = (lines[-1] for lines in commands.values())
    assert last.startswith("digits.onnx: 146 kB")


def test_seconds_and_rounding_may_differ_and_nothing_else(module: ModuleType) -> None:
    said = ["worst 3.3e-06 of 1.2e-05 allowed", "digits.onnx: 146 kB, 9 nodes, 0.9 s"]
    printed = ["worst 2.9e-06 of 1.2e-05 allowed", "digits.onnx: 146 kB, 9 nodes, 12 s"]
    assert module.differences(said, printed) == []
    assert module.differences(said, [printed[0], "digits.onnx: 146 kB, 8 nodes, 1.0 s"]) == [
        "- digits.onnx: …, 9 nodes, …",
        "+ digits.onnx: …, 8 nodes, …",
    ]
