"""scripts/generate: what is made of other files is committed as they make it now.

docs/mistakes.md, which takes seconds to make, is held in test_mistakes.py.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

Script = Callable[[str], ModuleType]


@pytest.mark.parametrize("name", ["caffe.desc", "layers.md"])
def test_what_is_generated_is_up_to_date(script: Script, name: str) -> None:
    pytest.importorskip("grpc_tools", reason="grpcio-tools is a development dependency")
    (path,) = (path for path in script("_generate.py").TARGETS if path.name == name)
    content = script("_generate.py").TARGETS[path]()
    assert path.read_bytes() == content, f"{name} is out of date: run scripts/generate"


def test_only_what_has_changed_is_written(
    script: Script,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    generate = script("_generate.py")
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("as before")
    new.write_text("as before")
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "TARGETS", {old: lambda: b"as before", new: lambda: b"other"})
    generate.main()
    assert (old.read_text(), new.read_text()) == ("as before", "other")
    assert capsys.readouterr().out == "old: as it was\nnew: written anew\n"
