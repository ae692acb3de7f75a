"""The small net of these tests, in all its forms."""

from __future__ import annotations

import pytest

import bridge
from tests.helpers.small_net import PROTOTXT, Small, weights


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    net = Small(tmp_path_factory.mktemp("small")).write(PROTOTXT, weights())
    bridge.onnx_to_keras(net.onnx, net.keras)
    return net
