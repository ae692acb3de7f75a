"""From a graph to a Keras model, in memory or as a file, as the options of a conversion have it.

A `.keras` file, a script, and most `.tflite` files are written from the plan. Keras is imported for
the check, which loads that very file, or what the script makes in a process of its own; for the
other kinds of files; and for whoever asks for the model. A `.tflite` is checked in LiteRT.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from bridge.errors import UnsupportedError, UsageError
from bridge.files.outputs import LITE, MODEL_KINDS, SCRIPT, refuse_unknown_kind, writable
from bridge.files.staging import staged, staging
from bridge.public.extras import pip_install
from bridge.public.options import PathLike, RaisingOptions
from bridge.public.progress import Progress, in_bytes
from bridge.results import Raising
from bridge.types import Array

if TYPE_CHECKING:
    import keras

    from bridge import ir
    from bridge.keras.litert import Rounding
    from bridge.lower.model import LoweredModel
    from bridge.lower.values import Dims
    from bridge.raising.plan import Plan
    from bridge.tflite.emission import LiteModel

DYNAMIC = "dynamic"  # the `int8` that rounds weights alone

_UNCHECKED = (
    "the model was not compared with onnxruntime, as {runtime} is not installed here: {install} "
    "and convert again, or compare the file where {runtime} is: "
    "python -m bridge check (the net or the graph) {name}"
)


def raised(
    model: ir.Model,
    lowered: LoweredModel | None,
    path: Path | None,
    output: PathLike | None,
    options: RaisingOptions,
) -> Raising:
    """`lowered` is the Caffe net's model, if the graph comes from one; `path` is the graph as a
    file, for its check, or None without one.

    Raises BridgeError for what cannot be raised, written or loaded; then no file is left.
    """
    from bridge.archive.depth import depth_warnings
    from bridge.archive.write import is_known
    from bridge.graph.passes import run_passes
    from bridge.ir import Snapshot
    from bridge.raising import raise_model

    target = None if output is None else Path(output)
    if target is not None:
        _refuse_unwritable(target, options)
    _refuse_rounding(target, options)
    graph = Snapshot(model.graph) if lowered is None else None
    plan = raise_model(run_passes(model), options.io_layout, options.target)
    raising = Raising(plan, lowered, graph, warnings=tuple(depth_warnings(plan)))
    values = None if lowered is None else lowered.values
    check = _Check(path, values, options.progress) if options.check and path is not None else None
    if target is not None and target.suffix == SCRIPT:
        return _scripted(raising, check, target, options)
    if target is not None and target.suffix == ".keras" and is_known(plan):
        return _archived(raising, check, target, options)
    if target is not None and target.suffix == LITE and not _is_rounded(options):
        model_of_file = _lite_model(plan, target, options)
        if model_of_file is not None:
            return _lite(raising, model_of_file, check, target, options)
    return _built(
        raising, check, target, options, _Rounding.of(options, plan, model.metadata_props)
    )


@dataclass(frozen=True)
class _Check:
    """Of a model against the graph in a file, which Caffe holds to these shapes, if it has one."""

    path: Path
    values: Mapping[str, Dims] | None
    progress: Progress

    def compared(self, raising: Raising) -> Raising:
        """With the model, and the report of the check, which it has passed."""
        from bridge.check.verify import check_keras

        model = raising.model
        self.progress("comparing Keras with onnxruntime")
        report = check_keras(model, raising.plan, self.path, self.values)
        return replace(raising, loaded=model, report=report)

    def exported(self, raising: Raising, file: Path, rounding: _Rounding | None) -> Raising:
        """With what LiteRT's check says: of a file that rounds to int8, how near it is."""
        from bridge.check.litert.verify import check_litert

        self.progress("comparing LiteRT with onnxruntime")
        dtype, samples = ("", ()) if rounding is None else (rounding.dtype, rounding.samples)
        report = check_litert(file, raising.plan, self.path, dtype, samples)
        warnings = (*raising.warnings, *report.warnings)
        # Without rows there is nothing that was held to a limit.
        shown = replace(report, warnings=()) if report.rows else raising.report
        return replace(raising, report=shown, warnings=warnings)

    def without(self, runtime: str, install: str, raising: Raising, name: str) -> Raising:
        """With the shapes checked, if Caffe says any, and the warning that no more is: the runtime
        is not there, and how it is installed."""
        from bridge.check.verify import check_onnx

        if self.values is not None:
            self.progress("running it in onnxruntime")
            check_onnx(self.path, self.values)
        warning = _UNCHECKED.format(runtime=runtime, install=install, name=name)
        return replace(raising, warnings=(*raising.warnings, warning))


@dataclass(frozen=True)
class _Rounding:
    """To what a .tflite rounds, and what the net is typically fed, in ONNX's axis order."""

    dtype: Literal["float16", "int8"]
    samples: tuple[Mapping[str, Array], ...] = ()

    @classmethod
    def of(cls, options: RaisingOptions, plan: Plan, metadata: Mapping[str, str]) -> Self | None:
        """`metadata` are the graph's, which may say which images it takes."""
        if options.fp16:
            return cls("float16")
        if options.int8 is None:
            return None
        if str(options.int8) == DYNAMIC:
            return cls("int8")
        from bridge.check.litert.samples import samples
        from bridge.graph.io.images import Pixels

        layouts = {entry.value: (plan.values[entry.value].layout, entry) for entry in plan.inputs}
        inputs = {name: (x.logical_shape, entry.dtype) for name, (x, entry) in layouts.items()}
        return cls("int8", samples(Path(options.int8), inputs, Pixels.of(metadata)))

    def stored(self, plan: Plan) -> Rounding:
        """As Keras takes the samples."""
        from bridge.keras.litert import Rounding

        layouts = {entry.value: plan.values[entry.value].layout for entry in plan.inputs}
        return Rounding(
            self.dtype,
            [[x.apply(feeds[name]) for name, x in layouts.items()] for feeds in self.samples],
        )


def _refuse_rounding(target: Path | None, options: RaisingOptions) -> None:
    asked = [name for name in ("fp16", "int8") if getattr(options, name)]
    if len(asked) > 1:
        raise UsageError("a file is rounded to one of fp16 and int8", hint="leave out one of them")
    if asked and (target is None or target.suffix != ".tflite"):
        raise UsageError(
            f"only a .tflite is rounded by --{asked[0]}",
            where=target,
            expected="an output that ends in .tflite",
            hint="caffe-to-onnx --fp16 writes an .onnx in half precision",
        )


def _refuse_unwritable(path: Path, options: RaisingOptions) -> None:
    refuse_unknown_kind(path, (*MODEL_KINDS, SCRIPT))
    if path.suffix == SCRIPT:
        from bridge.script.write import refuse_name

        refuse_name(path)
    is_plain = path.suffix == LITE and not _is_rounded(options)
    if is_plain or path.suffix in (".keras", SCRIPT):
        writable(path, (path.suffix,))
        return
    from bridge.keras.export import refuse_unwritable

    refuse_unwritable(path)


def _is_rounded(options: RaisingOptions) -> bool:
    return options.fp16 or options.int8 is not None


def _lite_model(plan: Plan, output: Path, options: RaisingOptions) -> LiteModel | None:
    """What is written without TensorFlow; None where that has to write it.

    Raises UnsupportedError where TensorFlow is not installed, UsageError where Keras does not run
    on it.
    """
    from bridge.tflite.emission import lite_model

    try:
        return lite_model(plan)
    except UnsupportedError as error:
        if find_spec("tensorflow") is None or find_spec("keras") is None:
            raise UnsupportedError(
                "TensorFlow has to write this .tflite, and it is not installed",
                where=error.where,
                received=error.received,
                hint=pip_install("keras"),
            ) from error
        from bridge.keras.export import refuse_unwritable

        refuse_unwritable(output)
        options.progress(f"TensorFlow writes it, for {error.where}: {error.received}")
        return None


def _lite(
    raising: Raising,
    model: LiteModel,
    check: _Check | None,
    output: Path,
    options: RaisingOptions,
) -> Raising:
    """Written as a `.tflite`, which LiteRT runs for the check before it gets its name."""
    from bridge.tflite.write import write

    with ExitStack() as files:
        stage = "writing the .tflite"
        options.progress(stage)
        file = files.enter_context(staged(output))
        write(model, file, in_bytes(options.progress, stage))
        if check is not None and not any(map(find_spec, _RUNS_LITE)):
            raising = check.without("LiteRT", "pip install ai-edge-litert", raising, output.name)
        elif check is not None:
            raising = check.exported(raising, file, None)
        _write_map(raising, files, options)
    return raising


_RUNS_LITE = ("ai_edge_litert", "tensorflow")


def _archived(
    raising: Raising, check: _Check | None, output: Path, options: RaisingOptions
) -> Raising:
    """Written as a `.keras` file, which is loaded for the check before it gets its name."""
    from bridge.archive.write import write

    with ExitStack() as files:
        stage = "writing the Keras model"
        options.progress(stage)
        file = files.enter_context(staged(output))
        write(raising.plan, file, in_bytes(options.progress, stage))
        if check is not None and find_spec("keras") is None:
            raising = check.without("Keras", pip_install("keras"), raising, output.name)
        elif check is not None:
            options.progress("loading it in Keras")
            raising = check.compared(replace(raising, loaded=_loaded(file, raising)))
        _write_map(raising, files, options)
    return raising


def _scripted(
    raising: Raising, check: _Check | None, output: Path, options: RaisingOptions
) -> Raising:
    """Written as a script, which is run for the check before it gets its name."""
    from bridge.archive.write import refuse_unknown
    from bridge.script.run import saved
    from bridge.script.write import publish, write

    refuse_unknown(raising.plan)
    with staging(output) as script, ExitStack() as files:
        stage = "writing the script and its weights"
        options.progress(stage)
        write(raising.plan, script.path, in_bytes(options.progress, stage))
        if check is not None and find_spec("keras") is None:
            raising = check.without("Keras", pip_install("keras"), raising, output.name)
        elif check is not None:
            options.progress("running the script")
            model = script.path.with_suffix(".keras")
            saved(script.path, model)
            raising = check.compared(replace(raising, loaded=_loaded(model, raising)))
        _write_map(raising, files, options)
        publish(script)
    return raising


def _loaded(file: Path, raising: Raising) -> keras.Model:
    """Raises UnsupportedError, which names the layer that Keras refuses, if it is one."""
    from bridge.keras.build import build
    from bridge.keras.load import load

    try:
        return load(file)
    except UsageError as error:
        build(raising.plan)
        raise UnsupportedError(
            "Keras builds this model, and cannot load it from a file",
            received=error.received,
            hint="convert it in Python, without an output: bridge.onnx_to_keras(...)",
        ) from error


def _built(
    raising: Raising,
    check: _Check | None,
    output: Path | None,
    options: RaisingOptions,
    rounding: _Rounding | None,
) -> Raising:
    """Built by Keras, where a check or another kind of file asks for it."""
    if check is not None:
        options.progress("building the Keras model")
        raising = check.compared(raising)
    with ExitStack() as files:
        if output is not None:
            options.progress("writing the Keras model")
            raising = _exported(raising, check, files.enter_context(staged(output)), rounding)
        _write_map(raising, files, options)
    return raising


def _exported(
    raising: Raising, check: _Check | None, file: Path, rounding: _Rounding | None
) -> Raising:
    """Written as another kind of file; a .tflite is compared as well."""
    from bridge.keras.export import write

    write(raising.model, file, None if rounding is None else rounding.stored(raising.plan))
    if check is None or file.suffix != ".tflite":
        return raising
    return check.exported(raising, file, rounding)


def _write_map(raising: Raising, files: ExitStack, options: RaisingOptions) -> None:
    """Staged last it is the first to get its name: there is no model without its map."""
    if options.map is not None:
        raising.map.write(files.enter_context(staged(Path(options.map))))
