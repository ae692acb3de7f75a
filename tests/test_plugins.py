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
from bridge.errors import GraphError, PrototxtError, UnsupportedLayerError, UsageError
from bridge.lower.table import TABLE as LAYERS
from bridge.raising import TABLE as OPERATORS

EXAMPLE = Path(__file__).parent.parent / "docs" / "plugin"


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test teaches is unknown again after it: others see the tables as they are."""
    for table in (LAYERS, OPERATORS):
        versions = {name: [*table.versions(name)] for name in table}
        monkeypatch.setattr(table, "_versions", versions)
    yield
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
    node = helper.make_node("Inverse", ["x"], ["y"], name="r", domain="com.microsoft")
    graph = helper.make_graph([node], "g", [x], [y])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
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
    ("name", "text", "message"),
    [
        ("gone.py", None, "cannot read the plug-in"),
        ("rules.txt", "", "cannot read this plug-in"),
        ("broken.py", "1 / 0", "ZeroDivisionError"),
        ("syntax.py", "def", "SyntaxError"),
    ],
)
def test_a_plugin_that_fails_is_one_clear_error(
    name: str, text: str | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        bridge.caffe_to_onnx(EXAMPLE / "net.prototxt", plugin=path)


def test_an_entry_point_is_loaded_when_a_rule_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "announced.py").write_text(
        "import bridge\n@bridge.layer('Announced')\ndef rule(e, layer, x):\n    return e.Neg(x)\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    entries = [EntryPoint("announced", "announced", plugins.GROUP)]
    monkeypatch.setattr(plugins, "_entry_points", lambda: entries)
    plugins.load_entry_points.cache_clear()
    net = tmp_path / "net.prototxt"
    text = (EXAMPLE / "net.prototxt").read_text(encoding="utf-8")
    text = text.replace("SoftClip", "Announced").replace(
        "soft_clip_param { low: -0.5 high: 0.5 slope: 0.25 }", ""
    )
    net.write_text(text, encoding="utf-8")
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
    assert [entry.value for entry in plugins._entry_points()] == ["friend"]


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


def test_run_in_a_folder_of_someone_else_none_of_it_is_run(tmp_path: Path) -> None:
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


PLUG_IN = """
from __future__ import annotations
from collections.abc import Sequence
import bridge

@bridge.layer("Mine", params="mine_param")
def mine(e, layer, x, *, limit: float, sizes: Sequence[int] = (), power=1.0):
    assert type(limit) is float and type(power) is float
    assert isinstance(sizes, list) or sizes == ()
    {body}

@bridge.layer("Own", params="pooling_param")
def own(e, layer, x, *, mine: float = 1.0, pool: str = "MAX"):
    assert (mine, pool) == (2.0, "ODD")
    return e.Mul(x, mine)
"""
MINE = """
input: "x" input_shape {{ dim: 1 dim: 2 }}
layer {{ name: "m" type: "Mine" bottom: "x" top: "y"
  mine_param {{
    {fields}
  }} }}
"""


def mine(folder: Path, fields: str, body: str = "return e.Mul(x, limit)") -> bridge.Conversion:
    plugin, net = folder / "rules.py", folder / "net.prototxt"
    plugin.write_text(PLUG_IN.format(body=body), encoding="utf-8")
    net.write_text(MINE.format(fields=fields), encoding="utf-8")
    return bridge.caffe_to_onnx(net, plugin=plugin)


def test_whole_numbers_and_lone_values_have_the_types_of_the_rule(tmp_path: Path) -> None:
    assert mine(tmp_path, "limit: 6 sizes: 3 power: 2").outputs == {"y": ("batch", 2)}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("limit: true", r"net\.prototxt:5.*'limit' has a value of the wrong kind"),
        ("limit: 1 limt: 2", r"net\.prototxt:5: layer 'm' \(Mine\): 'limt' of mine_param is not"),
        ("limit: 1 sizes: 1.5", "'sizes' has a value of the wrong kind"),
    ],
)
def test_fields_that_the_rule_cannot_take_are_refused(
    tmp_path: Path, fields: str, message: str
) -> None:
    with pytest.raises(PrototxtError, match=message):
        mine(tmp_path, fields)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return e.Mul(x, len(3))", "TypeError: object of type 'int' has no len"),
        ("raise ValueError('too odd')", "ValueError: too odd"),
        ("return None", "NoneType"),
        ("raise SystemExit('enough')", "SystemExit: enough"),
    ],
)
def test_what_goes_wrong_in_a_rule_is_reported_as_the_plug_ins_fault(
    tmp_path: Path, body: str, message: str
) -> None:
    with pytest.raises(UsageError, match=r"layer 'm' \(Mine\).*plug-in's rule .*mine") as refused:
        mine(tmp_path, "limit: 1", body)
    assert message in str(refused.value)
    assert isinstance(refused.value.__cause__, TypeError | ValueError | SystemExit | None)


BEHIND = """
layer { name: "fc" type: "InnerProduct" bottom: "clipped" top: "fc"
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
"""


def test_weights_behind_a_plug_ins_layer_are_those_of_fillers(tmp_path: Path) -> None:
    net = tmp_path / "net.prototxt"
    net.write_text((EXAMPLE / "net.prototxt").read_text(encoding="utf-8") + BEHIND)
    done = bridge.caffe_to_onnx(net, plugin=EXAMPLE / "my_layers.py")
    assert done.outputs == {"fc": ("batch", 2)}


def test_a_rule_may_need_a_newer_operator_set_than_the_default(tmp_path: Path) -> None:
    (tmp_path / "gelu.py").write_text(
        "import bridge\n@bridge.layer('Gelu')\ndef rule(e, layer, x):\n    return e.Gelu(x)\n"
    )
    net = tmp_path / "net.prototxt"
    net.write_text(
        'input: "x" input_shape { dim: 1 dim: 2 } '
        'layer { name: "g" type: "Gelu" bottom: "x" top: "y" }'
    )
    done = bridge.caffe_to_onnx(net, plugin=tmp_path / "gelu.py", opset=20)
    assert done.outputs == {"y": ("batch", 2)}
    with pytest.raises(GraphError, match="opset 17 has no Gelu") as refused:
        bridge.caffe_to_onnx(net, plugin=tmp_path / "gelu.py")
    assert "--opset 20" in str(refused.value)


def test_a_rule_that_makes_another_number_of_tops_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedLayerError, match="another number of tops"):
        mine(tmp_path, "limit: 1", "return x, x")


def test_a_plug_in_may_know_more_of_a_message_than_the_schema(tmp_path: Path) -> None:
    mine(tmp_path, "limit: 1")
    net = tmp_path / "own.prototxt"
    net.write_text(
        'input: "x" input_shape { dim: 1 dim: 2 } layer { name: "o" type: "Own" bottom: "x" '
        'top: "y" pooling_param { mine: 2 pool: ODD } }',
        encoding="utf-8",
    )
    assert not bridge.caffe_to_onnx(net, plugin=tmp_path / "rules.py").warnings


def test_a_plug_in_that_ends_the_program_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ends.py").write_text("import sys\nsys.exit(3)\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"plug-in failed.*\n.*SystemExit: 3"):
        plugins.load_file(tmp_path / "ends.py")
