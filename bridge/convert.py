"""The verbs: whole conversions, each a chain of the stages, checked before anything is left.

Nothing heavy is imported before a verb needs it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bridge.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import keras
    import onnx
    import onnx_ir as ir

    from bridge.check.report import Report
    from bridge.lower.model import LoweredModel
    from bridge.raising.plan import Plan

PathLike = str | Path
Dims = tuple[int | str, ...]
Progress = Callable[[str], None]
WeightsMode = Literal["inline", "external", "linked"]
IoLayout = Literal["channels_last", "onnx"]


def silent(stage: str) -> None:
    """Reports no progress."""


@dataclass(frozen=True)
class Conversion:
    """What `caffe_to_onnx` gives.

    `inputs` and `outputs` are shapes by blob name, in the graph's order; a free batch size is
    the word `batch`. `path` is None where no file was asked for, `report` where no check was.
    """

    path: Path | None
    inputs: Mapping[str, Dims]
    outputs: Mapping[str, Dims]
    warnings: tuple[str, ...]
    report: Report | None
    model: LoweredModel = field(repr=False)

    @property
    def proto(self) -> onnx.ModelProto:
        """The whole model, weights included, as a message of its own."""
        from bridge.graph.io import to_proto

        return to_proto(self.model)


@dataclass(frozen=True)
class Raising:
    """What raising gives: the model, the plan it was built from, and what the check found.

    `plan.values` says for each ONNX value where it is in the model and how it is stored.
    """

    model: keras.Model
    plan: Plan
    report: Report | None = None
    warnings: tuple[str, ...] = ()


def caffe_to_onnx(
    prototxt: PathLike,
    caffemodel: PathLike | None = None,
    output: PathLike | None = None,
    *,
    check: bool = True,
    weights: WeightsMode | None = None,
    outputs: Sequence[str] = (),
    opset: int = 17,
    batch: int | None = None,
    input_shape: Mapping[str, Sequence[int]] | None = None,
    progress: Progress = silent,
) -> Conversion:
    """Lowers a Caffe net to an NCHW ONNX graph of standard operators.

    `check` runs the graph in onnxruntime on seeded inputs and holds every blob's shape against
    Caffe's own formula. `weights` is how they are written: inline, external or linked. `outputs`
    cuts the net at these blobs. `batch` fixes the batch size, which is free where the net allows
    it; `input_shape` reshapes inputs by name, as Caffe's `net.reshape` does.

    Raises BridgeError for whatever cannot be carried over; then no file is left.
    """
    progress("reading the net")
    lowered = _lowered(prototxt, caffemodel, outputs, opset, batch, input_shape)
    report, path = None, None
    if output is not None:
        path, report = _save_onnx(lowered, Path(output), weights, check, progress)
    elif check:
        with _temporary_onnx(lowered) as file:
            report = _checked_onnx(file, lowered, progress)
    return Conversion(path, lowered.inputs, lowered.outputs, lowered.warnings, report, lowered)


def onnx_to_keras(
    model_or_path: PathLike | onnx.ModelProto,
    output: PathLike | None = None,
    *,
    io_layout: IoLayout = "channels_last",
    check: bool = True,
    progress: Progress = silent,
) -> keras.Model:
    """Raises an ONNX graph to a native Keras model.

    Inputs and outputs are in the graph's order, inputs keep their names. With `io_layout`
    `channels_last` images are n h w c; with `onnx` the model takes and gives ONNX's own arrays.
    `check` compares every output with onnxruntime's on seeded inputs.

    Raises BridgeError for whatever cannot be carried over; then no file is left.
    """
    return raise_onnx(
        model_or_path, output, io_layout=io_layout, check=check, progress=progress
    ).model


def raise_onnx(
    model_or_path: PathLike | onnx.ModelProto,
    output: PathLike | None = None,
    *,
    io_layout: IoLayout = "channels_last",
    check: bool = True,
    progress: Progress = silent,
) -> Raising:
    """`onnx_to_keras`, with the plan and the report beside the model."""
    from bridge.graph.io import load

    with _as_file(model_or_path) as path:
        progress("reading the graph")
        return _raised(load(path), path, output, io_layout, check, progress)


def caffe_to_keras(
    prototxt: PathLike,
    caffemodel: PathLike | None = None,
    output: PathLike | None = None,
    *,
    check: bool = True,
    io_layout: IoLayout = "channels_last",
    progress: Progress = silent,
    **options: Any,
) -> keras.Model:
    """Both conversions in one, with the checks of both. Options as in the two."""
    return raise_caffe(
        prototxt,
        caffemodel,
        output,
        check=check,
        io_layout=io_layout,
        progress=progress,
        **options,
    ).model


def raise_caffe(
    prototxt: PathLike,
    caffemodel: PathLike | None = None,
    output: PathLike | None = None,
    *,
    check: bool = True,
    io_layout: IoLayout = "channels_last",
    outputs: Sequence[str] = (),
    batch: int | None = None,
    input_shape: Mapping[str, Sequence[int]] | None = None,
    progress: Progress = silent,
) -> Raising:
    """`caffe_to_keras`, with the plan, the report and the warnings beside the model."""
    from bridge.graph.io import to_ir

    progress("reading the net")
    lowered = _lowered(prototxt, caffemodel, outputs, 17, batch, input_shape)
    if not check:
        raised = _raised(to_ir(lowered), None, output, io_layout, check, progress)
    else:
        with _temporary_onnx(lowered) as path:
            _checked_onnx(path, lowered, progress)
            raised = _raised(to_ir(lowered), path, output, io_layout, check, progress)
    return replace(raised, warnings=lowered.warnings)


def _lowered(
    prototxt: PathLike,
    caffemodel: PathLike | None,
    outputs: Sequence[str],
    opset: int,
    batch: int | None,
    input_shape: Mapping[str, Sequence[int]] | None,
) -> LoweredModel:
    from bridge.caffe import read
    from bridge.lower import lower

    shapes = {name: tuple(shape) for name, shape in (input_shape or {}).items()}
    net = read(prototxt, caffemodel)
    return lower(net, input_shape=shapes, batch=batch, opset=opset, outputs=outputs)


def _save_onnx(
    lowered: LoweredModel, path: Path, weights: WeightsMode | None, check: bool, progress: Progress
) -> tuple[Path, Report | None]:
    from bridge.graph.io import save

    reports: list[Report] = []

    def hold(file: Path) -> None:
        reports.append(_checked_onnx(file, lowered, progress))

    progress("writing the graph")
    saved = save(lowered, path, weights=weights, check=hold if check else None)
    return saved, reports[0] if reports else None


def _checked_onnx(path: Path, lowered: LoweredModel, progress: Progress) -> Report:
    from bridge.check.verify import check_onnx

    progress("running it in onnxruntime")
    return check_onnx(path, lowered.values)


def _raised(
    model: ir.Model,
    path: Path | None,
    output: PathLike | None,
    io_layout: IoLayout,
    check: bool,
    progress: Progress,
) -> Raising:
    """`path` is the same graph as a file, for onnxruntime; only a check needs it."""
    from bridge.graph.passes import run_passes
    from bridge.raising import raise_model

    plan = raise_model(run_passes(model), io_layout)
    progress("building the Keras model")
    _require_keras()
    from bridge.keras.build import build

    built, report = build(plan), None
    if check and path is not None:
        from bridge.check.verify import check_keras

        progress("comparing Keras with onnxruntime")
        report = check_keras(built, plan, path)
    if output is not None:
        from bridge.keras.export import save

        progress("writing the Keras model")
        save(built, output)
    return Raising(built, plan, report)


def _require_keras() -> None:
    """Imports Keras, with a word on what to install where that fails."""
    try:
        import keras  # noqa: F401 (the import is the test)
    except ImportError as error:
        raise UsageError(
            "Keras and a backend are needed for this",
            received=str(error),
            hint="pip install 'caffe-bridge[keras]'",
        ) from error


@contextmanager
def _temporary_onnx(lowered: LoweredModel) -> Iterator[Path]:
    from bridge.graph.io import save

    with tempfile.TemporaryDirectory() as folder:
        yield save(lowered, Path(folder) / "model.onnx")


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
