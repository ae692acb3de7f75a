"""scripts/_runtimes.py: what it makes of right, wrong, refusing and crashing runtimes."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from bridge.check.backends.runtimes import RUNTIMES, Run, Runtime
from tests.helpers.golden_cases import case

CASE = case("absval")
Array = NDArray[np.float32]


def answering(answer: Callable[[Array], Array]) -> Runtime:
    """A runtime that makes of the expected output what `answer` makes of it."""
    expected = list(CASE.outputs.values())

    def run(feeds: Mapping[str, Array]) -> Sequence[Array]:
        assert feeds.keys() == CASE.inputs.keys()
        return [answer(output) for output in expected]

    return Runtime("onnx", ("onnx",), lambda model, folder: run)


def refusing(model: onnx.ModelProto, folder: Path) -> Run:
    raise RuntimeError("no such operator")


@pytest.mark.parametrize(
    ("runtime", "outcome", "message"),
    [
        (answering(lambda output: output), "right", ""),
        (answering(lambda output: output + 1), "wrong", "Not equal to tolerance"),
        (answering(lambda output: output[..., :1]), "wrong", "shape"),
        (Runtime("onnx", ("onnx",), refusing), "refused", "no such operator"),
    ],
)
def test_a_case_is_judged_by_what_the_runtime_gives(
    script: Callable[[str], ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    runtime: Runtime,
    outcome: str,
    message: str,
) -> None:
    monkeypatch.setitem(RUNTIMES, "onnx", runtime)  # type: ignore[index]
    result = script("_runtimes.py").judge(CASE, "onnx")
    assert (result.case, result.outcome) == (str(CASE), outcome)
    assert message in result.message


def test_a_case_that_takes_its_process_down_is_passed_over(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = script("_runtimes.py")
    right = '{"case": "%s", "outcome": "right"}'
    answers = iter([([right % "one"], "SIGFPE"), ([right % "three"], "exit 0")])
    asked = []

    def process(command: Sequence[str]) -> tuple[list[str], str]:
        asked.append(command[3:])
        return next(answers)

    monkeypatch.setattr(module, "process", process)
    results = list(module.all_results("opencv", ["one", "two", "three"]))
    assert [(r.case, r.outcome, r.message) for r in results] == [
        ("one", "right", ""),
        ("two", "crashed", "SIGFPE"),
        ("three", "right", ""),
    ]
    assert asked == [["one", "two", "three"], ["three"]]


def test_half_a_line_of_a_process_that_ended_is_no_answer(
    script: Callable[[str], ModuleType],
) -> None:
    module = script("_runtimes.py")
    command = ["sh", "-c", f"printf 'whole\\nhal'; kill -{signal.SIGSEGV.value} $$"]
    assert module.process(command) == (["whole"], "SIGSEGV")


@pytest.mark.parametrize(
    ("outcome", "stands"), [("wrong", "[onnx#7805]"), ("crashed", "what it said")]
)
def test_the_page_gives_the_known_reason_or_what_was_said(
    script: Callable[[str], ModuleType], outcome: str, stands: str
) -> None:
    module = script("_runtimes.py")
    results = [module.Result("lrn_k2", outcome, "what it said"), module.Result("absval", "right")]
    page = module.page({"reference": results})
    assert f"| {outcome} |" in page
    assert stands in page
    assert "`lrn_k2`" in page
    assert "`absval`" not in page
