"""scripts/_environments.py: what is made, when, and the reasons where something cannot be."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


@pytest.fixture
def module(script: Callable[[str], ModuleType], tmp_path: Path) -> ModuleType:
    loaded = script("_environments.py")
    loaded.ROOT = tmp_path
    return loaded


def test_an_environment_is_made_once_for_its_packages(
    module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[str] = []

    def run(command: Sequence[Any], **_: object) -> SimpleNamespace:
        commands.append(" ".join(map(str, command)))
        (tmp_path / "one").mkdir(exist_ok=True)
        return SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    one = module.Environment(tmp_path / "one", ("a==1",))
    assert (one.make(), one.make()) == ("", "")
    assert len(commands) == 2
    assert commands[1].endswith(f"--python {tmp_path}/one/bin/python a==1")
    assert module.Environment(tmp_path / "one", ("a==2",)).make() == ""
    assert len(commands) == 4


def test_what_cannot_be_installed_has_a_reason(
    module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = SimpleNamespace(returncode=1, stderr="resolving\nno such package\n\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    assert module.Environment(tmp_path / "one").make() == "could not be installed: no such package"
    assert not (tmp_path / "one" / "complete").exists()


def test_what_it_needs_must_be_there(module: ModuleType, tmp_path: Path) -> None:
    no_program = module.Environment(tmp_path / "one", needs="no-such-program")
    assert no_program.make() == "there is no no-such-program on PATH"
    no_file = module.Environment(tmp_path / "one", needs=tmp_path / "build" / "caffe")
    assert no_file.make() == "there is no build/caffe"
