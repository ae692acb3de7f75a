"""A script and its weights appear together, and never find another's."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

import bridge
from bridge.errors import UnsupportedError, UsageError
from bridge.files.staging import staging
from bridge.raising.plan import Plan
from bridge.script.write import publish, weights_beside, write
from tests.helpers.keras_against_onnx import graph, plan_of, seeded
from tests.script.scripts import written

TEXT = "g (float[b,4] x) => (y) { y = Relu(x) }"
PLAN = plan_of(graph("g (float[b,4] x) => (y) { y = Gemm<transB=1>(x, w) }", {"w": seeded((3, 4))}))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_weights_have_the_script_s_name(tmp_path: Path) -> None:
    script = written(PLAN, tmp_path / "net.py")
    assert names(tmp_path) == ["net.py", "net.weights.h5"]
    assert weights_beside(script) == [tmp_path / "net.weights.h5"]
    assert '"net.weights.h5"' in script.read_text()


def test_a_new_script_has_new_weights_and_the_old_ones_go(tmp_path: Path) -> None:
    for number in ("", ".1", ".2"):
        script = written(PLAN, tmp_path / "net.py")
        assert names(tmp_path) == sorted([f"net{number}.weights.h5", "net.py"])
        assert f'"net{number}.weights.h5"' in script.read_text()


def test_weights_that_are_no_script_s_are_kept(tmp_path: Path) -> None:
    mine = tmp_path / "net.weights.h5"
    mine.write_text("trained for a week")
    (tmp_path / "net.py").write_text('WEIGHTS = Path(__file__).with_name("net.weights.h5")\n')
    written(PLAN, tmp_path / "net.py")
    assert mine.read_text() == "trained for a week"
    assert names(tmp_path) == ["net.1.weights.h5", "net.py", "net.weights.h5"]


def test_nothing_is_left_of_one_that_fails(tmp_path: Path) -> None:
    old = written(PLAN, tmp_path / "net.py").read_text()
    with suppress(RuntimeError), staging(tmp_path / "net.py") as staged:
        write(PLAN, staged.path)
        raise RuntimeError
    assert (tmp_path / "net.py").read_text() == old
    assert names(tmp_path) == ["net.py", "net.weights.h5"]


@pytest.mark.parametrize("name", ["../x.weights.h5", "net.caffemodel", "a\\\\x.weights.h5"])
def test_no_script_has_other_files_removed(name: str, tmp_path: Path) -> None:
    script = tmp_path / "net.py"
    text = written(PLAN, script).read_text().replace("net.weights.h5", name)
    script.write_text(text)
    assert weights_beside(script) == []


def test_no_script_has_the_name_of_what_it_imports(tmp_path: Path) -> None:
    for name in ("keras.py", "numpy.py", "json.py"):
        with pytest.raises(UsageError, match=rf"would be imported.*\n  hint: .*net_{name}"):
            bridge.onnx_to_keras(graph(TEXT), tmp_path / name)
    assert names(tmp_path) == []


def test_a_plan_without_outputs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="needs inputs and outputs"):
        write(Plan("net", (), (), (), {}), tmp_path / "net.py")
    with staging(tmp_path / "net.py") as staged:
        write(PLAN, staged.path)
        publish(staged)
