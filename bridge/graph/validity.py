"""Graphs that break ONNX's own rules, which nothing here is made for: told by ONNX itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bridge.errors import BridgeError, GraphError, words_of


@contextmanager
def valid_graphs(paths: Sequence[Path]) -> Iterator[None]:
    """Where something breaks within it, and the graph of one of these files is not valid, that is
    what is told: a GraphError. What breaks over valid graphs is raised as it is."""
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
                    hint="export it again, or ask who made it: onnx.checker.check_model(FILE, "
                    "full_check=True) says the same",
                ) from error
        raise


def problem_of(path: Path) -> str | None:
    """What ONNX's checker, its inference of shapes, or onnxruntime has against a graph."""
    import onnx

    try:
        onnx.checker.check_model(str(path), full_check=True)
        graph = onnx.load(path, load_external_data=False).graph
        if all(node.domain in _STANDARD for node in graph.node):
            _open(path)
    except Exception as error:  # noqa: BLE001 (each has classes of its own; all of them count)
        return words_of(error)
    return None


# Of other domains are plug-ins' operators, which onnxruntime does not have.
_STANDARD = ("", "ai.onnx", "ai.onnx.ml")


def _open(path: Path) -> None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
