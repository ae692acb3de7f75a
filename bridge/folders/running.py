"""Who runs the conversions of a folder: threads that each wait for one, or a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING

from bridge.errors import UsageError, words_of
from bridge.folders.tasks import Limits, Outcome, Task, run

if TYPE_CHECKING:
    from distributed import Client

Ended = Iterator[tuple[Task, Outcome]]
"""Tasks with their outcomes, as they end."""

ANSWERS_IN = 30  # seconds that a scheduler may take


def locally(tasks: Sequence[Task], jobs: int, limits: Limits) -> Ended:
    """Runs the tasks here, `jobs` at a time."""
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        futures = {pool.submit(run, task, limits): task for task in tasks}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def on_cluster(address: str, tasks: Sequence[Task], limits: Limits) -> Ended:
    """Runs the tasks on a Dask cluster, as many at a time as its workers have threads.

    A task whose worker dies is given to another; one that has ended several has failed.
    Raises UsageError if distributed is missing or no scheduler answers.
    """
    with _client(address) as client:
        from distributed import KilledWorker
        from distributed import as_completed as ended

        futures = {client.submit(run, task, limits, pure=False): task for task in tasks}
        for future in ended(futures, loop=client.loop):
            try:
                yield futures[future], future.result()
            except KilledWorker as error:
                cause = "the workers that ran it died"
                text = f"{cause}: {words_of(error)}"
                yield futures[future], Outcome("failed", error=text, cause=cause)


def _client(address: str) -> Client:
    try:
        from distributed import Client
    except ImportError as error:
        raise UsageError(
            "distributed is needed for a Dask cluster",
            received=str(error),
            hint="pip install 'caffe-bridge[dask]'",
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
