"""The verbs: whole conversions, each a chain of the stages, checked before anything is left.

Nothing heavy is imported before a verb needs it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.errors import UsageError, after
from bridge.from_caffe import files_of, lower_net, lowered_net, read_net
from bridge.options import LoweringOptions
from bridge.outputs import refuse_collisions, staged, writable
from bridge.public import public
from bridge.results import (
    Conversion,
    IoLayout,
    PathLike,
    Progress,
    Raising,
    WeightsMode,
    remember,
    silent,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import keras
    import onnx
    import onnx_ir as ir

    from bridge.check.report import Report
    from bridge.lower.model import LoweredModel
    from bridge.raising import Target
    from bridge.translation import TranslationMap


@public
def caffe_to_onnx(
    prototxt: PathLike,
    caffemodel: PathLike | None = None,
    output: PathLike | None = None,
    *,
    check: bool = True,
    weights: WeightsMode | None = None,
    fp16: bool = False,
    progress: Progress = silent,
    **options: Any,
) -> Conversion:
    """Lowers a Caffe net to an NCHW ONNX graph of standard operators.

    `check` runs the graph in onnxruntime on seeded inputs and holds every blob's shape against
    Caffe's own formula. `weights` is how they are written: inline, external or linked.
    `fp16` writes half precision, with float32 inputs and outputs, and then `check` compares these
    with what single precision gives.
    `options` are those of `bridge.options.LoweringOptions`.

    Raises BridgeError for whatever cannot be carried over; then no file is left.
    """
    from bridge.graph.io import refuse_unknown_mode

    given = LoweringOptions.of(options)
    refuse_unknown_mode(weights)
    if output is not None:
        refuse_collisions({"the graph": Path(output)}, files_of(prototxt, caffemodel, given))
        writable(Path(output), (".onnx",))
    if fp16 and weights == "linked":
        raise UsageError(
            "weights of half precision cannot be linked: the caffemodel holds others",
            hint="leave out one of --fp16 and --weights linked, or write --weights external",
        )
    progress("reading the net")
    lowered = lowered_net(prototxt, caffemodel, given)
    single = lowered if fp16 else None
    if fp16:
        from bridge.graph.half import to_half

        progress("halving the precision")
        lowered = to_half(lowered)
    from bridge.graph.finite import with_warnings

    lowered = with_warnings(lowered)
    report, path = None, None
    with after(lowered.warnings):
        if output is not None:
            path, report = _save_onnx(lowered, single, Path(output), weights, check, progress)
        elif check:
            with _temporary_onnx(lowered) as file:
                report = _checked_onnx(file, lowered, progress, single)
    warnings = _joined(lowered.warnings, report)
    return Conversion(path, lowered.inputs, lowered.outputs, warnings, report, lowered)


@public
def onnx_to_keras(
    model_or_path: PathLike | onnx.ModelProto,
    output: PathLike | None = None,
    *,
    io_layout: IoLayout = "channels_last",
    target: Target = "natural",
    check: bool = True,
    map: PathLike | None = None,
    progress: Progress = silent,
) -> keras.Model:
    """Raises an ONNX graph to a native Keras model.

    Inputs and outputs are in the graph's order, inputs keep their names. With `io_layout`
    `channels_last` images are n h w c; with `onnx` the model takes and gives ONNX's own arrays.
    The `target` `speed` is a model that runs faster on a CPU, at equal numbers, and is less
    natural: batch normalisations go into the weights before them, groups are split.
    `check` compares every output with onnxruntime's on seeded inputs. `map` is a file for the
    translation map, as JSON; `translation_map(model)` gives the same.

    Raises BridgeError for whatever cannot be carried over; then no file is left.
    """
    return raise_onnx(
        model_or_path,
        output,
        io_layout=io_layout,
        target=target,
        check=check,
        map=map,
        progress=progress,
    ).model


@public
def raise_onnx(
    model_or_path: PathLike | onnx.ModelProto,
    output: PathLike | None = None,
    *,
    io_layout: IoLayout = "channels_last",
    target: Target = "natural",
    check: bool = True,
    map: PathLike | None = None,
    progress: Progress = silent,
) -> Raising:
    """`onnx_to_keras`, with the plan, the map and the report beside the model."""
    from bridge.graph.finite import not_finite, weights_of
    from bridge.graph.io import external_files, load
    from bridge.graph.validity import valid_graphs

    with _as_file(model_or_path) as path, valid_graphs([path]):
        progress("reading the graph")
        model, checked = load(path), path if check else None
        _refuse_outputs([path, *external_files(model)], output, map)
        warnings = tuple(not_finite(weights_of(model)))
        raised = _raised(model, None, checked, output, io_layout, target, map, progress)
        return replace(raised, warnings=_joined(warnings, raised.report))


@public
def caffe_to_keras(
    prototxt: PathLike,
    caffemodel: PathLike | None = None,
    output: PathLike | None = None,
    *,
    check: bool = True,
    io_layout: IoLayout = "channels_last",
    target: Target = "natural",
    progress: Progress = silent,
    **options: Any,
) -> keras.Model:
    """Both conversions in one, with the checks of both. Options as in the two."""
    keywords = {"check": check, "io_layout": io_layout, "target": target, **options}
    return raise_caffe(prototxt, caffemodel, output, progress=progress, **keywords).model


@public
def raise_caffe(
    prototxt: PathLike,
    caffemodel: PathLike | None = None,
    output: PathLike | None = None,
    *,
    check: bool = True,
    io_layout: IoLayout = "channels_last",
    target: Target = "natural",
    map: PathLike | None = None,
    progress: Progress = silent,
    **options: Any,
) -> Raising:
    """`caffe_to_keras`, with the plan, the map, the report and the warnings beside the model."""
    from bridge.graph.finite import with_warnings
    from bridge.graph.io import to_ir

    given = LoweringOptions.of(options)
    _refuse_outputs(files_of(prototxt, caffemodel, given), output, map)
    progress("reading the net")
    lowered = with_warnings(lowered_net(prototxt, caffemodel, given))
    with after(lowered.warnings), ExitStack() as stack:
        path = stack.enter_context(_temporary_onnx(lowered)) if check else None
        if path is not None:
            _checked_onnx(path, lowered, progress)
        raised = _raised(to_ir(lowered), lowered, path, output, io_layout, target, map, progress)
    return replace(raised, warnings=_joined(lowered.warnings, raised.report))


def _joined(warnings: tuple[str, ...], report: Report | None) -> tuple[str, ...]:
    """Those of a conversion and of its check."""
    return warnings if report is None else (*warnings, *report.warnings)


@public
def explain(
    prototxt: PathLike,
    caffemodel: PathLike | None = None,
    *,
    blob: str | None = None,
    io_layout: IoLayout = "channels_last",
    **options: Any,
) -> TranslationMap:
    """How a Caffe net maps to Keras, blob by blob and weight by weight, without building it.

    Neither Keras nor, for what the shapes alone say, a caffemodel is needed. `blob` confines the
    map to one blob and the layers that write it; the other options are those of `caffe_to_keras`.

    Raises BridgeError for whatever cannot be carried over.
    """
    from bridge.caffe.match import with_unknown_weights
    from bridge.graph.io import to_ir
    from bridge.graph.passes import run_passes
    from bridge.lower.cut import cut
    from bridge.raising import raise_model
    from bridge.translation import translation_map

    given = LoweringOptions.of(options)
    net = read_net(prototxt, caffemodel, given, with_unknown_weights)
    lowered = lower_net(net, given)
    with after(lowered.warnings):
        whole = translation_map(raise_model(run_passes(to_ir(lowered)), io_layout), lowered)
    kept = cut(net, given.outputs).layers
    writers = {top: layer.name for layer in kept for top in layer.tops}
    return whole if blob is None else whole.of_blob(blob, writers)


def _save_onnx(
    lowered: LoweredModel,
    single: LoweredModel | None,
    path: Path,
    weights: WeightsMode | None,
    check: bool,
    progress: Progress,
) -> tuple[Path, Report | None]:
    from bridge.graph.io import save

    reports: list[Report] = []

    def hold(file: Path) -> None:
        reports.append(_checked_onnx(file, lowered, progress, single))

    progress("writing the graph")
    saved = save(lowered, path, weights=weights, check=hold if check else None)
    return saved, reports[0] if reports else None


def _checked_onnx(
    path: Path, lowered: LoweredModel, progress: Progress, single: LoweredModel | None = None
) -> Report:
    """`single` is the model in single precision, where `path` has it in half."""
    from bridge.check.verify import check_half, check_onnx

    progress("running it in onnxruntime")
    report = check_onnx(path, lowered.values)
    if single is None:
        return report
    progress("comparing half precision with single")
    with _temporary_onnx(single) as whole:
        return check_half(path, whole)


def _raised(
    model: ir.Model,
    lowered: LoweredModel | None,
    path: Path | None,
    output: PathLike | None,
    io_layout: IoLayout,
    target: Target,
    map: PathLike | None,
    progress: Progress,
) -> Raising:
    """`lowered` is what the graph was made of, if that is known; `path` the same graph as a file,
    if it is to be checked."""
    from bridge.graph.passes import run_passes
    from bridge.raising import raise_model
    from bridge.translation import translation_map

    plan = raise_model(run_passes(model), io_layout, target)
    progress("building the Keras model")
    from bridge.keras.build import build
    from bridge.keras.export import refuse_unwritable, write

    if output is not None:
        refuse_unwritable(Path(output))
    built, report = build(plan), None
    found = translation_map(plan, lowered)
    remember(built, found)
    if path is not None:
        from bridge.check.verify import check_keras

        progress("comparing Keras with onnxruntime")
        report = check_keras(built, plan, path)
    with ExitStack() as places:
        if output is not None:
            progress("writing the Keras model")
            write(built, places.enter_context(staged(Path(output))))
        if map is not None:
            # Staged last it is the first to get its name: there is no model without its map.
            found.write(places.enter_context(staged(Path(map))))
    return Raising(built, plan, found, report)


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
