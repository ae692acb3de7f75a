from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from bridge.public import extras
from bridge.public.extras import pip_install

ROOT = Path(__file__).parents[2]


def test_from_a_checkout_it_is_the_checkout() -> None:
    assert pip_install("keras") == f"pip install '{ROOT}[keras]'"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (None, "pip install 'caffe-bridge[keras]'"),
        ({"url": "file:///a%20b/net", "dir_info": {}}, "pip install '/a b/net[keras]'"),
        (
            {"url": "https://host/x.git", "vcs_info": {"vcs": "git", "commit_id": "12ab"}},
            "pip install 'caffe-bridge[keras] @ git+https://host/x.git'",
        ),
        (
            {"url": "file:///x/bridge-1.whl", "archive_info": {}},
            "pip install 'caffe-bridge[keras] @ file:///x/bridge-1.whl'",
        ),
    ],
)
def test_installed_it_is_what_pip_installed(
    source: object, expected: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    note = SimpleNamespace(read_text=lambda _: None if source is None else json.dumps(source))
    monkeypatch.setattr(extras, "distribution", lambda _: note)
    monkeypatch.setattr(extras, "__file__", str(tmp_path / "bridge" / "public" / "extras.py"))
    assert pip_install("keras") == expected
