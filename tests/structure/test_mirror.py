"""Tests mirror the sources: each module has its test module, and no folder of either is crowded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_FILES, MAX_LINES = 15, 400

# Modules without a test module of their own, and the one that tests them with what uses them.
TESTED_ELSEWHERE = {
    # Entry points, which only call what is tested where it is.
    "__main__.py": "cli/test_interrupts.py",
    "cli/app.py": "structure/test_imports.py",
    "cli/back.py": "cli/test_check.py",
    "cli/convert.py": "cli/test_options.py",
    "cli/layers.py": "test_support.py",
    # The two sides of one format or of one pipe.
    "caffe/files/blobs.py": "caffe/files/test_weights.py",
    "files/wire.py": "caffe/files/test_binary.py",
    "check/backends/caffe_process.py": "check/backends/test_caffe.py",
    "check/backends/caffe_server.py": "check/backends/test_caffe.py",
    "graph/io/tensors.py": "end_to_end/test_odd_graphs.py",
    "ir/writing.py": "ir/test_reading.py",
    "inspection/contents.py": "inspection/test_api.py",
    # Types, a protocol, and a table of programs with their other side.
    "types.py": "structure/test_imports.py",
    "check/backends/backend.py": "check/backends/test_renamed.py",
    "drawing/diagram.py": "drawing/test_assemble.py",
    "check/backends/stored/server.py": "check/backends/stored/test_process.py",
    "check/report/versions.py": "check/test_loading.py",
    "check/backends/runtimes.py": "check/backends/test_onnx.py",
    "check/backends/runtime_server.py": "check/backends/test_runtime_process.py",
    # Halves of one algorithm.
    "check/shares.py": "check/test_accuracy.py",
    "graph/constants.py": "graph/test_fold.py",
    "graph/fusion/driver.py": "graph/fusion/test_linear.py",
    "graph/fusion/matching.py": "graph/fusion/test_linear.py",
    "graph/lifting/broadcasting.py": "graph/lifting/test_opsets.py",
    "graph/lifting/parameters.py": "graph/lifting/test_opsets.py",
    "graph/lifting/retired.py": "graph/lifting/test_opsets.py",
    "graph/lifting/sampling.py": "graph/lifting/test_opsets.py",
    "graph/lifting/softmax.py": "graph/lifting/test_opsets.py",
    "graph/lifting/writer.py": "graph/lifting/test_opsets.py",
    "keras/calls.py": "keras/test_to_onnx.py",
    "keras/execute.py": "keras/test_to_onnx.py",
    "raising/search/layout_pass.py": "raising/test_driver.py",
    # What rules are written with.
    "lower/rules/detection/boxes.py": "lower/rules/detection/test_output.py",
    "lower/rules/preprocessing.py": "caffe/test_preprocessing.py",
    "raising/building/activations.py": "raising/rules/sequence/test_recurrent.py",
    "raising/building/cells.py": "raising/rules/sequence/test_recurrent.py",
}


def modules() -> Iterator[Path]:
    """The modules of the package, by their paths in it."""
    for path in sorted((ROOT / "bridge").rglob("*.py")):
        if path.name != "__init__.py":
            yield path.relative_to(ROOT / "bridge")


def mirror(module: Path) -> Path:
    """`caffe/net.py` has `tests/caffe/test_net.py`."""
    return ROOT / "tests" / module.parent / f"test_{module.name}"


def test_each_module_has_its_test_module() -> None:
    missing = {str(module) for module in modules() if not mirror(module).is_file()}
    assert missing == TESTED_ELSEWHERE.keys()


@pytest.mark.parametrize("module", TESTED_ELSEWHERE)
def test_a_module_without_its_own_is_tested_elsewhere(module: str) -> None:
    assert (ROOT / "tests" / TESTED_ELSEWHERE[module]).is_file()


def sources(folder: str) -> Iterator[Path]:
    return (ROOT / folder).rglob("*.py")


@pytest.mark.parametrize("folder", ["bridge", "tests"])
def test_no_folder_is_crowded(folder: str) -> None:
    loose = (path for path in sources(folder) if path.name != "__init__.py")
    counts = Counter(str(path.parent.relative_to(ROOT)) for path in loose)
    assert {name: count for name, count in counts.items() if count > MAX_FILES} == {}


def test_no_file_of_tests_is_long() -> None:
    """`test_lengths` holds the same of the package."""
    lengths = {path: path.read_text(encoding="utf-8").count("\n") for path in sources("tests")}
    assert [str(path) for path, length in lengths.items() if length > MAX_LINES] == []
