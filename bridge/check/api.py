"""`bridge.check`: opens the two models that a user names, compares them, and writes the report."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from bridge.check.arrays import NUMBERS
from bridge.check.backends.recorded import RecordedBackend
from bridge.check.images import Preprocessing
from bridge.check.inputs import FREE_BATCH, Feeding, Source
from bridge.check.loading import ModelFiles
from bridge.check.report import Report
from bridge.errors import UsageError
from bridge.files.outputs import refuse_collisions
from bridge.graph.validity import valid_graphs
from bridge.public import public
from bridge.public.options import PathLike, as_names
from bridge.public.progress import Progress, silent
from bridge.types import Array

if TYPE_CHECKING:
    import keras
    import onnx

Model: TypeAlias = "PathLike | tuple[PathLike, PathLike] | onnx.ModelProto | keras.Model"


@public
def check(
    a: Model,
    b: Model,
    *,
    inputs: PathLike | Mapping[str, Array] | None = None,
    images: PathLike | Sequence[PathLike] = (),
    labels: PathLike | None = None,
    mean: float | Sequence[float] | PathLike | None = None,
    scale: float | Sequence[float] | None = None,
    rgb: bool = False,
    seed: int = 0,
    batch: int = FREE_BATCH,
    batches: int = 2,
    runtime: str = "onnxruntime",
    graph: Model | None = None,
    ignore_fields: str | Sequence[str] = (),
    allow_external_path: bool = False,
    report: PathLike | None = None,
    scheduler: str | None = None,
    progress: Progress = silent,
) -> Report:
    """Compares two models value by value, in Caffe's names and axis order; `a` is the expected one.

    A model is a path (.onnx, .keras, .tflite, a SavedModel folder, an .npz of recorded blobs), the
    two paths of a Caffe net, or an onnx.ModelProto or keras.Model in memory. Both are fed
    `inputs` (arrays by name, or an .npz of them), or `images` (files), or the inputs of a
    recording, or seeded numbers: `batches` times, `batch` at a time where that is free.

    `labels` (an .npz of images and labels, a folder, or a list of files) asks for the accuracy of
    both as well. Files become (image - mean) · scale, blue, green, red unless `rgb`; without these
    arguments, what the prototxt says. `runtime` runs an .onnx. `graph` is the one that Keras
    models were raised from, if it is neither of the two. `ignore_fields` names unknown fields of
    prototxts to leave out where they are lowered. `allow_external_path` reads weights that an .onnx
    has in other folders. `report` is an HTML page to write. `scheduler` is the address of a Dask
    cluster that classifies the images of `labels`; its workers have bridge, and the same files
    under the same names.

    The report says whether all agree, and `report.first` is the first layer that does not.
    Raises BridgeError if a model cannot be opened or run, or nothing can be compared.
    """
    from bridge.check.run import check as compared

    feeding = Feeding(
        source=_source(inputs),
        images=paths_of(images),
        labels=None if labels is None else Path(labels),
        preprocessing=preprocessing_of(mean, scale, rgb),
        seed=_at_least(0, "seed", seed),
        batch=_at_least(1, "batch", batch),
        batches=_at_least(1, "batches", batches),
    )
    _refuse_contradictions(feeding)
    if scheduler is not None:
        _refuse_no_cluster(labels, (a, b, graph), allow_external_path=allow_external_path)
    page = None
    if report is not None:
        page = _page(report, files_among(a, b, graph, inputs, labels, mean, *feeding.images))
    opening = Opening(as_names(ignore_fields), allow_external_path)
    with _opened(a, b, graph, opening) as (expected, received, third):
        result = compared(
            expected,
            received,
            feeding,
            runtime=runtime,
            graph=third,
            pictures=page is not None,
            scheduler=scheduler,
            progress=progress,
        )
    if page is not None:
        from bridge.check.report.page import write_page

        progress("writing the report")
        write_page(result, page)
    return result


def _page(report: PathLike, files: Sequence[Path]) -> Path:
    """The page to write, which must not be one of the files that are read."""
    from bridge.check.report.page import page_path

    refuse_collisions({"the report": Path(report)}, files)
    return page_path(report)


@dataclass(frozen=True)
class Opening:
    """How models are read: without these unknown fields of a prototxt, and whether an .onnx may
    have weights in other folders."""

    ignored: tuple[str, ...] = ()
    allow_external_path: bool = False

    def files(self, model: Model, stem: Path, stack: ExitStack) -> ModelFiles:
        """A model as files; one in memory is saved under `stem`."""
        files = model_files(model, stem, self.ignored)
        if not self.allow_external_path or files.path.suffix.lower() != ".onnx":
            return files
        from bridge.graph.io import gathered

        graph = stack.enter_context(gathered(files.path, allow_external_path=True))
        return replace(files, path=graph.path)


@contextmanager
def _opened(
    a: Model, b: Model, graph: Model | None, opening: Opening
) -> Iterator[tuple[ModelFiles, ModelFiles, ModelFiles | None]]:
    """The models as files; those in memory are saved for as long as they are used."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        expected = opening.files(a, folder / "expected", stack)
        received = opening.files(b, folder / "received", stack)
        _refuse_nothing_to_ignore(opening.ignored, expected, received)
        third = None if graph is None else opening.files(graph, folder / "graph", stack)
        paths = [model.path for model in (expected, received, third) if model is not None]
        stack.enter_context(valid_graphs([path for path in paths if path.suffix == ".onnx"]))
        yield expected, received, third


def files_among(*arguments: Any) -> list[Path]:
    """The paths among the arguments; a Caffe net is two."""
    parts = (part for arg in arguments for part in (arg if isinstance(arg, tuple) else (arg,)))
    return [Path(part) for part in parts if isinstance(part, PathLike)]


def model_files(model: Any, stem: Path, ignored: tuple[str, ...]) -> ModelFiles:
    """A model as files; one in memory is saved under `stem`."""
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
        return ModelFiles(path, is_own=True)
    raise UsageError(
        "cannot open this",
        expected="a path, (prototxt, caffemodel), an onnx.ModelProto or a keras.Model",
        received=type(model),
    )


def _refuse_nothing_to_ignore(ignored: Sequence[str], *models: ModelFiles) -> None:
    if ignored and not any(model.kind == "caffe" for model in models):
        raise UsageError(
            "only fields of a prototxt can be ignored, and neither model is a Caffe net",
            received=", ".join(ignored),
        )


def _source(inputs: PathLike | Mapping[str, Array] | None) -> Source | None:
    """Where inputs come from; only the arrays that a model takes are read."""
    if inputs is None:
        return None
    if isinstance(inputs, Mapping):
        arrays = {name: np.asarray(values) for name, values in inputs.items()}
        for name, array in arrays.items():
            if array.dtype.kind not in NUMBERS:
                raise UsageError(f"the input '{name}' is not numeric", received=array.dtype)
        return lambda names: {name: arrays[name] for name in names if name in arrays}
    return RecordedBackend(Path(inputs)).feeds


def paths_of(images: PathLike | Sequence[PathLike]) -> tuple[Path, ...]:
    return (Path(images),) if isinstance(images, PathLike) else tuple(map(Path, images))


def preprocessing_of(
    mean: float | Sequence[float] | PathLike | None,
    scale: float | Sequence[float] | None,
    rgb: bool,
) -> Preprocessing | None:
    """None if no argument asks for any."""
    if mean is None and scale is None and not rgb:
        return None
    if isinstance(mean, PathLike):
        from bridge.caffe.preprocessing import read_mean

        values: Array = read_mean(Path(mean)).array()
    else:
        values = np.atleast_1d(np.asarray(0.0 if mean is None else mean, np.float32))
    factors: Array = np.atleast_1d(np.asarray(1.0 if scale is None else scale, np.float32))
    preprocessing = Preprocessing(values, factors, rgb)
    if not (np.isfinite(values).all() and np.isfinite(factors).all()):
        raise UsageError("the mean or the scale is not finite", received=f"{mean}, {scale}")
    return preprocessing


def _refuse_contradictions(feeding: Feeding) -> None:
    """Refuses arguments that would otherwise be ignored silently."""
    if feeding.source is not None and feeding.images:
        raise UsageError("inputs are either arrays or images", received="both")
    if feeding.preprocessing is not None and not feeding.has_files:
        raise UsageError(
            "mean, scale and rgb are for image files, and there are none",
            hint="name some with --image, or a list or folder of them with --labels",
        )


def _refuse_no_cluster(
    labels: PathLike | None, models: Sequence[Model | None], *, allow_external_path: bool
) -> None:
    """Refuses what a cluster has nothing to do with, and what is on none of its machines."""
    if labels is None:
        raise UsageError(
            "a cluster classifies images, and there are none",
            hint="name a list or a folder of them with --labels",
        )
    if allow_external_path:
        raise UsageError(
            "weights in other folders are copied to this machine alone, and a cluster needs them",
            hint="leave out one of --scheduler and --allow-external-path",
        )
    for model in models:
        if not (model is None or isinstance(model, PathLike | tuple)):
            raise UsageError(
                "a model in memory is on no machine of a cluster",
                expected="a file that all of them can read",
                received=type(model),
                hint="save it, and name the file",
            )


def _at_least(minimum: int, name: str, number: int) -> int:
    if number < minimum:
        raise UsageError(f"{name} is too small", expected=f"{minimum} or more", received=number)
    return number
