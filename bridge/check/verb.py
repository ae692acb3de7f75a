"""`bridge.check`: what a user names made into two sides, compared, and reported."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from numpy.typing import NDArray

from bridge.check.inputs import FREE_BATCH, Source
from bridge.check.opening import Subject
from bridge.check.report import Report
from bridge.check.sides.recorded import RecordedSide
from bridge.errors import UsageError

if TYPE_CHECKING:
    import keras
    import onnx

Array = NDArray[Any]
Progress = Callable[[str], None]
Model: TypeAlias = "str | Path | tuple[str | Path, str | Path] | onnx.ModelProto | keras.Model"


def silent(stage: str) -> None:
    """Reports no progress."""


def check(
    a: Model,
    b: Model,
    *,
    inputs: str | Path | Mapping[str, Array] | None = None,
    seed: int = 0,
    batch: int = FREE_BATCH,
    batches: int = 1,
    runtime: str = "onnxruntime",
    graph: Model | None = None,
    report: str | Path | None = None,
    progress: Progress = silent,
) -> Report:
    """Compares two models value by value, in Caffe's names and axis order; `a` is what is expected.

    Each is a path (.onnx, .keras, .tflite, a SavedModel folder, an .npz of recorded blobs), the
    two paths of a Caffe net, or an onnx.ModelProto or keras.Model in memory. Both are fed
    `inputs` (arrays by name, or an .npz of them), or what a recording was fed, or seeded numbers:
    `batches` times, `batch` at a time where that is free. `runtime` runs an .onnx. `graph` is the
    one that Keras models were raised from, where neither side is it. `report` is an HTML page to
    write.

    The report says whether all agree, and `report.first` is the first layer that does not.
    Raises BridgeError where a side cannot be opened or run, or nothing can be compared.
    """
    from bridge.check.run import check as compared

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        one, other = _subject(a, folder / "expected"), _subject(b, folder / "received")
        found = compared(
            one,
            other,
            given=_source(inputs),
            seed=seed,
            batch=_positive("batch", batch),
            batches=_positive("batches", batches),
            runtime=runtime,
            graph=None if graph is None else _subject(graph, folder / "graph"),
            progress=progress,
        )
    if report is not None:
        from bridge.check.page import write_page

        progress("writing the report")
        write_page(found, report)
    return found


def _subject(model: Any, stem: Path) -> Subject:
    """What was given, as files; models in memory are saved under `stem`."""
    match model:
        case str() | Path():
            return Subject(Path(model))
        case (str() | Path(), str() | Path()):
            return Subject(Path(model[0]), Path(model[1]))
    if hasattr(model, "SerializeToString"):
        path = stem.with_suffix(".onnx")
        path.write_bytes(model.SerializeToString())
        return Subject(path)
    if hasattr(model, "save") and hasattr(model, "layers"):
        path = stem.with_suffix(".keras")
        model.save(path)
        return Subject(path)
    raise UsageError(
        "cannot compare this",
        expected="a path, (prototxt, caffemodel), an onnx.ModelProto or a keras.Model",
        received=type(model),
    )


def _source(inputs: str | Path | Mapping[str, Array] | None) -> Source | None:
    """Where inputs come from, of which only those are read that a model has."""
    if inputs is None:
        return None
    if isinstance(inputs, Mapping):
        return lambda names: {name: inputs[name] for name in names if name in inputs}
    return RecordedSide(Path(inputs)).feeds


def _positive(name: str, number: int) -> int:
    if number < 1:
        raise UsageError(f"no such {name}", expected="1 or more", received=number)
    return number
