from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import bridge
from bridge.errors import UsageError
from tests.explanation.test_graph import UNET


def test_the_page_of_a_graph_overwrites_none_of_its_files(tmp_path: Path) -> None:
    net = tmp_path / "net.html"
    shutil.copy(UNET, net)
    with pytest.raises(UsageError, match="would overwrite an input"):
        bridge.explain(net, html=net)
    assert net.read_bytes() == UNET.read_bytes()


def test_a_page_is_html(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a name ending in \.html"):
        bridge.explain(UNET, html=tmp_path / "net.pdf")
