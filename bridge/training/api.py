"""The public functions of training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from bridge.errors import UsageError, after
from bridge.files import readable
from bridge.public import public
from bridge.public.options import PathLike, TrainingKeywords, TrainingOptions, with_options

if TYPE_CHECKING:
    from bridge.check.report import Report
    from bridge.training.run import TrainingRun


@public
@with_options(TrainingOptions)
def caffe_training(
    prototxt: PathLike,
    caffemodel: PathLike | None = None,
    solver: PathLike | None = None,
    solverstate: PathLike | None = None,
    **options: Unpack[TrainingKeywords],
) -> TrainingRun:
    """A Caffe training in Keras: `step` is one iteration of Caffe's solver, and `model` is trained.

    `prototxt` is the net for training, read in phase TRAIN; without a `caffemodel` its fillers
    make the weights. `solverstate` is the solver's part of a snapshot, of which `caffemodel` is the
    net's: the training goes on from there.

    Raises BridgeError for whatever cannot be trained just as Caffe does.
    """
    import bridge.keras  # noqa: F401 (refuses where Keras is missing)
    from bridge.caffe.files.solver_settings import read_solver
    from bridge.caffe.files.solverstate import read_solverstate
    from bridge.training.net.setup import set_up
    from bridge.training.run import TrainingRun

    if solver is None:
        raise UsageError("there is no solver to train by", expected="solver=SOLVER.prototxt")
    settings = read_solver(solver)
    state = None if solverstate is None else read_solverstate(solverstate)
    setup = set_up(prototxt, caffemodel, TrainingOptions.of(options).lowering)
    with after(setup.warnings):
        return TrainingRun(setup, settings, state)


@public
@with_options(TrainingOptions)
def check_training(
    prototxt: PathLike,
    caffemodel: PathLike | None = None,
    solver: PathLike | None = None,
    record: PathLike | None = None,
    solverstate: PathLike | None = None,
    **options: Unpack[TrainingKeywords],
) -> Report:
    """Replays a recorded training of Caffe's from the same weights, and compares step by step what
    the net returns, the gradients of the first step, and the weights after each step that has them.

    `record` is an .npz (docs/training.md). The report ends with the first step that differs.
    Raises BridgeError for whatever cannot be trained or compared.
    """
    if record is None:
        raise UsageError("there is no record to replay", expected="record=IO.npz")
    run = caffe_training(prototxt, caffemodel, solver, solverstate, **options)
    from bridge.training.replay import read_record, replayed

    return replayed(run, read_record(readable(record, "record")), str(record))
