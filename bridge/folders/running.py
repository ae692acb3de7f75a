"""Who runs the conversions of a folder: threads that each wait for one, or a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial

from bridge import cluster
from bridge.folders.tasks import Limits, Outcome, Task, run

Ended = Iterator[tuple[Task, Outcome]]
"""Tasks with their outcomes, as they end."""


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
    """Runs the tasks on a Dask cluster; one that has ended several workers has failed.

    Raises UsageError if distributed is missing or no scheduler answers.
    """
    for task, result in cluster.on_cluster(address, partial(run, limits=limits), tasks):
        if isinstance(result, cluster.LostError):
            yield task, Outcome("failed", error=str(result), cause=result.problem)
        else:
            yield task, result
