"""The stages of a command, on standard error: the current one, or with --verbose each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter

from bridge.errors import plain


class Run:
    """A command that is going on. `stage` is for the `progress` argument of the package's verbs."""

    def __init__(self, draw: Callable[[str], None], *, verbose: bool) -> None:
        self._draw, self._verbose = draw, verbose
        self._start = self._since = perf_counter()
        self._stage = "starting"

    @property
    def seconds(self) -> float:
        return perf_counter() - self._start

    def stage(self, name: str) -> None:
        self._end_stage()
        self._stage = plain(name)
        self._draw(self._stage)

    def _end_stage(self) -> None:
        now = perf_counter()
        if self._verbose:
            print(f"{now - self._since:7.2f} s  {self._stage}", file=sys.stderr)
        self._since = now

    def end(self) -> None:
        self._end_stage()


@contextmanager
def running(*, verbose: bool = False) -> Iterator[Run]:
    """Shows the current stage and the time that has passed, if standard error is a terminal."""
    if verbose or not sys.stderr.isatty():
        run = Run(lambda _: None, verbose=verbose)
        yield run
        run.end()
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("starting", total=None)
        yield Run(lambda name: shown.update(task, description=name), verbose=False)
