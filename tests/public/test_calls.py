"""What nobody has thought of, and what the system refuses: never another exception than ours."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest
from onnx import helper

import bridge
from bridge import convert
from bridge.cli import main
from bridge.errors import InternalError, UsageError
from bridge.plugins import load_file
from bridge.public import public
from tests.helpers.golden_cases import case

NET = case("conv_basic_k3")


@public
def fail(error: BaseException) -> None:
    """Stands for a verb."""
    raise error


@pytest.mark.parametrize(
    "error", [KeyError("x"), RecursionError("deep"), AssertionError(), OSError()]
)
def test_what_nobody_has_thought_of(error: Exception) -> None:
    with pytest.raises(InternalError, match=r"test_calls\.py:\d+, in fail: .*fault of bridge") as e:
        fail(error)
    assert e.value.__cause__ is error
    assert f"received: {type(error).__name__}" in str(e.value)
    assert "please report it" in str(e.value)


def test_what_the_system_refuses_is_no_fault() -> None:
    with pytest.raises(UsageError, match="net: the system refuses it: No space left"):
        fail(OSError(errno.ENOSPC, "No space left on device", "net"))
    with pytest.raises(UsageError, match="not enough memory"):
        fail(MemoryError())


def test_refusals_and_interrupts_pass() -> None:
    for error in (UsageError("this"), KeyboardInterrupt(), SystemExit(4)):
        with pytest.raises(type(error)) as e:
            fail(error)
        assert e.value is error


@pytest.mark.parametrize("shown", [False, True])
def test_on_the_command_line_it_has_a_status_of_its_own(
    shown: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("of nobody's")

    monkeypatch.setattr(convert, "lowered_for", broken)
    monkeypatch.setenv("BRIDGE_TRACEBACK", "1" if shown else "")
    with pytest.raises(SystemExit) as stopped:
        main(["caffe-to-onnx", str(NET.prototxt), "-o", str(tmp_path / "net.onnx")])
    assert stopped.value.code == 3
    said = capsys.readouterr().err
    assert "error: " in said
    assert "please report it" in said
    assert ("Traceback" in said) == shown


def test_a_fault_in_the_command_line_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bridge.support.layer_rows", lambda: 1 / 0)
    with pytest.raises(SystemExit) as stopped:
        main(["layers"])
    assert stopped.value.code == 3
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_rule_of_the_users_that_fails_is_no_fault_of_ours(tmp_path: Path) -> None:
    (tmp_path / "rules.py").write_text(
        "import bridge\n@bridge.raises('own::Failing')\ndef rule(node, x):\n    return 1 / 0\n"
    )
    load_file(tmp_path / "rules.py")
    x, y = (helper.make_tensor_value_info(name, 1, [1, 3]) for name in "xy")
    node = helper.make_node("Failing", ["x"], ["y"], name="f", domain="own")
    graph = helper.make_graph([node], "g", [x], [y])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    with pytest.raises(UsageError, match=r"rules\.py:4, in rule: the plug-in failed"):
        bridge.onnx_to_keras(model, check=False)


@public
def long_work(*, progress: Callable[[str], None]) -> None:
    """Stands for a verb that tells how far it is."""
    progress("reading")


@pytest.mark.parametrize("error", [ValueError("mine"), OSError(errno.EPIPE, "Broken pipe")])
def test_what_fails_in_the_callers_progress_is_the_callers(error: Exception) -> None:
    def progress(stage: str) -> None:
        assert stage == "reading"
        raise error

    with pytest.raises(
        UsageError, match=r"test_calls\.py:\d+, in progress: .*progress failed"
    ) as e:
        long_work(progress=progress)
    assert e.value.__cause__ is error
    with pytest.raises(UsageError, match="passed as progress failed"):
        bridge.caffe_to_onnx(NET.prototxt, progress=progress)


def test_what_progress_stops_with_passes() -> None:
    for error in (UsageError("enough"), KeyboardInterrupt()):

        def progress(_: str, error: BaseException = error) -> None:
            raise error

        with pytest.raises(type(error)) as e:
            long_work(progress=progress)
        assert e.value is error
