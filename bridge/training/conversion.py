"""A Caffe net for training as a Keras model in a file, compiled where plain Keras trains it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import keras

from bridge.caffe.files.solver_settings import Solver, read_solver
from bridge.caffe.files.solverstate import read_solverstate
from bridge.check.verify import check_keras
from bridge.errors import UsageError, after
from bridge.files.outputs import SCRIPT, writable
from bridge.files.staging import staged, staging
from bridge.from_caffe import lower_net
from bridge.graph.io import save
from bridge.keras.export import write
from bridge.lower.model import LoweredModel, with_warnings
from bridge.public.options import LoweringOptions, PathLike, RaisingOptions, SolverOptions
from bridge.results import Raising
from bridge.script.run import saved
from bridge.script.write import publish, refuse_name
from bridge.training.net.parameters import in_testing
from bridge.training.net.setup import Setup, set_up
from bridge.training.run import TrainingRun
from bridge.training.script.write import refuse_unscripted
from bridge.training.script.write import write as write_script

if TYPE_CHECKING:
    from bridge.check.report import Report

# What would make another net of it than the one that is trained.
_OTHER_NETS = tuple("outputs dynamic fold_bn inference portable mean scale rgb batch opset".split())


@dataclass(frozen=True)
class Files:
    """What a training is read from."""

    prototxt: PathLike
    caffemodel: PathLike | None
    solver: SolverOptions


def convert_training(
    files: Files, output: PathLike | None, lowering: LoweringOptions, raising: RaisingOptions
) -> Raising:
    """The model of a training, with the solver's memory in it if it is compiled; otherwise a
    warning says why it is not. The check is of the model in testing.

    Raises BridgeError for whatever cannot be trained as Caffe does; then no file is left.
    """
    _refuse_other_nets(lowering, raising)
    target = None if output is None else writable(Path(output), (".keras", SCRIPT))
    if target is not None and target.suffix == SCRIPT:
        refuse_name(target)
    if files.solver.solver is None:
        raise UsageError("a solver state needs its solver", expected="solver=SOLVER.prototxt")
    solver = read_solver(files.solver.solver)
    state = files.solver.solverstate and read_solverstate(files.solver.solverstate)
    raising.progress("reading the net")
    setup = set_up(files.prototxt, files.caffemodel, lowering)
    with after(setup.warnings):
        run = TrainingRun(setup, solver, state or None)
        if target is not None and target.suffix == SCRIPT:
            refuse_unscripted(setup, solver, files.solver)
        lowered = _lowered(setup, lowering, raising)
        done = Raising(setup.plan, lowered, loaded=setup.model)
        if target is not None and target.suffix == SCRIPT:
            report = _scripted(done, setup, solver, target, raising)
        else:
            report = _written(done, target, raising)
    warnings = (*lowered.warnings, *solver.warnings, *_why(run))
    warnings += () if report is None else report.warnings
    return replace(done, report=report, warnings=warnings)


def _refuse_other_nets(lowering: LoweringOptions, raising: RaisingOptions) -> None:
    defaults = LoweringOptions()
    changed = [n for n in _OTHER_NETS if getattr(lowering, n) != getattr(defaults, n)]
    changed += [
        name
        for name in ("io_layout", "target", "fp16", "int8")
        if getattr(raising, name) != getattr(RaisingOptions(), name)
    ]
    if changed:
        raise UsageError(
            "with a solver the net is converted as Caffe trains it",
            received=", ".join(f"--{name.replace('_', '-')}" for name in changed),
            hint="leave these options out; images are prepared before they are fed",
        )


def _lowered(setup: Setup, options: LoweringOptions, raising: RaisingOptions) -> LoweredModel:
    """The net with its weights, in testing, for the check."""
    outputs = replace(options, outputs=setup.objectives.computed)
    lowered = lower_net(in_testing(setup.net), outputs)
    return with_warnings(lowered) if raising.check else lowered


def _written(done: Raising, target: Path | None, options: RaisingOptions) -> Report | None:
    """Written, loaded again and compared, before the file gets its name."""
    if target is None:
        return _checked(done, done.model, options)
    with staged(target) as file:
        options.progress("writing the Keras model")
        write(done.model, file)
        report = _checked(done, _loaded(file), options)
        if options.map is not None:
            done.map.save(options.map)
    return report


def _scripted(
    done: Raising, setup: Setup, solver: Solver, target: Path, options: RaisingOptions
) -> Report | None:
    """Written as a script, which is run, and its model compared, before it gets its name."""
    report = None
    with staging(target) as script:
        options.progress("writing the script and its weights")
        write_script(setup, solver, script.path)
        if options.check:
            options.progress("running the script")
            file = script.path.with_suffix(".keras")
            saved(script.path, file)
            report = _checked(done, _loaded(file), options)
        if options.map is not None:
            done.map.save(options.map)
        publish(script)
    return report


def _loaded(file: Path) -> keras.Model:
    """As plain Keras loads it, with what it is compiled with."""
    model: keras.Model = keras.saving.load_model(file, safe_mode=True)
    return model


def _checked(done: Raising, model: keras.Model, options: RaisingOptions) -> Report | None:
    if not options.check or done.lowered is None:
        return None
    options.progress("comparing Keras with onnxruntime")
    with _temporary(done.lowered) as path:
        return check_keras(model, done.plan, path, done.lowered.values)


@contextmanager
def _temporary(lowered: LoweredModel) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield save(lowered, Path(folder) / "model.onnx")


def _why(run: TrainingRun) -> Sequence[str]:
    if not run.why_uncompiled:
        return ()
    reasons = "; ".join(run.why_uncompiled)
    warning = (
        f"the model is not compiled, since plain Keras does not compute these steps: {reasons}. "
        "bridge.caffe_training trains it as Caffe does"
    )
    return (warning,)
