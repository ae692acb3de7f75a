"""From an ONNX file to the graph that is raised, as the options of a conversion have it, and to the
file that the Keras model is compared with.

These are one graph: where it is not the file's own, it is written anew for the comparison. Nothing
heavy is imported before it is needed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.errors import GraphError, UnsupportedError, UsageError
from bridge.public.options import GraphOptions, PathLike
from bridge.public.progress import Progress

if TYPE_CHECKING:
    import onnx

    from bridge import ir

_QUANTIZED = (
    "the graph is quantized, and became the float model that it stands for: values are limited as "
    "before and no longer rounded (--quantized keep rounds them)"
)
_HALF = "the graph is of half precision, and its Keras model computes in single"


@dataclass(frozen=True)
class Opened:
    """A graph, the file that it was read from, and all files that it has weights in."""

    model: ir.Model
    path: Path
    files: tuple[Path, ...]


@contextmanager
def opened(model_or_path: PathLike | onnx.ModelProto, options: GraphOptions) -> Iterator[Opened]:
    """Reads a graph, which is refused if ONNX's checker refuses it. Raises BridgeError."""
    from bridge.graph.io import external_files, gathered, load
    from bridge.graph.validity import valid_graphs

    with _as_file(model_or_path) as named, ExitStack() as stack:
        file = stack.enter_context(gathered(named, allow_external_path=options.allow_external_path))
        stack.enter_context(valid_graphs([file.path]))
        model = load(file.path)
        yield Opened(model, file.path, (*file.files, *external_files(model)))


@contextmanager
def _as_file(model: PathLike | onnx.ModelProto | Any) -> Iterator[Path]:
    """A graph in memory as a file, so that every stage maps its weights from one."""
    if isinstance(model, (str, Path)):
        yield Path(model)
        return
    import onnx

    if not isinstance(model, onnx.ModelProto):
        raise UsageError(
            "cannot raise this", expected="a path or an onnx.ModelProto", received=type(model)
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        onnx.save(model, path)
        yield path


@dataclass(frozen=True)
class Reference:
    """The file that a Keras model is compared with, and in what it is not the user's own."""

    path: Path
    notes: tuple[str, ...] = ()


@contextmanager
def reference(
    model: ir.Model, path: Path, options: GraphOptions, *, check: bool, progress: Progress
) -> Iterator[Reference]:
    """Makes `model`, which was read from `path`, the graph that is to be raised. Without a `check`
    no file is written.

    Raises UsageError for options that do not fit the graph, GraphError as its passes do.
    """
    from bridge.graph.precision.fed import feed_in_single
    from bridge.graph.shapes.prepare import prepare

    with ExitStack() as stack:
        if prepare(model, options) and check:
            path = stack.enter_context(_written(model))
        notes = _changed(model, options)
        if not notes or not check:
            yield Reference(path, notes)
            return
        progress("comparing with the graph as it was")
        new = stack.enter_context(_written(model))
        feed_in_single(new)
        far = tuple(_distances(path, new))
        yield Reference(new, ("; ".join((*notes, *far)),))


def _changed(model: ir.Model, options: GraphOptions) -> tuple[str, ...]:
    """Makes the graph one that Keras computes as naturally, and says what became of it."""
    from bridge.graph.passes import simplify
    from bridge.graph.precision.single import is_half, may_be_half, to_single
    from bridge.graph.quantization import to_floats

    if options.quantized not in ("float", "keep"):
        raise UsageError("unknown quantized", expected="float or keep", received=options.quantized)
    notes = []
    if options.quantized == "float" and to_floats(model):
        notes.append(_QUANTIZED)
    if may_be_half(model):
        simplify(model)
        if is_half(model):
            to_single(model)
            notes.append(_HALF)
    return tuple(notes)


def _distances(path: Path, new: Path) -> Sequence[str]:
    from bridge.check.verify import distances

    try:
        return list(distances(path, new))
    except (GraphError, UnsupportedError):
        return ["onnxruntime does not compute it as it was"]


@contextmanager
def _written(model: ir.Model) -> Iterator[Path]:
    from bridge.graph.io import save_graph

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        save_graph(model, path)
        yield path
