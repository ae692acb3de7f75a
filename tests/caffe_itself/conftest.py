"""Caffe itself, where scripts/caffe has built it or BRIDGE_CAFFE_PYTHON names a Python that has it.
It is no recording: it can be fed anything."""

from __future__ import annotations

import os
import sys

import pytest

from bridge.check.backends.caffe_process import VARIABLE
from tests.conftest import ROOT

PYCAFFE = ROOT / "build" / "caffe" / "python"
# The Python that has Caffe, and where it looks for it.
PYTHON = os.environ.get(VARIABLE, sys.executable)
SEARCHED = {} if VARIABLE in os.environ else {"PYTHONPATH": str(PYCAFFE)}


@pytest.fixture(autouse=True)
def caffe(monkeypatch: pytest.MonkeyPatch) -> None:
    if VARIABLE in os.environ:
        return
    if not (PYCAFFE / "caffe" / "_caffe.so").is_file():
        pytest.skip(f"no Caffe here: scripts/caffe builds one, or {VARIABLE} names one")
    monkeypatch.syspath_prepend(PYCAFFE)
