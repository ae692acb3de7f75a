"""`bridge.check`: what a user names made into two sides, compared, and reported."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bridge.check.arrays import NUMBERS
from bridge.check.backends.recorded import RecordedBackend
from bridge.check.images import Preprocessing
from bridge.check.inputs import FREE_BATCH, Feeding, Source
from bridge.check.loading import ModelFiles
from bridge.check.report import Report
from bridge.errors import UsageError
from bridge.graph.validity import valid_graphs
from bridge.options import names_of
from bridge.outputs import refuse_collisions
from bridge.public import public

if TYPE_CHECKING:
    import keras
    import onnx

Array = NDArray[Any]
Progress = Callable[[str], None]
Model: TypeAlias = "str | Path | tuple[str | Path, str | Path] | onnx.ModelProto | keras.Model"


def silent(stage: str) -> None:
    """Reports no progress."""


@public
def check(
    a: Model,
    b: Model,
    *,
    inputs: str | Path | Mapping[str, Array] | None = None,
    images: str | Path | Sequence[str | Path] = (),
    labels: str | Path | None = None,
    mean: float | Sequence[float] | str | Path | None = None,
    scale: float | None = None,
    rgb: bool = False,
    seed: int = 0,
    batch: int = FREE_BATCH,
    batches: int = 2,
    runtime: str = "onnxruntime",
    graph: Model | None = None,
    ignore_fields: str | Sequence[str] = (),
    report: str | Path | None = None,
    progress: Progress = silent,
) -> Report:
    """Compares two models value by value, in Caffe's names and axis order; `a` is what is expected.

    Each is a path (.onnx, .keras, .tflite, a SavedModel folder, an .npz of recorded blobs), the
    two paths of a Caffe net, or an onnx.ModelProto or keras.Model in memory. Both are fed
    `inputs` (arrays by name, or an .npz of them), or `images` (files), or what a recording was
    fed, or seeded numbers: `batches` times, `batch` at a time where that is free.

    `labels` (an .npz of images and labels, a folder, or a list of files) asks for the accuracy of
    both as well. Files become (image - mean) · scale, blue, green, red unless `rgb`; where none of
    these is given, what the prototxt says. `runtime` runs an .onnx. `graph` is the one that Keras
    models were raised from, where neither side is it. `ignore_fields` of prototxts, which nobody
    here knows, are left out where they are lowered. `report` is an HTML page to write.

    The report says whether all agree, and `report.first` is the first layer that does not.
    Raises BridgeError where a side cannot be opened or run, or nothing can be compared.
    """
    from bridge.check.run import check as compared

    feeding = Feeding(
        source=_source(inputs),
        images=_paths(images),
        labels=None if labels is None else Path(labels),
        preprocessing=_preprocessing(mean, scale, rgb),
        seed=_at_least(0, "seed", seed),
        batch=_at_least(1, "batch", batch),
        batches=_at_least(1, "batches", batches),
    )
    _refuse_contradictions(feeding)
    if report is not None:
        from bridge.check.report.page import page_path

        files = _files(a, b, graph, inputs, labels, mean, *feeding.images)
        refuse_collisions({"the report": Path(report)}, files)
        report = page_path(report)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        subject = partial(_model_files, ignored=names_of(ignore_fields))
        one, other = subject(a, folder / "expected"), subject(b, folder / "received")
        _refuse_nothing_to_ignore(names_of(ignore_fields), one, other)
        third = None if graph is None else subject(graph, folder / "graph")
        paths = [each.path for each in (one, other, third) if each is not None]
        stack.enter_context(valid_graphs([path for path in paths if path.suffix == ".onnx"]))
        found = compared(
            one,
            other,
            feeding,
            runtime=runtime,
            graph=third,
            progress=progress,
        )
    if report is not None:
        from bridge.check.report.page import write_page

        progress("writing the report")
        write_page(found, report)
    return found


def _files(*given: Any) -> list[Path]:
    """Those of what is given that are on the disk; a Caffe net is two."""
    each = (part for one in given for part in (one if isinstance(one, tuple) else (one,)))
    return [Path(part) for part in each if isinstance(part, str | Path)]


def _model_files(model: Any, stem: Path, ignored: tuple[str, ...] = ()) -> ModelFiles:
    """What was given, as files; models in memory are saved under `stem`."""
    match model:
        case str() | Path():
            return ModelFiles(Path(model), ignore_fields=ignored)
        case (str() | Path(), str() | Path()):
            return ModelFiles(Path(model[0]), Path(model[1]), ignored)
    if hasattr(model, "SerializeToString"):
        path = stem.with_suffix(".onnx")
        path.write_bytes(model.SerializeToString())
        return ModelFiles(path)
    if hasattr(model, "save") and hasattr(model, "layers"):
        path = stem.with_suffix(".keras")
        model.save(path)
        return ModelFiles(path)
    raise UsageError(
        "cannot compare this",
        expected="a path, (prototxt, caffemodel), an onnx.ModelProto or a keras.Model",
        received=type(model),
    )


def _refuse_nothing_to_ignore(ignored: Sequence[str], *subjects: ModelFiles) -> None:
    if ignored and not any(subject.kind == "caffe" for subject in subjects):
        raise UsageError(
            "fields to ignore are a prototxt's, and neither side is a Caffe net",
            received=", ".join(ignored),
        )


def _source(inputs: str | Path | Mapping[str, Array] | None) -> Source | None:
    """Where inputs come from, of which only those are read that a model has."""
    if inputs is None:
        return None
    if isinstance(inputs, Mapping):
        arrays = {name: np.asarray(values) for name, values in inputs.items()}
        for name, array in arrays.items():
            if array.dtype.kind not in NUMBERS:
                raise UsageError(f"the input '{name}' holds no numbers", received=array.dtype)
        return lambda names: {name: arrays[name] for name in names if name in arrays}
    return RecordedBackend(Path(inputs)).feeds


def _paths(images: str | Path | Sequence[str | Path]) -> tuple[Path, ...]:
    return (Path(images),) if isinstance(images, str | Path) else tuple(map(Path, images))


def _preprocessing(
    mean: float | Sequence[float] | str | Path | None, scale: float | None, rgb: bool
) -> Preprocessing | None:
    """What is said of it; None where nothing is."""
    if mean is None and scale is None and not rgb:
        return None
    if isinstance(mean, str | Path):
        from bridge.caffe.preprocessing import read_mean

        values: Array = read_mean(Path(mean)).array()
    else:
        values = np.atleast_1d(np.asarray(0.0 if mean is None else mean, np.float32))
    found = Preprocessing(values, 1.0 if scale is None else scale, rgb)
    if not (np.isfinite(values).all() and isfinite(found.scale)):
        raise UsageError("the mean or the scale is no number", received=f"{mean}, {scale}")
    return found


def _refuse_contradictions(feeding: Feeding) -> None:
    """Refuses what else would be left out without a word."""
    if feeding.source is not None and feeding.images:
        raise UsageError("either arrays are fed, or images", received="both")
    if feeding.preprocessing is not None and not feeding.has_files:
        raise UsageError(
            "mean, scale and rgb are for image files, and there are none",
            hint="name some with --image, or a list or folder of them with --labels",
        )


def _at_least(least: int, name: str, number: int) -> int:
    if number < least:
        raise UsageError(f"no such {name}", expected=f"{least} or more", received=number)
    return number
