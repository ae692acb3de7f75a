"""scripts/_runtimes.py: what it makes of right, wrong, refusing and crashing runtimes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from bridge.check.backends.runtime_process import RuntimeEndedError
from bridge.check.backends.runtimes import RUNTIMES, Run, Runtime
from bridge.public.deployment import DEPLOYMENTS
from tests.helpers.golden_cases import case

CASE = case("absval")
SCRIPTS = Path(__file__).parents[2] / "scripts"
Array = NDArray[np.float32]


@pytest.fixture
def module(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> ModuleType:
    monkeypatch.setattr(sys, "path", [*sys.path])  # the script adds its own
    loaded = script("_runtimes.py")
    loaded.ANSWERS, loaded.RESULTS = tmp_path / "answers", tmp_path / "results"
    return loaded


def answering(answer: Callable[[Array], Array]) -> Runtime:
    """A runtime that makes of the expected output what `answer` makes of it."""
    expected = list(CASE.outputs.values())

    def run(feeds: Mapping[str, Array]) -> Sequence[Array]:
        assert feeds.keys() == CASE.inputs.keys()
        return [answer(output) for output in expected]

    return Runtime("onnx", ("onnx",), lambda model, folder: run)


def refusing(model: onnx.ModelProto, folder: Path) -> Run:
    raise RuntimeError("no such operator")


def ending(model: onnx.ModelProto, folder: Path) -> Run:
    def run(feeds: Mapping[str, Array]) -> Sequence[Array]:
        raise RuntimeEndedError("its process ended with SIGFPE")

    return run


@pytest.mark.parametrize(
    ("runtime", "outcome", "message"),
    [
        (answering(lambda output: output), "right", ""),
        (answering(lambda output: output + 1), "wrong", "Not equal to tolerance"),
        (answering(lambda output: output[..., :1]), "wrong", "shape"),
        (answering(lambda output: output[..., None]), "reshaped", "shape"),
        (answering(lambda output: output[..., None] + 1), "wrong", "shape"),
        (Runtime("onnx", ("onnx",), refusing), "refused", "no such operator"),
        (Runtime("onnx", ("onnx",), ending), "crashed", "SIGFPE"),
    ],
)
def test_a_case_is_judged_by_what_the_runtime_gives(
    module: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    runtime: Runtime,
    outcome: str,
    message: str,
) -> None:
    monkeypatch.setitem(RUNTIMES, "onnx", runtime)  # type: ignore[index]
    result = module.judge(CASE, "onnx")
    assert (result.case, result.outcome) == (str(CASE), outcome)
    assert message in result.message


def test_a_graph_is_run_again_only_if_it_or_the_runtime_is_another(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, wrong = answering(lambda output: output), answering(lambda output: output + 1)
    monkeypatch.setitem(RUNTIMES, "onnx", right)  # type: ignore[index]
    assert module.judge(CASE, "onnx").outcome == "right"
    monkeypatch.setitem(RUNTIMES, "onnx", wrong)  # type: ignore[index]
    assert module.judge(CASE, "onnx").outcome == "right"
    monkeypatch.setattr(Runtime, "version", "2")
    assert module.judge(CASE, "onnx").outcome == "wrong"


def test_a_batch_is_fixed_as_for_that_runtime(module: ModuleType) -> None:
    shape = CASE.inputs["data"].shape
    assert module.graph_for(CASE, "tract").inputs["data"] == shape
    assert module.graph_for(CASE, "onnxruntime").inputs["data"] == ("batch", *shape[1:])


def test_a_case_that_takes_its_process_down_is_passed_over(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = '{"case": "%s", "outcome": "right"}'
    answers = iter([([right % "one"], "SIGFPE"), ([right % "three"], "exit 0")])
    asked = []

    def process(command: Sequence[str]) -> tuple[list[str], str]:
        asked.append(command[4:])
        return next(answers)

    monkeypatch.setattr(module, "process", process)
    results = list(module.all_results("opencv", ["one", "two", "three"]))
    assert [(r.case, r.outcome, r.message) for r in results] == [
        ("one", "right", ""),
        ("two", "crashed", "SIGFPE"),
        ("three", "right", ""),
    ]
    assert asked == [["one", "two", "three"], ["three"]]


@pytest.mark.parametrize(("end", "said"), [("SEGV", "SIGSEGV"), ("ALRM", "no answer within 300 s")])
def test_half_a_line_of_a_process_that_ended_is_no_answer(
    module: ModuleType, end: str, said: str
) -> None:
    number = signal.Signals[f"SIG{end}"].value
    command = ["sh", "-c", f"printf 'whole\\nhal'; kill -{number} $$"]
    assert module.process(command) == (["whole"], said)


def test_results_of_an_earlier_state_are_marked(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = module.Result("absval", "right")
    monkeypatch.setattr(module, "state", lambda: "one")
    module.kept([module.Run("tract", "0.1", "one", "2026-11-30", results=[result])])
    line = "Measured on 2026-11-30 in 0.1{}: 1 right"
    assert line.format("") in module.page(module.kept([]))
    monkeypatch.setattr(module, "state", lambda: "two")
    page = module.page(module.kept([]))
    assert line.format(", with an earlier state of `bridge`") in page
    assert "Not measured for this page: not in this run." in page


@pytest.mark.parametrize(
    ("outcome", "stands"), [("wrong", "[onnx#7805]"), ("crashed", "(what it said)")]
)
def test_the_page_gives_the_known_reason_or_what_was_said(
    module: ModuleType, outcome: str, stands: str
) -> None:
    results = [module.Result("lrn_k2", outcome, "what it said"), module.Result("absval", "right")]
    page = module.page([module.Run("reference", "1.2", date="2026-11-30", results=results)])
    assert "[ONNX's reference evaluator](#onnxs-reference-evaluator) | 1 |" in page
    (line,) = [line for line in page.splitlines() if line.startswith(f"- {outcome}: ")]
    assert stands in line
    assert line.endswith("`lrn_k2`")
    assert "`absval`" not in page
    assert "Measured on 2026-11-30 in 1.2: 1 right, " in page
    assert "[tract: Rust](#tract-rust) | (no part of `scripts/runtimes`) |" in page


def test_there_is_a_guide_and_an_environment_for_each_runtime(module: ModuleType) -> None:
    from _runtimes_page import GUIDES, OUTCOMES, REASONS

    names = {guide.name for guide in GUIDES}
    assert {*DEPLOYMENTS, *module.NAMES, "litert", "tfjs"} == names
    assert set(module.NAMES) == RUNTIMES.keys() - {"opencv"}
    for known in REASONS:
        assert known.runtime in names
        assert known.outcome in OUTCOMES
