"""A folder of nets: one that converts, one that is refused, one that takes too long."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import bridge
from bridge.errors import UsageError
from tests.helpers.golden_cases import case

CONV = case("conv_basic_k3")


@pytest.fixture
def nets(tmp_path: Path) -> Path:
    folder = tmp_path / "nets"
    (folder / "inner").mkdir(parents=True)
    shutil.copy(CONV.prototxt, folder / "inner" / "good.prototxt")
    shutil.copy(CONV.caffemodel, folder / "any.caffemodel")
    (folder / "bad.prototxt").write_text('layer { name: "a" type: "Nobody<b>" top: "x" }')
    return folder


def test_each_net_is_converted_or_refused_and_not_twice(nets: Path, tmp_path: Path) -> None:
    output, said = tmp_path / "out", list[tuple[int, int, str]]()
    result = bridge.convert_folder(nets, output, jobs=2, done=lambda *done: said.append(done))
    assert result.counts == {"converted": 1, "refused": 1}
    assert not result.ok
    assert sorted(name for _, _, name in said) == ["bad.prototxt", "inner/good.prototxt"]
    good = output / "inner" / "good.onnx"
    good_one, refused = (outcome for outcome in reversed(result.outcomes.values()))
    assert good_one.summary["parameters"] == 112
    assert good_one.summary["verdict"] == "equal"
    assert "Nobody<b>" in refused.error

    page = result.index.read_text(encoding="utf-8")
    assert "inner/good.onnx" in page
    assert "Nobody&lt;b&gt;" in page
    assert "<b>" not in page

    before = good.stat().st_mtime_ns
    again = bridge.convert_folder(nets, output)
    assert good.stat().st_mtime_ns == before, "it was converted again"
    assert again.index.read_text(encoding="utf-8") == page
    good.unlink()
    assert bridge.convert_folder(nets, output).counts == result.counts
    assert good.exists()


def test_a_folder_without_nets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no net"):
        bridge.convert_folder(tmp_path, tmp_path / "out")
    with pytest.raises(UsageError, match="not a folder"):
        bridge.convert_folder(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(
        UsageError, match="no format that nets are converted to\n  expected: onnx or keras"
    ):
        bridge.convert_folder(tmp_path, tmp_path / "out", to=["tflite"])
    with pytest.raises(UsageError, match="jobs cannot be this"):
        bridge.convert_folder(tmp_path, tmp_path / "out", jobs=0)
    with pytest.raises(UsageError, match="no time"):
        bridge.convert_folder(tmp_path, tmp_path / "out", seconds=-1)
    assert not (tmp_path / "out").exists()


def test_links_that_lead_out_are_refused_and_named(tmp_path: Path) -> None:
    folder = tmp_path / "nets"
    folder.mkdir()
    (tmp_path / "secret").write_text("layer {")
    (folder / "net.prototxt").symlink_to(tmp_path / "secret")
    result = bridge.convert_folder(folder, tmp_path / "out")
    assert result.counts == {"refused": 1}
    assert not result.ok
    page = result.index.read_text("utf-8")
    assert "net.prototxt" in page
    assert "it is a link that leads out of the folder" in page


def test_a_page_of_somebody_else_is_left_alone(nets: Path) -> None:
    (nets / "index.html").write_text("mine")
    with pytest.raises(UsageError, match=r"index\.html that is not of an earlier run"):
        bridge.convert_folder(nets, nets)
    assert (nets / "index.html").read_text() == "mine"
