"""Conversions to Keras files: by whom they are written, and what is checked."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import keras
import numpy as np
import onnx
import pytest

import bridge
from bridge.convert import raise_onnx
from bridge.errors import CheckError, UnsupportedError, UsageError
from tests.helpers.golden_cases import case
from tests.helpers.keras_against_onnx import graph, plan_of, seeded

NET = case("net_lenet")
TEXT = "g (float[b,4] x) => (y) { a = Gemm<transB=1>(x, w) y = Sin(a) }"
LARGE = ("keras", "tensorflow", "h5py")


def net() -> onnx.ModelProto:
    return graph(TEXT, {"w": seeded((3, 4))})


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


WITHOUT = """
import sys
for name in {hidden}:
    sys.modules[name] = None
sys.argv = ["bridge", *{arguments}]
import atexit
atexit.register(lambda: print("loaded", *(n for n in {heavy} if sys.modules.get(n))))
from bridge.cli import main
main()
"""


def command(*arguments: object, hidden: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """A command in a process that lacks the hidden packages; its last line says what it loaded."""
    words = [str(argument) for argument in arguments]
    return run(WITHOUT.format(hidden=hidden, arguments=words, heavy=LARGE))


def test_no_conversion_without_a_check_imports_keras(tmp_path: Path) -> None:
    onnx.save(net(), tmp_path / "net.onnx")
    for words in (
        ("caffe-to-keras", NET.prototxt, NET.caffemodel, "--map", tmp_path / "map.json"),
        ("onnx-to-keras", tmp_path / "net.onnx"),
    ):
        output = tmp_path / f"{words[0]}.keras"
        done = command(*words, "-o", output, "--no-check")
        assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "loaded"), done.stderr
        with ZipFile(output) as archive:
            assert archive.testzip() is None


def test_a_tflite_is_written_without_keras_and_without_tensorflow(tmp_path: Path) -> None:
    output = tmp_path / "net.tflite"
    words = ("caffe-to-keras", NET.prototxt, NET.caffemodel, "-o", output, "--no-check")
    done = command(*words, hidden=("keras", "tensorflow", "h5py"))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "loaded"), done.stderr
    assert bridge.check((NET.prototxt, NET.caffemodel), output).ok


def test_the_check_of_a_tflite_imports_no_keras(tmp_path: Path) -> None:
    """LiteRT runs in a process of its own."""
    output = tmp_path / "net.tflite"
    done = command("caffe-to-keras", NET.prototxt, NET.caffemodel, "-o", output)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "loaded"), done.stderr
    assert "LiteRT against onnxruntime: 1 blob equal" in done.stdout


def test_what_has_no_emitter_is_written_by_tensorflow_which_is_said(tmp_path: Path) -> None:
    stages: list[str] = []
    onnx.save(
        graph("g (float[b,4] x) => (y) { y = ThresholdedRelu<alpha=0.25>(x) }"),
        tmp_path / "rest.onnx",
    )
    raise_onnx(tmp_path / "rest.onnx", tmp_path / "net.tflite", progress=stages.append)
    assert "TensorFlow writes it, for 'y' (ops.threshold): a call without an emitter" in stages
    assert bridge.check(tmp_path / "rest.onnx", tmp_path / "net.tflite").ok


def without(*packages: str) -> str:
    """Code after which these are not installed."""
    code = "import importlib.util as u; find = u.find_spec\n"
    return code + f"u.find_spec = lambda n, *rest: None if n in {packages} else find(n, *rest)\n"


@pytest.mark.parametrize("option", [(), ("--no-check",)])
def test_where_only_tensorflow_could_write_it_that_is_an_error(
    tmp_path: Path, option: tuple[str, ...]
) -> None:
    onnx.save(
        graph("g (float[b,4] x) => (y) { y = ThresholdedRelu<alpha=0.25>(x) }"),
        tmp_path / "rest.onnx",
    )
    output = str(tmp_path / "net.tflite")
    words = ["onnx-to-keras", str(tmp_path / "rest.onnx"), "-o", output, *option]
    code = without("tensorflow") + WITHOUT.format(hidden=LARGE, arguments=words, heavy=LARGE)
    done = run(code)
    assert done.returncode == 2
    assert "TensorFlow has to write this .tflite, and it is not installed" in done.stderr
    assert "received: a call without an emitter" in done.stderr
    assert not Path(output).exists()


def test_where_litert_is_not_installed_a_warning_says_what_was_not_checked(tmp_path: Path) -> None:
    output = tmp_path / "net.tflite"
    words = ["caffe-to-keras", str(NET.prototxt), str(NET.caffemodel), "-o", str(output)]
    code = without("tensorflow", "ai_edge_litert")
    done = run(code + WITHOUT.format(hidden=LARGE, arguments=words, heavy=LARGE))
    assert done.returncode == 4, done.stderr
    assert "as LiteRT is not installed here: pip install ai-edge-litert" in done.stderr
    assert output.is_file()


def test_a_tflite_with_other_numbers_gets_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bridge.tflite.emission import lite_model

    other = graph("g (float[b,4] x) => (y) { a = Gemm<transB=1>(x, w) y = Cos(a) }",
                  {"w": seeded((3, 4))})  # fmt: skip
    wrong = lite_model(plan_of(other))
    monkeypatch.setattr("bridge.tflite.emission.lite_model", lambda plan: wrong)
    with pytest.raises(CheckError, match="LiteRT against onnxruntime: 'y' differs"):
        raise_onnx(net(), tmp_path / "net.tflite")
    assert not list(tmp_path.iterdir())


def test_where_keras_is_not_installed_a_warning_says_what_was_not_checked(tmp_path: Path) -> None:
    output = tmp_path / "net.keras"
    words = ["caffe-to-keras", str(NET.prototxt), str(NET.caffemodel), "-o", str(output)]
    done = run(without("keras") + WITHOUT.format(hidden=LARGE, arguments=words, heavy=LARGE))
    assert done.returncode == 4, done.stderr
    assert "not compared with onnxruntime, as Keras is not installed" in done.stderr
    assert "python -m bridge check" in done.stderr
    assert "net.keras" in done.stderr
    assert output.is_file()
    assert bridge.check((NET.prototxt, NET.caffemodel), output).ok


def test_the_model_that_was_compared_is_the_file_s_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "net.keras"

    def write(plan: Any, path: Path, _: object) -> None:
        keras.Sequential([keras.Input((4,), name="x"), keras.layers.Dense(3, name="y")]).save(path)

    monkeypatch.setattr("bridge.archive.write.write", write)
    with pytest.raises(CheckError):
        raise_onnx(net(), output)
    assert not output.exists()


def test_a_file_that_keras_cannot_load_gets_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "net.keras"
    monkeypatch.setattr("bridge.archive.write.write", lambda plan, path, _: path.write_bytes(b"PK"))
    with pytest.raises(UnsupportedError, match="cannot load it from a file"):
        raise_onnx(net(), output)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.nightly
def test_a_script_is_run_and_compared_before_it_gets_its_name(tmp_path: Path) -> None:
    raising = raise_onnx(net(), tmp_path / "net.py")
    assert raising.report is not None
    assert raising.report.ok
    assert raising.loaded is not None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.py", "net.weights.h5"]


def test_a_script_with_other_numbers_gets_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def saved(script: Path, target: Path) -> None:
        model = runpy.run_path(str(script))["load"]()
        model.layers[1].kernel.assign_add(np.full((4, 3), 0.01))
        model.save(target)

    monkeypatch.setattr("bridge.script.run.saved", saved)
    with pytest.raises(CheckError):
        raise_onnx(net(), tmp_path / "net.py")
    assert [*tmp_path.iterdir()] == []


def test_a_script_needs_the_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.archive.write.operations", dict)
    with pytest.raises(
        UnsupportedError, match=r"no table says how to write these\n  y \(ops.sin\)"
    ):
        raise_onnx(net(), tmp_path / "net.py")


def test_the_model_is_built_when_it_is_asked_for(tmp_path: Path) -> None:
    raising = raise_onnx(net(), tmp_path / "net.keras", check=False)
    assert raising.loaded is None
    model, again = raising.model, keras.saving.load_model(tmp_path / "net.keras")
    assert model is raising.model
    assert bridge.translation_map(model) == raising.map
    np.testing.assert_array_equal(model.get_weights()[0], again.get_weights()[0])


def test_what_no_table_has_is_written_by_keras(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plug-in may use any of Keras's functions."""
    from bridge.archive import tables

    known = {name: entry for name, entry in tables.operations().items() if name != "sin"}
    monkeypatch.setattr("bridge.archive.write.operations", lambda: known)
    raise_onnx(net(), tmp_path / "net.keras")
    assert keras.saving.load_model(tmp_path / "net.keras").count_params() == 12


def test_only_a_tflite_is_rounded_and_in_one_way(tmp_path: Path) -> None:
    for name, options, message in (
        ("net.keras", {"fp16": True}, r"only a \.tflite is rounded by --fp16"),
        ("net", {"int8": "dynamic"}, r"only a \.tflite is rounded by --int8"),
        ("net.tflite", {"fp16": True, "int8": "dynamic"}, "one of fp16 and int8"),
        ("net.tflite", {"int8": tmp_path / "photos"}, "no such"),
    ):
        with pytest.raises(UsageError, match=message):
            raise_onnx(net(), tmp_path / name, check=False, **options)
    assert not list(tmp_path.iterdir())
