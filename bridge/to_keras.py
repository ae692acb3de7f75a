"""From a graph to a Keras model, in memory or as a file, as the options of a conversion have it.

A `.keras` file is written from the plan. Keras is imported for the check, which loads that very
file; for the other kinds of files; and for whoever asks for the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.errors import UnsupportedError, UsageError
from bridge.files.outputs import refuse_unknown_kind, writable
from bridge.files.staging import staged
from bridge.public.options import PathLike, Progress, RaisingOptions
from bridge.results import Raising

if TYPE_CHECKING:
    import keras

    from bridge import ir
    from bridge.lower.model import LoweredModel
    from bridge.lower.values import Dims

_UNCHECKED = (
    "the model was not compared with onnxruntime, as Keras is not installed here: pip install "
    "'caffe-bridge[keras]' and convert again, or compare the file where Keras is: "
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
    from bridge.raising import raise_model

    target = None if output is None else Path(output)
    if target is not None:
        _refuse_unwritable(target)
    plan = raise_model(run_passes(model), options.io_layout, options.target)
    raising = Raising(plan, lowered, warnings=tuple(depth_warnings(plan)))
    values = None if lowered is None else lowered.values
    check = _Check(path, values, options.progress) if options.check and path is not None else None
    if target is not None and target.suffix == ".keras" and is_known(plan):
        return _archived(raising, check, target, options)
    return _built(raising, check, target, options)


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

    def without_keras(self, raising: Raising, name: str) -> Raising:
        """With the shapes checked, if Caffe says any, and the warning that no more is."""
        from bridge.check.verify import check_onnx

        if self.values is not None:
            self.progress("running it in onnxruntime")
            check_onnx(self.path, self.values)
        return replace(raising, warnings=(*raising.warnings, _UNCHECKED.format(name=name)))


def _refuse_unwritable(path: Path) -> None:
    refuse_unknown_kind(path)
    if path.suffix == ".keras":
        writable(path, (".keras",))
        return
    from bridge.keras.export import refuse_unwritable

    refuse_unwritable(path)


def _archived(
    raising: Raising, check: _Check | None, output: Path, options: RaisingOptions
) -> Raising:
    """Written as a `.keras` file, which is loaded for the check before it gets its name."""
    from bridge.archive.write import write

    with ExitStack() as files:
        options.progress("writing the Keras model")
        file = files.enter_context(staged(output))
        write(raising.plan, file)
        if check is not None and find_spec("keras") is None:
            raising = check.without_keras(raising, output.name)
        elif check is not None:
            options.progress("loading it in Keras")
            raising = check.compared(replace(raising, loaded=_loaded(file, raising)))
        _write_map(raising, files, options)
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
    raising: Raising, check: _Check | None, output: Path | None, options: RaisingOptions
) -> Raising:
    """Built by Keras, where a check or another kind of file asks for it."""
    if check is not None:
        options.progress("building the Keras model")
        raising = check.compared(raising)
    with ExitStack() as files:
        if output is not None:
            from bridge.keras.export import write

            options.progress("writing the Keras model")
            write(raising.model, files.enter_context(staged(output)))
        _write_map(raising, files, options)
    return raising


def _write_map(raising: Raising, files: ExitStack, options: RaisingOptions) -> None:
    """Staged last it is the first to get its name: there is no model without its map."""
    if options.map is not None:
        raising.map.write(files.enter_context(staged(Path(options.map))))
