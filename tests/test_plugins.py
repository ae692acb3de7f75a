"""Plug-ins: the documented example as a user runs it, and what is said of one that fails."""

from __future__ import annotations

import os
import site
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

import bridge
from bridge import plugins
from bridge.check.runners import OnnxRunner
from bridge.errors import UnsupportedLayerError, UsageError
from bridge.lower.table import TABLE as LAYERS
from bridge.raising import TABLE as OPERATORS

EXAMPLE = Path(__file__).parent.parent / "docs" / "plugin"


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """What a test teaches is unknown again after it: others see the tables as they are."""
    layers = dict(LAYERS)
    operators = {name: list(entries) for name, entries in OPERATORS.entries().items()}
    yield
    LAYERS.clear()
    LAYERS.update(layers)
    OPERATORS._entries = operators
    plugins._load_resolved.cache_clear()


def test_the_example_teaches_its_layer(tmp_path: Path) -> None:
    done = bridge.caffe_to_onnx(
        EXAMPLE / "net.prototxt", None, tmp_path / "net.onnx", plugin=EXAMPLE / "my_layers.py"
    )
    x = np.random.default_rng(0).uniform(-2, 2, (3, 2, 4, 4)).astype(np.float32)
    assert done.path is not None
    result = OnnxRunner(done.path).run({"data": x})["clipped"]
    inside = x.clip(-0.5, 0.5)
    np.testing.assert_allclose(result, inside + 0.25 * (x - inside), atol=1e-6)
    assert done.outputs == {"clipped": ("batch", 2, 4, 4)}


def test_the_example_teaches_its_operator() -> None:
    plugins.load_file(EXAMPLE / "my_layers.py")
    x = helper.make_tensor_value_info("x", 1, ["n", 2, 3, 3])
    y = helper.make_tensor_value_info("y", 1, ["n", 2, 3, 3])
    node = helper.make_node("Shrink", ["x"], ["y"], name="r", bias=0.25, lambd=0.75)
    graph = helper.make_graph([node], "g", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    bridge.onnx_to_keras(onnx.ModelProto.FromString(model.SerializeToString()))


def test_a_missing_rule_names_the_layer_and_the_ways_on(tmp_path: Path) -> None:
    net = tmp_path / "net.prototxt"
    text = (EXAMPLE / "net.prototxt").read_text(encoding="utf-8")
    net.write_text(text.replace("SoftClip", "Unheard"), encoding="utf-8")
    with pytest.raises(UnsupportedLayerError, match=r"net\.prototxt:8.*'clipped' \(Unheard\)") as e:
        bridge.caffe_to_onnx(net)
    assert "--plugin" in str(e.value)
    assert "--outputs" in str(e.value)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("gone.py", None, "cannot read this plug-in"),
        ("rules.txt", "", "cannot read this plug-in"),
        ("broken.py", "1 / 0", "ZeroDivisionError"),
        ("syntax.py", "def", "SyntaxError"),
    ],
)
def test_a_plugin_that_fails_is_one_clear_error(
    name: str, text: str | None, told: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=told):
        bridge.caffe_to_onnx(EXAMPLE / "net.prototxt", plugin=path)


def test_an_entry_point_is_loaded_when_a_rule_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "announced.py").write_text(
        "import bridge\n@bridge.layer('Announced')\ndef rule(e, layer, x):\n    return e.Neg(x)\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = [EntryPoint("announced", "announced", plugins.GROUP)]
    monkeypatch.setattr(plugins, "_announced", lambda: found)
    plugins.load_entry_points.cache_clear()
    net = tmp_path / "net.prototxt"
    text = (EXAMPLE / "net.prototxt").read_text(encoding="utf-8")
    net.write_text(text.replace("SoftClip", "Announced"), encoding="utf-8")
    assert bridge.caffe_to_onnx(net).outputs == {"clipped": ("batch", 2, 4, 4)}


def _package(folder: Path, module: str) -> None:
    """What pip leaves of a package that announces this module, in a folder."""
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{plugins.GROUP}]\nrules = {module}\n")


def test_packages_count_where_packages_are_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, installed = tmp_path / "here", tmp_path / "installed"
    for folder, module in ((here, "stranger"), (installed, "friend")):
        folder.mkdir()
        _package(folder, module)
        monkeypatch.syspath_prepend(folder)
    monkeypatch.chdir(here)
    monkeypatch.setattr(site, "getsitepackages", lambda: [str(installed)])
    assert [each.value for each in plugins._announced()] == ["friend"]


@pytest.mark.parametrize("entry", ["", "folder itself"])
def test_modules_of_the_current_folder_are_not_found(
    entry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stranger.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(entry and tmp_path)
    assert find_spec("stranger")
    with plugins.only_installed():
        assert not find_spec("stranger")
    assert find_spec("stranger")


def test_run_in_a_folder_of_a_stranger_none_of_it_is_run(tmp_path: Path) -> None:
    """Of modules that it imports, and that it looks for: of Python, of others, and Caffe."""
    trap = "open('trapped', 'a').write(__name__)\n"
    names = ("typing", "__future__", "dataclasses", "cyclopts", "numpy", "onnx", "caffe", "cv2")
    for name in names:
        (tmp_path / f"{name}.py").write_text(trap)
    (tmp_path / "evil.py").write_text(trap)
    _package(tmp_path, "evil")
    net = (EXAMPLE / "net.prototxt").read_text(encoding="utf-8")
    (tmp_path / "net.prototxt").write_text(net.replace("SoftClip", "Unheard"))
    for arguments in (["inspect", "net.prototxt"], ["check", "net.prototxt", "net.prototxt"]):
        done = subprocess.run(
            [sys.executable, "-m", "bridge", *arguments],
            check=False,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(EXAMPLE.parent.parent)},
            capture_output=True,
            text=True,
        )
        assert "Unheard" in done.stdout + done.stderr, done
        assert not (tmp_path / "trapped").exists()
