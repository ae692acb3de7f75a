"""Tasks on a Dask cluster."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from bridge import cluster
from bridge.errors import UsageError
from bridge.public.extras import pip_install
from tests.folders.cluster import distributed, two_workers


def test_without_distributed_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match="distributed is needed") as refusal:
        list(cluster.on_cluster("tcp://127.0.0.1:1", len, []))
    assert refusal.value.hint == pip_install("dask")


@pytest.mark.nightly
def test_a_scheduler_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed()
    monkeypatch.setattr(cluster, "ANSWERS_IN", 0.2)
    for address in ("tcp://127.0.0.1:1", "nonsense://x"):
        with pytest.raises(UsageError, match="no Dask scheduler answers"):
            list(cluster.on_cluster(address, len, ["ab"]))


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore")
def test_a_task_that_ends_its_workers_is_lost_and_the_others_are_done() -> None:
    def ends_some(text: str) -> int:
        if text == "end":
            os.kill(os.getpid(), signal.SIGKILL)
        return len(text)

    tasks = ["a", "end", "abcd"]
    with two_workers() as address:
        results = dict(cluster.on_cluster(address, ends_some, tasks))
    assert (results["a"], results["abcd"]) == (1, 4)
    assert isinstance(results["end"], cluster.LostError)
