"""A plan → a script, and its weights in a file beside it, which appear together or not at all."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from itertools import chain, count
from pathlib import Path

from bridge.archive.hdf5 import frame
from bridge.archive.weights import WeightsFile, entries
from bridge.errors import UnsupportedError, UsageError
from bridge.files.staging import Staged, locked
from bridge.public.progress import Bytes, uncounted
from bridge.raising.plan import Plan
from bridge.script.literals import quoted
from bridge.script.program import MADE_BY, Program

ENDING = ".weights.h5"
_PACKAGES = "absl h5py jax keras ml_dtypes numpy optree rich tensorflow torch".split()
_MODULES = frozenset([*_PACKAGES, *sys.stdlib_module_names])
_MOST = 1000  # conversions to one name, after which the first name is free again
_NAMED = re.compile(r'^WEIGHTS = Path\(__file__\)\.with_name\(("[^"\\]+")\)$', re.MULTILINE)


def write(plan: Plan, path: Path, written: Bytes = uncounted) -> None:
    """Writes a new script and, beside it, the file of its weights; `written` is called with the
    bytes of these that are written.

    Raises UnsupportedError for what no script can say; OSError if the system refuses it.
    """
    if not plan.inputs or not plan.outputs:
        raise UnsupportedError(
            "a Keras model needs inputs and outputs",
            received=f"{len(plan.inputs)} inputs, {len(plan.outputs)} outputs",
        )
    program = Program(plan)
    weights = weights_path(path)
    path.write_text(program.text(weights.name), encoding="utf-8")
    arrays = tuple(chain(entries(program.graph), program.constants.entries()))
    with weights.open("wb") as file:
        content = WeightsFile(arrays, frame([entry.dataset for entry in arrays]))
        for piece in content.pieces(written):
            file.write(piece)


def refuse_name(script: Path) -> None:
    """Refuses the name of a module that a script imports, itself or through Keras: Python would
    take the script for it. Raises UsageError."""
    if script.stem in _MODULES:
        raise UsageError(
            "a script of this name would be imported for the module of that name",
            where=script,
            hint=f"name it otherwise: net_{script.name}",
        )


def weights_path(script: Path, number: int = 0) -> Path:
    """The file of the weights of a new script."""
    return script.with_name(f"{script.stem}{f'.{number}' if number else ''}{ENDING}")


def publish(staged: Staged) -> None:
    """Gives a script and its weights their names. The weights get one that no file has, after that
    of the script that was there: so a script never finds another's, whatever ends this in between,
    and whoever has just read it."""
    target, written = staged.target, weights_path(staged.path)
    with locked(target.parent):
        old = weights_beside(target)
        named = next(path for path in _names(target, old) if not _is_there(path))
        text = staged.path.read_text(encoding="utf-8")
        before, after = (f"with_name({quoted(path.name)})" for path in (written, named))
        staged.path.write_text(text.replace(before, after, 1), encoding="utf-8")
        staged.publish({written: named}, old)


def _names(script: Path, old: Sequence[Path]) -> Iterator[Path]:
    """The names for weights, from that after the old ones' on."""
    known = [weights_path(script, number) for number in range(_MOST)]
    first = max((known.index(path) + 1 for path in old if path in known), default=0)
    return (weights_path(script, number) for number in count(first))


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def weights_beside(script: Path) -> list[Path]:
    """The file of the weights of a script that this package wrote, if it is there."""
    try:
        text = script.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    literals = _NAMED.findall(text) if MADE_BY in text else []
    names = [ast.literal_eval(literal) for literal in literals]
    files = [script.with_name(name) for name in names if "/" not in name]
    return [file for file in files if file.is_file() and file.name.endswith(ENDING)]
