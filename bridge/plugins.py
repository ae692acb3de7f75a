"""Rules that others add: files named in the call, and packages that announce themselves.

A plug-in is a Python file, or a module named by an entry point of the group `caffe_bridge`, that
uses `@bridge.layer(...)` and `@bridge.raises(...)`. It is run, so it is as trusted as any program:
packages are those that are installed, and never what lies in the current folder.
"""

from __future__ import annotations

import site
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from importlib.metadata import EntryPoint, distributions
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from bridge.errors import BridgeError, UsageError, words_of
from bridge.files import missing
from bridge.public import PLUGIN

GROUP = "caffe_bridge"


def load_file(path: str | Path) -> None:
    """Runs a plug-in file, once in a process. Raises UsageError where it cannot be run."""
    _load_resolved(Path(path).resolve(), str(path))


@cache
def _load_resolved(path: Path, given: str) -> None:
    name = f"{PLUGIN}{path.stem}_{abs(hash(path)):x}"
    spec = spec_from_file_location(name, path) if path.suffix == ".py" else None
    if not path.is_file():
        raise missing(given, "plug-in")
    if spec is None or spec.loader is None:
        raise UsageError("cannot read this plug-in", where=given, expected="a Python file, .py")
    module = module_from_spec(spec)
    sys.modules[name] = module
    _run(partial(spec.loader.exec_module, module), given)


@cache
def load_entry_points() -> None:
    """Imports what installed packages announce; asked for when a rule is missing, and only then."""
    for found in _announced():
        with only_installed():
            _run(found.load, f"entry point {found.name} = {found.value}")


def _announced() -> list[EntryPoint]:
    """The entry points of the packages in this environment's own folders."""
    folders = [*site.getsitepackages(), site.getusersitepackages()]
    installed = [each for each in folders if each in sys.path]
    return [
        found
        for package in distributions(path=installed)
        for found in package.entry_points.select(group=GROUP)
    ]


@contextmanager
def only_installed() -> Iterator[None]:
    """As long as this lasts no module is found in the current folder."""
    before = list(sys.path)
    sys.path[:] = [each for each in before if not _is_current_folder(each)]
    try:
        yield
    finally:
        sys.path[:] = before


def _is_current_folder(entry: str) -> bool:
    return not entry or Path(entry).resolve() == Path.cwd()


def _run(load: Callable[[], object], where: str) -> None:
    """Runs a plug-in; what it raises is told as its own fault."""
    try:
        load()
    except BridgeError:
        raise
    except (Exception, SystemExit) as error:  # anything at all may go wrong in another's code
        raise UsageError(
            "the plug-in failed when it was run",
            where=where,
            received=f"{type(error).__name__}: {words_of(error)}",
        ) from error
