"""What every test run has in common."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import Phase, settings

# Before anything imports TensorFlow: no GPU search, no chatter on stderr, and the one backend
# that the project's own model files are held to.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

# A deadline measures the machine, not the code; examples are the same in every run, so that a
# red run can be repeated.
settings.register_profile("bridge", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("bridge")

# For scripts/mutations, which asks whether an example fails, and not for the smallest that does.
settings.register_profile(
    "unshrunk", settings.get_profile("bridge"), phases=(Phase.explicit, Phase.generate)
)

ROOT = Path(__file__).parent.parent


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests have recorded with `record_property`, by the title that they gave it."""
    recorded: dict[str, list[object]] = {}
    for report in terminalreporter.getreports("passed"):
        for title, text in report.user_properties:
            recorded.setdefault(title, []).append(text)
    for title, texts in recorded.items():
        terminalreporter.section(title)
        terminalreporter.write("".join(f"{text}\n" for text in texts))


def _beside(name: str) -> Path:
    """A folder of other people's nets, which may lie beside the checkout but are never in it."""
    folder = ROOT.parent / "shared" / name
    if not folder.is_dir():
        pytest.skip(f"no {name} folder beside the checkout: {folder}")
    return folder


@pytest.fixture(scope="session")
def real_models() -> Path:
    """Pretrained nets with what real Caffe gives for every blob: folders with `io.npz`."""
    return _beside("models")


@pytest.fixture(scope="session")
def onnx_files() -> Path:
    """ONNX files by other people."""
    return _beside("onnx")


@pytest.fixture(scope="session")
def zoo() -> Path:
    """Public deploy prototxts without weights, and their shapes in `index.json`."""
    return _beside("zoo")
