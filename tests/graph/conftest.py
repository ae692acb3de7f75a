"""A lowered net whose weights lie in a real caffemodel."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bridge.caffe import read
from bridge.lower import LoweredModel, lower
from tests.helpers.golden_cases import Case, case


@pytest.fixture
def lenet() -> Case:
    return case("net_lenet")


@pytest.fixture
def lowered(lenet: Case, tmp_path: Path) -> LoweredModel:
    """LeNet, read from files in the test's own folder."""
    for path in (lenet.prototxt, lenet.caffemodel):
        shutil.copy(path, tmp_path)
    return lower(read(tmp_path / "net.prototxt", tmp_path / "net.caffemodel"))
