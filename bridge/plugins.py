"""Rules that others add: files named in the call, and packages that announce themselves.

A plug-in is a Python file, or a module named by an entry point of the group `caffe_bridge`, that
uses `@bridge.layer(...)` and `@bridge.raises(...)`. It is run, so it is as trusted as any program.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache, partial
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from bridge.errors import BridgeError, UsageError

GROUP = "caffe_bridge"


def load_file(path: str | Path) -> None:
    """Runs a plug-in file, once in a process. Raises UsageError where it cannot be run."""
    _load_resolved(Path(path).resolve(), str(path))


@cache
def _load_resolved(path: Path, given: str) -> None:
    name = f"bridge_plugin_{path.stem}_{abs(hash(path)):x}"
    spec = spec_from_file_location(name, path) if path.suffix == ".py" else None
    if spec is None or spec.loader is None or not path.is_file():
        raise UsageError("cannot read this plug-in", where=given, expected="a Python file, .py")
    module = module_from_spec(spec)
    sys.modules[name] = module
    _run(partial(spec.loader.exec_module, module), given)


@cache
def load_entry_points() -> None:
    """Imports what installed packages announce; asked for when a rule is missing, and only then."""
    for found in entry_points(group=GROUP):
        _run(found.load, f"entry point {found.name} = {found.value}")


def _run(load: Callable[[], object], where: str) -> None:
    """Runs a plug-in; what it raises is told as its own fault."""
    try:
        load()
    except BridgeError:
        raise
    except Exception as error:  # anything at all may go wrong in another's code
        raise UsageError(
            "the plug-in failed when it was run",
            where=where,
            received=f"{type(error).__name__}: {error}",
        ) from error
