"""ONNX files by other people, from exporters of PyTorch, Paddle and TensorFlow: raised without a
transpose, and right at several sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest

from bridge.check.compare import compare
from bridge.check.runners import KerasRunner
from bridge.convert import raise_onnx
from tests.helpers.keras_against_onnx import in_onnxruntime

if TYPE_CHECKING:
    from pathlib import Path

Feeds = Mapping[str, Any]
RANDOM = np.random.default_rng(0)


def image(*shape: int, scale: float = 1) -> Any:
    return (RANDOM.normal(size=shape) * scale).astype(np.float32)


@dataclass(frozen=True)
class Case:
    """A file, the options with which it is raised, and what it is run on; `constants` are what the
    file's own graph needs besides."""

    name: str
    feeds: tuple[Feeds, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    constants: Feeds = field(default_factory=dict)


SPEECH = {"input": (1, 576), "state": (2, 1, 128)}
SOUND = {"input": image(1, 576, scale=0.1), "state": image(2, 1, 128, scale=0.1)}
CASES = (
    Case("magika", tuple({"bytes": RANDOM.integers(0, 257, (n, 2048), np.int32)} for n in (1, 3))),
    Case("ppocr_v2_cls", ({"x": image(2, 3, 48, 192)},)),
    Case("ppocr_v4_det", ({"x": image(1, 3, 64, 96)}, {"x": image(2, 3, 96, 64)})),
    Case("silero_vad_half", (SOUND,), {"input_shape": SPEECH}),
    Case(
        "silero_vad",
        (SOUND,),
        {"input_shape": SPEECH, "input_value": {"sr": 16000}},
        {"sr": np.array(16000)},
    ),
    Case("ultraface_rfb_320", ({"input": image(1, 3, 240, 320)},)),
    Case("yunet_n_320_320", ({"input": image(1, 3, 320, 320, scale=50)},)),
    Case(
        "yunet_n_dynamic",
        ({"input": image(1, 3, 64, 96, scale=50)}, {"input": image(2, 3, 96, 128, scale=50)}),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_file_is_right_without_a_transpose(case: Case, onnx_files: Path) -> None:
    path = onnx_files / f"{case.name}.onnx"
    raising = raise_onnx(path, **case.options)
    assert raising.report is not None
    assert raising.report.ok
    assert not raising.plan.permutations
    model = onnx.load(path)
    for feeds in case.feeds:
        expected = in_onnxruntime(model, {**feeds, **case.constants})
        received = KerasRunner(raising.model, raising.plan).run(feeds)
        for name, array in expected.items():
            row = compare(name, array, received[name])
            assert row.ok, row


def test_a_state_goes_in_as_it_comes_out(onnx_files: Path) -> None:
    options = {"input_shape": SPEECH, "check": False}
    raising = raise_onnx(onnx_files / "silero_vad_half.onnx", **options)
    (state,) = [entry for entry in raising.plan.inputs if entry.value == "state"]
    assert raising.plan.values["stateN"].layout.stored_shape == state.shape
    assert str(raising.plan.values["stateN"].layout) == str(raising.plan.values["state"].layout)
