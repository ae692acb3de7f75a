"""The stages of a command, on standard error: the current one, or with --verbose each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter

from bridge.errors import plain

_BAR = 16  # columns of a terminal


class Run:
    """A command that is going on. `stage` is for the `progress` argument of the package's verbs."""

    def __init__(self, draw: Callable[[str, float | None], None], *, verbose: bool) -> None:
        self._draw, self._verbose = draw, verbose
        self._start = self._since = perf_counter()
        self._stage = "starting"

    @property
    def seconds(self) -> float:
        return perf_counter() - self._start

    def stage(self, name: str) -> None:
        """A new stage, or of the current one a `Part`."""
        from bridge.public.progress import Part

        stage, share = name, None
        if isinstance(name, Part):
            stage, share = name.stage, name.done / max(1, name.total)
        if share is None or plain(stage) != self._stage:
            self._end_stage()
            self._stage = plain(stage)
        self._draw(plain(name), share)

    def _end_stage(self) -> None:
        now = perf_counter()
        if self._verbose:
            print(f"{now - self._since:7.2f} s  {self._stage}", file=sys.stderr)
        self._since = now

    def end(self) -> None:
        self._end_stage()


@contextmanager
def running(*, verbose: bool = False) -> Iterator[Run]:
    """Shows the current stage, how much of it is done and the time that has passed, if standard
    error is a terminal."""
    if verbose or not sys.stderr.isatty():
        run = Run(lambda *_: None, verbose=verbose)
        yield run
        run.end()
        return
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Task as Shown
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    class Bar(ProgressColumn):
        """Of a stage that says how much of it is done; nothing of others."""

        def render(self, task: Shown) -> ProgressBar | Text:
            share = task.fields.get("share")
            return Text() if share is None else ProgressBar(1.0, share, width=_BAR)

    columns = (
        SpinnerColumn(),
        TimeElapsedColumn(),
        Bar(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("starting", total=None)

        def draw(name: str, share: float | None) -> None:
            shown.update(task, description=name, share=share)

        yield Run(draw, verbose=False)
