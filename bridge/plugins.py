"""A user's own rules: files named in the call, and packages with an entry point.

A plug-in is a Python file, or a module named by an entry point of the group `caffe_bridge`, that
uses `@bridge.layer(...)` and `@bridge.raises(...)`. It is run, so it is as trusted as any program:
packages are those that are installed, and never modules of the current folder.
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
    """Runs a plug-in file, once in a process. Raises UsageError if it cannot be run."""
    _load_resolved(Path(path).resolve(), str(path))


@cache
def _load_resolved(path: Path, named: str) -> None:
    name = f"{PLUGIN}{path.stem}_{abs(hash(path)):x}"
    spec = spec_from_file_location(name, path) if path.suffix == ".py" else None
    if not path.is_file():
        raise missing(named, "plug-in")
    if spec is None or spec.loader is None:
        raise UsageError("cannot read this plug-in", where=named, expected="a Python file, .py")
    module = module_from_spec(spec)
    sys.modules[name] = module
    _run(partial(spec.loader.exec_module, module), named)


@cache
def load_entry_points() -> None:
    """Imports the plug-ins of installed packages; called only when a rule is missing."""
    for point in _entry_points():
        with only_installed():
            _run(point.load, f"entry point {point.name} = {point.value}")


def _entry_points() -> list[EntryPoint]:
    """The entry points of the packages in this environment's own folders."""
    folders = [*site.getsitepackages(), site.getusersitepackages()]
    installed = [folder for folder in folders if folder in sys.path]
    return [
        point
        for package in distributions(path=installed)
        for point in package.entry_points.select(group=GROUP)
    ]


@contextmanager
def only_installed() -> Iterator[None]:
    """Within it, no module is imported from the current folder."""
    before = list(sys.path)
    sys.path[:] = [entry for entry in before if not _is_current_folder(entry)]
    try:
        yield
    finally:
        sys.path[:] = before


def _is_current_folder(entry: str) -> bool:
    return not entry or Path(entry).resolve() == Path.cwd()


def _run(load: Callable[[], object], where: str) -> None:
    """Runs a plug-in; any exception is reported as its fault."""
    try:
        load()
    except BridgeError:
        raise
    except (Exception, SystemExit) as error:  # a plug-in may raise anything
        raise UsageError(
            "the plug-in failed when it was run",
            where=where,
            received=f"{type(error).__name__}: {words_of(error)}",
        ) from error
