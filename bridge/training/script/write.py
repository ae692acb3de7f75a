"""A training as a script that needs Keras alone: the net, its losses, the solver and the batches.

What plain Keras does not compute step for step as Caffe does is in the script, as this package has
it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import keras

from bridge.archive.write import refuse_unknown
from bridge.caffe.files.solver_settings import Solver
from bridge.errors import UnsupportedError, UsageError
from bridge.public.options import SolverOptions
from bridge.raising.plan import Call, Plan
from bridge.script.constants import Constants
from bridge.script.literals import Code
from bridge.script.program import Program
from bridge.script.write import weights_path
from bridge.training.net.setup import Setup
from bridge.training.script.compiled import Compiled
from bridge.training.script.data import batches, prepared
from bridge.training.script.limits import targets, unscripted
from bridge.training.script.objects import source_of
from bridge.training.solving.native import reasons, regularize

_MAIN = """\
if __name__ == "__main__":
    model = load()
    compiled(model).fit(batches(sys.argv[1]), steps_per_epoch={steps}, epochs=1)
    model.save(Path(__file__).with_suffix(".keras"))
"""


def refuse_unscripted(setup: Setup, solver: Solver, files: SolverOptions) -> None:
    """Raises UnsupportedError for a training of which no script computes Caffe's steps, with the
    reasons, and UsageError for one that goes on from a snapshot."""
    why = tuple(dict.fromkeys(unscripted(setup, reasons(setup, solver))))
    if why:
        raise UnsupportedError(
            "no script trains this net as Caffe does",
            lines=why,
            hint="bridge.caffe_training trains it as Caffe does",
        )
    if files.solverstate is not None:
        raise UsageError(
            "a script begins at the first step, without what a solver remembers",
            received=files.solverstate,
            hint="write a .keras file, which has the solver's memory in it",
        )


def write(setup: Setup, solver: Solver, path: Path) -> None:
    """Writes the script of a training to a new file, and its weights beside it.

    Raises UnsupportedError for what no script can say, OSError if the system refuses it.
    """
    why = reasons(setup, solver)
    if why.all and not why.optimizer:
        regularize(setup, solver)
    plan = _with_training(setup)
    refuse_unknown(plan)
    weights, constants = weights_path(path), Constants()
    compiled = Compiled(setup, solver, why)
    carried = compiled.carried
    functions = (
        prepared(setup, constants),
        *compiled.texts(sorted(carried.names)),
        batches(setup, targets(setup)),
        _main(solver),
    )
    imports = frozenset({("numpy", ""), ("sys", ""), *carried.imports})
    ends = tuple(filter(None, functions))
    program = Program(plan, constants, ends, imports, tuple(carried.blocks), carried.names)
    path.write_text(program.text(weights.name), encoding="utf-8")
    setup.model.save_weights(weights)
    with h5py.File(weights, "a") as file:
        for name, array in constants.arrays():
            file[name] = array


# ---- the net ---------------------------------------------------------------------------------


def _with_training(setup: Setup) -> Plan:
    """The plan, in whose layers it says what is trained, and with what decay."""
    calls = tuple(
        replace(c, options={**c.options, **_own(setup.model, c)}) for c in setup.plan.calls
    )
    return replace(setup.plan, calls=calls)


def _own(model: keras.Model, call: Call) -> dict[str, Any]:
    if call.again is not None or not call.weights:
        return {}
    layer = model.get_layer(call.name)
    owner = getattr(layer, "cell", layer)
    regularizers = {
        f"{role}_regularizer": getattr(owner, f"{role}_regularizer", None) for role in call.weights
    }
    options: dict[str, Any] = {
        name: Code(str(source_of(value))) for name, value in regularizers.items() if value
    }
    return options if layer.trainable else {**options, "trainable": False}


def _main(solver: Solver) -> str:
    return _MAIN.format(steps=max(solver.max_iter, 1) * solver.iter_size)
