"""Caffe itself, where scripts/caffe has built it. It is no recording: it can be fed anything."""

from __future__ import annotations

import pytest
from conftest import ROOT

PYCAFFE = ROOT / "build" / "caffe" / "python"


@pytest.fixture(autouse=True)
def caffe(monkeypatch: pytest.MonkeyPatch) -> None:
    if not (PYCAFFE / "caffe" / "_caffe.so").is_file():
        pytest.skip("no Caffe here: scripts/caffe builds one")
    monkeypatch.syspath_prepend(PYCAFFE)
