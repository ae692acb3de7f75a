"""Solvers: Caffe's training settings. One that contains its net is read as that net.

(Source: SolverParameter in src/caffe/proto/caffe.proto, Solver::InitTrainNet in
src/caffe/solver.cpp)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bridge.caffe.files.textformat import Scalar, Tree
from bridge.errors import PrototxtError

_INSIDE = ("net_param", "test_net_param", "train_net_param")
_NAMED = ("net", "test_net", "train_net")
_OTHERS = ("base_lr", "lr_policy", "max_iter", "test_iter", "solver_mode", "snapshot_prefix")


def net_of(tree: Tree) -> tuple[Tree, tuple[str, ...]]:
    """The net in a text file, and a warning if the file is a solver with the net inside.

    Errors: PrototxtError for a solver whose net is in another file.
    """
    fields = {field.name: field for field in tree.fields}
    if {"layer", "layers"} & fields.keys() or fields.keys().isdisjoint(
        (*_INSIDE, *_NAMED, *_OTHERS)
    ):
        return tree, ()
    for field in (fields[name] for name in _INSIDE if name in fields):
        if not isinstance(field.value, Scalar):
            where = tree.source.at(field.offset)
            note = f"{where}: this is a solver; the net in its {field.name} is read"
            return Tree(field.value, tree.source), (note,)
    named = [fields[name].value for name in _NAMED if name in fields]
    paths = [value.text for value in named if isinstance(value, Scalar)]
    raise PrototxtError(
        "this is a solver, not a net",
        where=tree.source.at(0),
        expected="NET.prototxt, with layers",
        hint=_hint(Path(tree.source.file), paths),
    )


def _hint(solver: Path, paths: Sequence[str]) -> str:
    """Where the net is: the path in the solver, or a file of the same name next to it."""
    if not paths:
        return "pass the net that it trains, deploy.prototxt or train_val.prototxt"
    candidates = (solver.parent / name for path in paths for name in (path, Path(path).name))
    return f"pass the net that it names: {next(filter(Path.is_file, candidates), paths[0])}"
