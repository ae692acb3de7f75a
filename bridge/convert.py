"""The verbs: whole conversions, each a chain of the stages; no file is left before its check.

No large package is imported before a verb needs it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from bridge.errors import UsageError, after
from bridge.files.outputs import refuse_collisions, writable
from bridge.from_caffe import files_of, lowered_for, lowered_net
from bridge.from_onnx import opened, reference
from bridge.public import public
from bridge.public.deployment import Choices, deployment
from bridge.public.options import (
    CaffeToKerasKeywords,
    GraphOptions,
    LoweringKeywords,
    LoweringOptions,
    OnnxToKerasKeywords,
    PathLike,
    RaisingOptions,
    SolverOptions,
    WeightsMode,
    with_options,
)
from bridge.public.progress import Bytes, Progress, in_bytes, silent
from bridge.results import Conversion, Raising
from bridge.to_keras import raised

if TYPE_CHECKING:
    from collections.abc import Iterator

    import keras
    import onnx

    from bridge.check.report import Report
    from bridge.lower.model import LoweredModel


@public
@with_options(LoweringOptions)
def caffe_to_onnx(
    prototxt: PathLike,
    caffemodel: PathLike | None = None,
    output: PathLike | None = None,
    *,
    check: bool = True,
    weights: WeightsMode | None = None,
    fp16: bool = False,
    runtime: str | None = None,
    progress: Progress = silent,
    **options: Unpack[LoweringKeywords],
) -> Conversion:
    """Lowers a Caffe net to an NCHW ONNX graph of standard operators.

    `check` runs the graph in onnxruntime on seeded inputs and compares every blob's shape with
    Caffe's own formula, and warns of weights that are not finite. `weights` is how they are
    written: inline, external or linked. `fp16` writes half precision, with float32 inputs and
    outputs, and then `check` compares these with what single precision gives. `runtime` is the one
    that the graph is for: it chooses options that are not given (`bridge.public.deployment`, as
    `--for` of the command line); the result's `chosen` says which.
    The other options are those of `bridge.public.options.LoweringOptions`.

    Raises BridgeError for whatever cannot be converted; then no file is left.
    """
    from bridge.graph.io import refuse_unknown_mode
    from bridge.lower.model import with_warnings

    lowering = LoweringOptions.of(options)
    refuse_unknown_mode(weights)
    chosen = _chosen_for(runtime, {**options, "weights": weights})
    weights = weights or chosen.weights
    path = None if output is None else Path(output)
    if path is not None:
        refuse_collisions({"the graph": path}, files_of(prototxt, caffemodel, lowering))
        writable(path, (".onnx",))
    if fp16 and weights == "linked":
        raise UsageError(
            "weights of half precision cannot be linked: the caffemodel has them in single",
            hint="leave out one of --fp16 and --weights linked, or write --weights external",
        )
    progress("reading the net")
    single, chosen = lowered_for(prototxt, caffemodel, lowering, chosen)
    lowered = _halved(single, progress) if fp16 else single
    lowered = with_warnings(lowered) if check else lowered
    run = partial(_checked_onnx, lowered, single if fp16 else None, progress) if check else None
    report = None
    with after(lowered.warnings):
        if path is not None:
            progress("writing the graph")
            written = in_bytes(progress, "writing the graph")
            path, report = _save_onnx(lowered, path, weights, run, written)
        elif run is not None:
            with _temporary_onnx(lowered) as file:
                report = run(file)
    warnings = _all_warnings(lowered.warnings, report)
    return Conversion(path, lowered.inputs, lowered.outputs, warnings, report, lowered, chosen)


@public
@with_options(RaisingOptions, GraphOptions)
def onnx_to_keras(
    model_or_path: PathLike | onnx.ModelProto,
    output: PathLike | None = None,
    **options: Unpack[OnnxToKerasKeywords],
) -> keras.Model:
    """Raises an ONNX graph to a native Keras model.

    Inputs and outputs have the graph's order and, as Keras spells them, its names. With `io_layout`
    `channels_last` images are n h w c; with `onnx` the model takes and returns ONNX's own arrays.
    The `target` `speed` is a model that runs faster on a CPU, at equal numbers, and is less
    natural: batch normalisations go into the weights before them, groups are split.
    `check` compares every output with onnxruntime's on seeded inputs. `map` is a file for the
    translation map, as JSON; `translation_map(model)` gives the same.
    `outputs` cuts the graph to these of its values; `input_shape` and `batch` fix sizes of its
    inputs, and `input_value` makes inputs constants. The check is of the graph as it is then.
    `allow_external_path` reads weights that the file has in other folders.

    Raises BridgeError for whatever cannot be converted; then no file is left.
    """
    _require_keras()
    return raise_onnx(model_or_path, output, **options).model


@public
@with_options(RaisingOptions, GraphOptions)
def raise_onnx(
    model_or_path: PathLike | onnx.ModelProto,
    output: PathLike | None = None,
    **options: Unpack[OnnxToKerasKeywords],
) -> Raising:
    """`onnx_to_keras`, with the plan, the map and the report beside the model.

    A `.keras` file is written without Keras, which is imported for its check, and for the `model`
    when it is asked for. Where Keras is not installed, a warning says that there was no check.
    """
    from bridge.graph.finite import not_finite, weights_of

    raising, graph = RaisingOptions.of(options), GraphOptions.of(options)
    raising.progress("reading the graph")
    with opened(model_or_path, graph) as file, ExitStack() as stack:
        model = file.model
        _refuse_outputs(file.files, output, raising.map)
        warnings = tuple(not_finite(weights_of(model))) if raising.check else ()
        compared = stack.enter_context(
            reference(model, file.path, graph, check=raising.check, progress=raising.progress)
        )
        done = raised(model, None, compared.path, output, raising)
        warnings += (*compared.notes, *done.warnings)
        return replace(done, warnings=_all_warnings(warnings, done.report))


@public
@with_options(RaisingOptions, LoweringOptions, SolverOptions)
def caffe_to_keras(
    prototxt: PathLike,
    caffemodel: PathLike | None = None,
    output: PathLike | None = None,
    **options: Unpack[CaffeToKerasKeywords],
) -> keras.Model:
    """Both conversions in one, with the checks of both. Options as in the two.

    With a `solver` the net is converted for training (docs/training.md).
    """
    _require_keras()
    return raise_caffe(prototxt, caffemodel, output, **options).model


@public
@with_options(RaisingOptions, LoweringOptions, SolverOptions)
def raise_caffe(
    prototxt: PathLike,
    caffemodel: PathLike | None = None,
    output: PathLike | None = None,
    **options: Unpack[CaffeToKerasKeywords],
) -> Raising:
    """`caffe_to_keras`, with the plan, the map and the report beside the model, and without Keras
    as `raise_onnx`."""
    from bridge.graph.io import to_ir
    from bridge.lower.model import with_warnings

    lowering, raising = LoweringOptions.of(options), RaisingOptions.of(options)
    solver = SolverOptions.of(options)
    read = [*files_of(prototxt, caffemodel, lowering), *map(Path, solver.files)]
    _refuse_outputs(read, output, raising.map)
    if solver.files:
        _require_keras()
        from bridge.training.conversion import Files, convert_training

        return convert_training(Files(prototxt, caffemodel, solver), output, lowering, raising)
    raising.progress("reading the net")
    lowered = lowered_net(prototxt, caffemodel, lowering)
    lowered = with_warnings(lowered) if raising.check else lowered
    with after(lowered.warnings), ExitStack() as stack:
        path = stack.enter_context(_temporary_onnx(lowered)) if raising.check else None
        done = raised(to_ir(lowered), lowered, path, output, raising)
    warnings = (*lowered.warnings, *done.warnings)
    return replace(done, warnings=_all_warnings(warnings, done.report))


def _all_warnings(warnings: tuple[str, ...], report: Report | None) -> tuple[str, ...]:
    """The warnings of a conversion and of its check."""
    return warnings if report is None else (*warnings, *report.warnings)


def _chosen_for(runtime: str | None, options: Mapping[str, object]) -> Choices:
    return Choices() if runtime is None else deployment(runtime).chosen(options)


def _halved(lowered: LoweredModel, progress: Progress) -> LoweredModel:
    from bridge.graph.half import to_half

    progress("halving the precision")
    return to_half(lowered)


def _save_onnx(
    lowered: LoweredModel,
    path: Path,
    weights: WeightsMode | None,
    check: Callable[[Path], Report] | None,
    written: Bytes,
) -> tuple[Path, Report | None]:
    from bridge.graph.io import save

    if check is None:
        return save(lowered, path, weights=weights, written=written), None
    reports: list[Report] = []

    def run(file: Path) -> None:
        reports.append(check(file))

    saved = save(lowered, path, weights=weights, check=run, written=written)
    return saved, reports[0]


def _checked_onnx(
    lowered: LoweredModel, single: LoweredModel | None, progress: Progress, path: Path
) -> Report:
    """`single` is the model in single precision, if `path` has it in half."""
    from bridge.check.verify import check_half, check_onnx

    progress("running it in onnxruntime")
    if single is None:
        return check_onnx(path, lowered.values)
    progress("comparing half precision with single")
    with _temporary_onnx(single) as whole:
        return check_half(path, whole, lowered.values)


def _require_keras() -> None:
    """Whoever asks for a model, and has no Keras, shall not get a file first."""
    import bridge.keras  # noqa: F401 (refuses where Keras is missing)


def _refuse_outputs(inputs: Iterable[Path], output: PathLike | None, map: PathLike | None) -> None:
    outputs = {"the model": output, "its map": map}
    refuse_collisions({name: Path(path) for name, path in outputs.items() if path}, inputs)
    if map is not None:
        writable(Path(map), (".json",), "map")


@contextmanager
def _temporary_onnx(lowered: LoweredModel) -> Iterator[Path]:
    from bridge.graph.io import save

    with tempfile.TemporaryDirectory() as folder:
        yield save(lowered, Path(folder) / "model.onnx")
