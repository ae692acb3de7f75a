"""Tasks on a Dask cluster, whose workers have bridge and the same files under the same names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from bridge.errors import UsageError, words_of
from bridge.public.extras import pip_install

if TYPE_CHECKING:
    from distributed import Client

Task = TypeVar("Task")
Result = TypeVar("Result")

ANSWERS_IN = 30  # seconds that a scheduler may take


class LostError(UsageError):
    """The workers that ran a task have died, one after the other."""


def on_cluster(
    address: str, function: Callable[[Task], Result], tasks: Sequence[Task]
) -> Iterator[tuple[Task, Result | LostError]]:
    """Each task with what the function returns for it, as they end; as many are run at a time as
    the workers have threads.

    A task whose worker dies is given to another; one that has ended several is lost.
    Raises UsageError if distributed is missing or no scheduler answers, and what the function does.
    """
    with _client(address) as client:
        from distributed import KilledWorker, as_completed

        futures = {client.submit(function, task, pure=False): task for task in tasks}
        for future in as_completed(futures, loop=client.loop):
            try:
                yield futures[future], future.result()
            except KilledWorker as error:
                problem = "the workers that ran it died"
                yield futures[future], LostError(problem, received=words_of(error))


def _client(address: str) -> Client:
    try:
        from distributed import Client
    except ImportError as error:
        raise UsageError(
            "distributed is needed for a Dask cluster",
            received=str(error),
            hint=pip_install("dask"),
        ) from error
    try:
        return Client(address, timeout=ANSWERS_IN, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UsageError(
            "no Dask scheduler answers",
            where=address,
            expected="its address, such as tcp://host:8786",
            received=words_of(error),
        ) from error
