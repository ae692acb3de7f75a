"""A Dask cluster on this machine, for the tests of what runs on one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


def distributed() -> Any:
    """The package; where it is not installed, the test is skipped."""
    return pytest.importorskip("distributed", reason="distributed (extra dask) is not installed")


@contextmanager
def two_workers() -> Iterator[str]:
    """A cluster of two worker processes; the address of its scheduler."""
    with distributed().LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address
