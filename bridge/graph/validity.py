"""Graphs that break ONNX's own rules, as ONNX itself reports them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bridge.errors import BridgeError, GraphError, words_of


@contextmanager
def valid_graphs(paths: Sequence[Path]) -> Iterator[None]:
    """Replaces an exception by a GraphError if the graph in one of these files is not valid. If all
    are valid, the exception passes unchanged."""
    try:
        yield
    except (BridgeError, OSError, MemoryError):
        raise
    except Exception as error:
        for path in paths:
            if problem := problem_of(path):
                raise GraphError(
                    "the graph breaks ONNX's rules",
                    where=path,
                    received=problem,
                    hint="export it again, or ask its author: onnx.checker.check_model(FILE, "
                    "full_check=True) says the same",
                ) from error
        raise


def problem_of(path: Path) -> str | None:
    """What ONNX's checker, its shape inference or onnxruntime objects to in a graph."""
    import onnx

    try:
        onnx.checker.check_model(str(path), full_check=True)
        graph = onnx.load(path, load_external_data=False).graph
        if all(node.domain in _STANDARD for node in graph.node):
            _open(path)
    except Exception as error:  # noqa: BLE001 (three libraries with classes of their own)
        return words_of(error)
    return None


# Of other domains are plug-ins' operators, which onnxruntime does not have.
_STANDARD = ("", "ai.onnx", "ai.onnx.ml")


def _open(path: Path) -> None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
